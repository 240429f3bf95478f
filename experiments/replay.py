"""An experiment as it stood at any time: what had happened by then, folded like everything else."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from experiments.errors import RequestError
from experiments.events import Event, Opened
from experiments.journal import JournalReader
from experiments.process import is_alive
from experiments.read_model import ExperimentView, fold_experiment, new_view, with_lost
from experiments.store import ExperimentFolder
from experiments.trial_fold import fold_trial

CHECKPOINT = 2000
"""Events between two views that are kept: to go back costs no more than so many."""


class Replay:
    """All that happened to an experiment, in order, and the views that it makes.

    Raises `RequestError` where nothing has happened yet.
    """

    def __init__(self, folder: ExperimentFolder) -> None:
        config = folder.read_config()
        # Of what happened at the same time, the trials' part comes first, as when files are read.
        journals = [
            *((trial.name, folder.trial(trial.name).journal) for trial in config.trials()),
            ("", folder.journal),
        ]
        parts = [
            [(time, order, name, event) for time, event in _timed(JournalReader(path).read())]
            for order, (name, path) in enumerate(journals)
        ]
        happened = list(heapq.merge(*parts, key=lambda one: one[:2]))
        if not happened:
            raise RequestError(f"Nothing has happened in {folder.name} yet.")
        self.times = [one[0] for one in happened]
        """Of every event, seconds since the epoch; never falling."""
        self._events: Sequence[tuple[str, Event]] = [one[2:] for one in happened]
        self._kept = {0: new_view(config)}
        """Views after so many events."""
        self._latest = (0, self._kept[0])
        self._shown = self._latest

    @property
    def start(self) -> float:
        """When it began."""
        return self.times[0]

    @property
    def end(self) -> float:
        """When the last thing happened."""
        return self.times[-1]

    def at(self, time: float) -> ExperimentView:
        """The view after everything up to and with `time`.

        The same object comes back while nothing happened in between. At the end, trials whose
        processes are gone are lost, as they are for everybody who looks now.
        """
        count = bisect_right(self.times, time)
        if count != self._shown[0]:
            view = self._after(count)
            if count == len(self.times):
                view = with_lost(view, is_alive)
            self._shown = (count, view)
        return self._shown[1]

    def _after(self, count: int) -> ExperimentView:
        reached, view = self._latest
        if reached > count:
            reached = max(kept for kept in self._kept if kept <= count)
            view = self._kept[reached]
        while reached < count:
            until = min(count, (reached // CHECKPOINT + 1) * CHECKPOINT)
            view = _folded(view, self._events[reached:until])
            reached = until
            if reached % CHECKPOINT == 0:
                self._kept.setdefault(reached, view)
        self._latest = (reached, view)
        return view


def _timed(events: Iterable[Event]) -> Iterable[tuple[float, Event]]:
    """Events with the time by which they happened, though a clock was set back meanwhile."""
    events = list(events)
    times = [event.time for event in events]
    if len(events) > 1 and isinstance(events[0], Opened):
        times[0] = min(times[:2])  # a journal is opened before anything is in it
    return zip(itertools.accumulate(times, max), events, strict=True)


def _folded(view: ExperimentView, happened: Sequence[tuple[str, Event]]) -> ExperimentView:
    """`view` after events, those of the trials before those of the supervisor."""
    by_journal: dict[str, list[Event]] = {}
    for name, event in happened:
        by_journal.setdefault(name, []).append(event)
    supervised = by_journal.pop("", [])
    if by_journal:
        view = view.with_trials(
            tuple(
                fold_trial(trial, by_journal[trial.name]) if trial.name in by_journal else trial
                for trial in view.trials
            )
        )
    return fold_experiment(view, supervised)
