"""Reads files for the screens from threads of their own, so that no screen waits for a disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from textual.message import Message

from experiments.errors import KerasSeqError
from experiments.leaderboard import Leaderboard, leaderboard
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.store import ExperimentFolder
from tui.compared import Question, compared
from tui.messages import PulseTaken, ReadingFailed, SnapshotTaken
from tui.plot_options import usual_keys
from tui.pulse import take_pulse
from tui.snapshot import Snapshot
from tui.widgets.model_curves import CurveMaker, CurveRequest

POLL_SECONDS = 0.25
PULSE_SECONDS = 1.0
BOARD_SECONDS = 1.0
MOST_SHARE = 0.05
"""Of a core: what costs more is polled less often, but at least each second."""
SLOWEST_SECONDS = 1.0


class Reader(Protocol):
    """Where views come from."""

    def read(self) -> ExperimentView:
        """The view now; the same object while it stays the same. Raises `KerasSeqError`."""


class Follower:
    """Makes a snapshot whenever an experiment has changed: what is in its files, or a `reader`."""

    def __init__(self, folder: ExperimentFolder, reader: Reader | None = None) -> None:
        self.folder = folder
        self.request = CurveRequest()
        """The curves to make; the usual ones without keys. The screen's thread replaces it."""
        self.question: Question | None = None
        """How the models are to be compared, if at all; replaced like `request`."""
        self._reader = reader
        self._curves = CurveMaker()
        self._board: tuple[object, float, Leaderboard] | None = None
        self._shown: tuple[ExperimentView, CurveRequest, Question | None] | None = None

    def poll(self) -> Snapshot | None:
        """The newest snapshot, or None when there is nothing new; raises `KerasSeqError`."""
        if self._reader is None:
            self._reader = ExperimentReader(self.folder)
        view, request, question = self._reader.read(), self.request, self.question
        if not request.keys:
            request = replace(request, keys=frozenset(usual_keys(view.config)))
        shown = self._shown
        if shown is not None and shown[0] is view and shown[1:] == (request, question):
            return None
        self._shown = (view, request, question)
        board = self._standings(view)
        return Snapshot(
            folder=self.folder,
            view=view,
            board=board,
            curves=self._curves.make(view, request),
            request=request,
            compared=compared(view, question, board) if question else None,
        )

    def _standings(self, view: ExperimentView) -> Leaderboard:
        """The standings: made anew when what they tell has changed, and after a second.

        Only the time of a step changes with every record.
        """
        trials = (
            (trial.status, trial.evaluations, trial.num_parameters, trial.solved_at)
            for trial in view.trials
        )
        state = (view.baselines, *trials)
        now, board = time.monotonic(), self._board
        if board is None or board[0] != state or now >= board[1] + BOARD_SECONDS:
            board = self._board = state, now, leaderboard(view)
        return board[2]


def follow(
    follower: Follower, post: Callable[[Message], object], cancelled: threading.Event
) -> None:
    """Post what is new until `cancelled`; a problem is said once, and reading goes on."""
    said = ""
    next_pulse = 0.0
    spent = time.process_time()
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
        # What the last tick cost, with all that was drawn since.
        before, spent = spent, time.process_time()
        seconds = max(POLL_SECONDS, (spent - before) / MOST_SHARE)
        if cancelled.wait(min(seconds, SLOWEST_SECONDS)):
            return
