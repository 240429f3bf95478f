"""The journals of an experiment: how they are written and how they are read.

One writer per file. A journal gets one line per record with one `write`; a reader remembers its
byte offset and never reads past the last newline, so a killed writer leaves a readable prefix.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from experiments.errors import StoreError
from experiments.events import SCHEMA, Damaged, Event, Opened, decode, encode
from experiments.system_error import explained, store_error

PIECE_BYTES = 1 << 16
"""How much of a journal is read at once, because records take several times the room of text."""


class JournalWriter:
    """Appends events to a journal; the only writer of its file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            with explained(path):
                _lock(self._file, path)
                size = os.fstat(self._file).st_size
            self._torn = size > 0 and not _ends_with_newline(path)
            if size == 0:
                self.append(Opened(schema=SCHEMA))
        except StoreError:
            self.close()
            raise

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Write one record; `durable` waits until it is on the disk."""
        # A killed writer, or a full disk, tore the last line; end it, so that it spoils no other.
        line = b"\n" * self._torn + encode(event)
        self._torn = True
        with explained(self._path):
            # A disk that fills up takes a part without an error and refuses the rest.
            while line:
                line = line[os.write(self._file, line) :]
            self._torn = False
            if durable:
                os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class JournalReader:
    """Follows a journal: each `read` returns what is new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines = 0
        self._size = 0

    def read(self) -> list[Event]:
        """The records since the last call; a line that is none becomes `Damaged`."""
        return [event for piece in self.pieces() for event in piece]

    def pieces(self) -> Iterator[list[Event]]:
        """The records since the last call, those of about `PIECE_BYTES` at a time.

        What was handed out does not come again, whatever goes wrong behind it.
        """
        try:
            # Followers ask several times a second, mostly for nothing.
            if self._path.stat().st_size == self._size:
                return
            with self._path.open("rb") as file:
                file.seek(self._offset)
                torn = b""
                while text := file.read(PIECE_BYTES):
                    torn, events = self._split(torn + text)
                    yield events
        except FileNotFoundError:
            return
        except OSError as error:
            raise store_error(self._path, error) from error

    def _split(self, text: bytes) -> tuple[bytes, list[Event]]:
        """What no newline ends yet, and the records before it."""
        complete = text[: text.rfind(b"\n") + 1]
        lines = complete.split(b"\n")[:-1]
        events = list(self._records(lines))
        self._size = self._offset + len(text)
        self._offset += len(complete)
        self._lines += len(lines)
        return text[len(complete) :], events

    def _records(self, lines: list[bytes]) -> Iterator[Event]:
        for number, line in enumerate(lines, self._lines + 1):
            if not line:
                continue
            try:
                event = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield Damaged(time=0.0, line=number, problem=str(error))
                continue
            if isinstance(event, Opened) and event.schema > SCHEMA:
                raise StoreError(
                    f"{self._path} was written by a newer keras-seq "
                    f"(schema {event.schema}, this one reads {SCHEMA}). Upgrade keras-seq."
                )
            yield event


def _lock(file: int, path: Path) -> None:
    """Keep others from writing until this process ends, however it ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreError(f"{path} is being written by another process.") from error
    except OSError as error:
        # Some network file systems have no locks; there the caller's own checks must do.
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
            raise


def _ends_with_newline(path: Path) -> bool:
    with explained(path), path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
