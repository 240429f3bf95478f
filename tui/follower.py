"""Reads files for the screens from threads of their own, so that no screen waits for a disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from experiments.errors import KerasSeqError
from experiments.leaderboard import Leaderboard, leaderboard
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.store import ExperimentFolder, experiments
from tui.compared import Compared, Question, compared
from tui.messages import Entry, ExperimentsListed, PulseTaken, ReadingFailed, SnapshotTaken
from tui.widgets.curve import Curve
from tui.widgets.model_curves import CurveMaker

POLL_SECONDS = 0.2
PULSE_SECONDS = 1.0
LIST_SECONDS = 2.0
AGE_SECONDS = 30.0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """An experiment at one moment, with all that its screens draw."""

    folder: ExperimentFolder
    view: ExperimentView
    board: Leaderboard
    curves: Mapping[str, tuple[Curve, ...]]
    """By measurement, one curve per model."""
    compared: Compared | None = None
    """The answer to a question, where one was asked."""

    @property
    def metric_key(self) -> str:
        """The validation measurement of the task's metric."""
        return f"validation_{self.view.config.task.task.metric.name}"


@dataclass(frozen=True)
class Pulse:
    """The time and how busy this machine is."""

    time: float
    """Seconds since the epoch."""
    cpu_percent: float
    memory_used: int
    memory_total: int


def take_pulse() -> Pulse:
    """Read the clock and the machine's load since the last call."""
    import psutil  # 15-30 ms

    memory = psutil.virtual_memory()
    return Pulse(
        time.time(), psutil.cpu_percent(None), memory.total - memory.available, memory.total
    )


class Follower:
    """Makes a snapshot whenever an experiment has changed."""

    def __init__(self, folder: ExperimentFolder) -> None:
        self.folder = folder
        self.keys: frozenset[str] = frozenset()
        """Measurements to draw besides the usual ones. The screen's thread replaces it."""
        self.question: Question | None = None
        """How the models are to be compared, if at all; replaced like `keys`."""
        self._reader: ExperimentReader | None = None
        self._curves = CurveMaker()
        self._shown: tuple[ExperimentView, frozenset[str], Question | None] | None = None

    def poll(self) -> Snapshot | None:
        """The newest snapshot, or None when there is nothing new; raises `KerasSeqError`."""
        if self._reader is None:
            self._reader = ExperimentReader(self.folder)
        view, keys, question = self._reader.read(), self.keys, self.question
        shown = self._shown
        if shown is not None and shown[0] is view and shown[1:] == (keys, question):
            return None
        self._shown = (view, keys, question)
        usual = (f"validation_{view.config.task.task.metric.name}", "train_loss", "gradient_norm")
        board = leaderboard(view)
        return Snapshot(
            folder=self.folder,
            view=view,
            board=board,
            curves={key: self._curves.make(view, key) for key in {*usual, *keys}},
            compared=compared(view, question, board) if question else None,
        )


def follow(
    follower: Follower, post: Callable[[Message], object], cancelled: threading.Event
) -> None:
    """Post what is new until `cancelled`; a problem is said once, and reading goes on."""
    said = ""
    next_pulse = 0.0
    while True:
        try:
            snapshot = follower.poll()
        except KerasSeqError as error:
            if str(error) != said:
                said = str(error)
                post(ReadingFailed(said))
        else:
            if snapshot is not None:
                said = ""
                post(SnapshotTaken(snapshot))
        if time.monotonic() >= next_pulse:
            next_pulse = time.monotonic() + PULSE_SECONDS
            post(PulseTaken(take_pulse()))
        if cancelled.wait(POLL_SECONDS):
            return


class Lister:
    """Lists the experiments under a root; reads on where it stopped the last time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._readers: dict[Path, ExperimentReader] = {}
        self._entries: dict[Path, Entry] = {}

    def list(self) -> tuple[Entry, ...]:
        """Every experiment, newest first; raises `KerasSeqError` when the root cannot be read."""
        return tuple(self._entry(folder) for folder in experiments(self.root))

    def _entry(self, folder: ExperimentFolder) -> Entry:
        try:
            if folder.path not in self._readers:
                self._readers[folder.path] = ExperimentReader(folder)
            view = self._readers[folder.path].read()
        except KerasSeqError as error:
            return Entry(folder, None, str(error))
        known = self._entries.get(folder.path)
        if known is None or known.snapshot is None or known.snapshot.view is not view:
            known = Entry(folder, Snapshot(folder, view, leaderboard(view), {}))
            self._entries[folder.path] = known
        return known


def follow_list(
    lister: Lister, post: Callable[[Message], object], cancelled: threading.Event
) -> None:
    """Post the list whenever it has changed or aged, until `cancelled`; say a problem once."""
    said = ""
    posted: tuple[tuple[Entry, ...], float] | None = None
    while True:
        try:
            entries, now = lister.list(), time.time()
            if posted is None or posted[0] != entries or now - posted[1] >= AGE_SECONDS:
                posted = (entries, now)
                post(ExperimentsListed(entries, now))
            said = ""
        except KerasSeqError as error:
            if str(error) != said:
                said = str(error)
                post(ReadingFailed(said))
        if cancelled.wait(LIST_SECONDS):
            return
