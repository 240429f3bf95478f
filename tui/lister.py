"""Reads the list of experiments, and the standings of one of them, in threads of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from textual.message import Message

from experiments.errors import KerasSeqError
from experiments.history import Entry, History
from experiments.leaderboard import leaderboard
from experiments.reader import ExperimentReader
from experiments.store import ExperimentFolder
from tui.messages import ExperimentsListed, ReadingFailed, StandingsRead
from tui.snapshot import Snapshot

LIST_SECONDS = 2.0
AGE_SECONDS = 30.0
READ_SECONDS = 0.3
"""Between two pictures of a list that is still being read."""
REST_SECONDS = 0.15
"""How long the cursor rests on an experiment before its standings are read."""


class Lister:
    """Says what is new in the list of experiments; `visible` of them are read first."""

    def __init__(self, history: History) -> None:
        self.visible: Sequence[str] = ()
        """Names on the screen. The screen's thread replaces it."""
        self._history = history
        self._is_read = False
        self._shown: tuple[Entry, ...] | None = None
        self._shown_at = 0.0

    def poll(self) -> ExperimentsListed | None:
        """The list where it has changed or aged; raises `KerasSeqError`."""
        if self._shown is not None:
            self._is_read = self._history.read(READ_SECONDS, self.visible)
        entries, now = self._history.look(), time.time()
        if self._shown == entries and now - self._shown_at < AGE_SECONDS:
            return None
        self._shown, self._shown_at = entries, now
        return ExperimentsListed(entries, now)

    @property
    def rest_seconds(self) -> float:
        """How long to wait before the next `poll`."""
        return LIST_SECONDS if self._is_read else 0.0


def follow_list(
    lister: Lister, post: Callable[[Message], object], cancelled: threading.Event
) -> None:
    """Post the list whenever it has changed or aged, until `cancelled`; say a problem once."""
    said = ""
    while True:
        wait = LIST_SECONDS
        try:
            listed = lister.poll()
        except KerasSeqError as error:
            if str(error) != said:
                said = str(error)
                post(ReadingFailed(said))
        else:
            said = ""
            wait = lister.rest_seconds
            if listed is not None:
                post(listed)
        if cancelled.wait(wait):
            return


def follow_standings(
    folder: ExperimentFolder, post: Callable[[Message], object], cancelled: threading.Event
) -> None:
    """Post the standings of an experiment and what changes of them, until `cancelled`."""
    if cancelled.wait(REST_SECONDS):
        return
    reader = shown = None
    while True:
        try:
            reader = reader or ExperimentReader(folder)
            view = reader.read()
        except KerasSeqError:
            return  # the list says so
        if view is not shown:
            shown = view
            post(StandingsRead(Snapshot(folder, view, leaderboard(view), {})))
        if cancelled.wait(LIST_SECONDS):
            return
