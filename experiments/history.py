"""All experiments under a root, without reading more than is new."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.digest import Digest, digest, is_at_rest, values_of
from experiments.errors import KerasSeqError
from experiments.index import Index, Stamp, stamp_of
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.store import ExperimentFolder, experiments


@dataclass(frozen=True)
class Entry:
    """An experiment in the history: what is known of it, or why nothing is."""

    folder: ExperimentFolder
    digest: Digest | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.folder.name

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """What a `query` may ask for."""
        if self.digest is not None:
            return values_of(self.digest, self.name)
        return {"name": self.name, "status": "unreadable" if self.problem else "unread"}

    @cached_property
    def began(self) -> float:
        """When it began, seconds since the epoch; before that is known, when it was written."""
        started = self.digest.started if self.digest else None
        return self.folder.written if started is None else started

    @property
    def is_read(self) -> bool:
        """Whether its files have been looked into."""
        return self.digest is not None or bool(self.problem)


class History:
    """Knows every experiment's digest, from the index where it is at rest, else from its files.

    With `writes_index` what is found at rest is kept in the index.
    """

    def __init__(self, root: Path, *, writes_index: bool = True) -> None:
        self._root = root
        self._index = Index(root)
        self._writes_index = writes_index
        self._is_new = True
        self._entries: dict[str, Entry] = {}
        self._stamps: dict[str, Stamp] = {}
        """Of the files as they were when an entry was made that stays as long as they do."""
        self._readers: dict[str, tuple[ExperimentReader, ExperimentView]] = {}
        """Of those that may change, with what was read last."""
        self._unread: list[str] = []

    def look(self) -> tuple[Entry, ...]:
        """Every experiment, newest first; raises `KerasSeqError` when the root cannot be read.

        No journal is read here: what may have changed keeps what was known of it until `read`.
        """
        folders = experiments(self._root)
        if self._is_new:
            self._is_new = False
            for name, (stamp, found) in self._index.read().items():
                self._stamps[name] = stamp
                self._entries[name] = Entry(ExperimentFolder(self._root / name), found)
        self._forget(self._entries.keys() - {folder.name for folder in folders})
        for folder in folders:
            self._entries.setdefault(folder.name, Entry(folder))
            if self._stamps.get(folder.name) not in (None, _stamp(folder)):
                del self._stamps[folder.name]
        entries = [self._entries[folder.name] for folder in folders]
        entries.sort(key=lambda entry: entry.began, reverse=True)
        self._unread = [entry.name for entry in entries if entry.name not in self._stamps]
        self._unread.sort(key=lambda name: self._entries[name].is_read)
        return tuple(entries)

    def read(self, seconds: float = math.inf, first: Collection[str] = ()) -> bool:
        """Read for about so long what may have changed since `look`; whether that was all.

        Those named in `first` come first, then those never read, the newest before the others.
        """
        self._unread.sort(key=lambda name: name not in first)
        until = time.monotonic() + seconds
        at_rest = []
        while self._unread:
            name = self._unread.pop(0)
            self._read(self._entries[name].folder)
            stamp, found = self._stamps.get(name), self._entries[name].digest
            if stamp is not None and found is not None:
                at_rest.append((name, stamp, found))
            if time.monotonic() > until:
                break
        if self._writes_index:
            self._index.write(at_rest)
        return not self._unread

    def _read(self, folder: ExperimentFolder) -> None:
        """Bring an entry up to date."""
        name, stamp = folder.name, _stamp(folder)
        reader, before = self._readers.pop(name, (None, None))
        try:
            reader = reader or ExperimentReader(folder)
            view = reader.read()
        except KerasSeqError as error:
            self._entries[name], self._stamps[name] = Entry(folder, None, str(error)), stamp
            return
        if view is not before:
            self._entries[name] = Entry(folder, digest(view))
        if is_at_rest(view):
            self._stamps[name] = stamp
        else:
            self._readers[name] = (reader, view)

    def _forget(self, names: Collection[str]) -> None:
        for name in names:
            for known in (self._entries, self._stamps, self._readers):
                known.pop(name, None)
        if self._writes_index:
            self._index.write((), names)


def read_all(root: Path) -> tuple[Entry, ...]:
    """Every experiment, newest first, each of them read; raises `KerasSeqError` as `look`."""
    history = History(root)
    history.look()
    history.read()
    return history.look()


def _stamp(folder: ExperimentFolder) -> Stamp:
    try:
        return stamp_of(folder)
    except OSError:
        return ""  # somebody deletes it, or may not read it, which reading will say
