"""Digests of experiments at rest, kept beside them: a file that may be deleted at any time.

The journals stay the truth. A digest counts only while the files that it was made of are the same;
where the index cannot be used, it is as if it were empty.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from experiments.digest import Digest
from experiments.store import ExperimentFolder

FILE = ".index.sqlite"
BUSY_SECONDS = 1.0
_VERSION = zlib.crc32(" ".join(Digest.__struct_fields__).encode()) & 0x7FFFFFFF
"""Of what is kept; the index of another version is begun anew."""

Stamp = str
"""Says when the files of an experiment were written."""


def stamp_of(folder: ExperimentFolder) -> Stamp:
    """The stamp of an experiment's own files; raises `OSError` where there are none.

    Those of its trials do not count: nothing is added to them unless a supervisor begins, and that
    is in its journal.
    """
    parts = []
    for path in (folder.config, folder.journal):
        with suppress(FileNotFoundError):
            status = path.stat()
            parts.append(f"{status.st_mtime_ns} {status.st_size}")
    return " ".join(parts)


class Index:
    """The digests under a root."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE

    def read(self) -> dict[str, tuple[Stamp, Digest]]:
        """Everything that is kept, by experiment."""
        if not self._path.exists():
            return {}
        with suppress(sqlite3.Error, msgspec.MsgspecError), closing(self._opened()) as file:
            rows = file.execute("SELECT name, stamp, digest FROM digests").fetchall()
            decoder = msgspec.json.Decoder(Digest)
            return {name: (stamp, decoder.decode(text)) for name, stamp, text in rows}
        return {}

    def write(self, found: Iterable[tuple[str, Stamp, Digest]], gone: Iterable[str] = ()) -> None:
        """Keep digests, and forget those of the experiments that are `gone`."""
        rows = [(name, stamp, msgspec.json.encode(digest)) for name, stamp, digest in found]
        absent = [(name,) for name in gone]
        if not rows and not absent:
            return
        try:
            self._write(rows, absent)
        except sqlite3.DatabaseError as error:
            if type(error) is sqlite3.DatabaseError:  # it is no database: begin anew
                with suppress(sqlite3.Error, OSError):
                    self._path.unlink(missing_ok=True)
                    self._write(rows, absent)

    def _write(self, rows: list[tuple[str, Stamp, bytes]], absent: list[tuple[str]]) -> None:
        with closing(self._opened()) as file, file:
            file.execute(
                "CREATE TABLE IF NOT EXISTS digests "
                "(name TEXT PRIMARY KEY, stamp TEXT, digest BLOB)"
            )
            file.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", rows)
            file.executemany("DELETE FROM digests WHERE name = ?", absent)

    def _opened(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        try:
            (version,) = file.execute("PRAGMA user_version").fetchone()
            if version != _VERSION:
                with file:
                    file.execute("DROP TABLE IF EXISTS digests")
                    file.execute(f"PRAGMA user_version = {_VERSION}")
        except BaseException:  # whatever it is, an interrupt too: nobody else has this to close
            file.close()
            raise
        return file
