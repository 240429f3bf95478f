"""Follows the files of an experiment and keeps its view up to date."""

from __future__ import annotations

import operator
from functools import cache

from experiments.events import Event
from experiments.journal import JournalReader
from experiments.process import is_alive
from experiments.read_model import ExperimentView, fold_experiment, new_view, with_lost
from experiments.store import ExperimentFolder
from experiments.trial_fold import fold_trial


class ExperimentReader:
    """Reads what is new in an experiment's journals; each call of `read` gives the whole view."""

    def __init__(self, folder: ExperimentFolder) -> None:
        self.folder = folder
        config = folder.read_config()
        self._recorded = new_view(config)
        self._view = self._recorded
        self._view_of = self._recorded
        """What the view was made of."""
        self._supervisor = JournalReader(folder.journal)
        self._supervised: list[Event] = []
        self._trials = [
            JournalReader(folder.trial(trial.name).journal) for trial in config.trials()
        ]

    def read(self) -> ExperimentView:
        """The view after everything written so far.

        The same object comes back while nothing happened, so callers can skip their work.
        """
        # Each process is asked once, so that what is found dead was dead before the second read.
        alive = cache(is_alive)
        self._follow()
        view = with_lost(self._recorded, alive)
        if view is not self._recorded:
            # The last words of the dead were written after the first read.
            self._follow()
            view = with_lost(self._recorded, alive)
        # What is lost is judged anew each time and never recorded: a later supervisor may take it
        # up again.
        if self._recorded is not self._view_of or _statuses(view) != _statuses(self._view):
            self._view, self._view_of = view, self._recorded
        return self._view

    def _follow(self) -> None:
        """Fold what is new."""
        # The supervisor's journal first: its word on a trial's end is weaker than the worker's
        # last words, which were written before it.
        self._supervised += self._supervisor.read()
        trials = list(self._recorded.trials)
        try:
            # One piece after the other, so that few records are held besides the view.
            for index, journal in enumerate(self._trials):
                for events in journal.pieces():
                    trials[index] = fold_trial(trials[index], events)
        finally:
            # What was read before a journal that cannot be read does not come again.
            if any(map(operator.is_not, trials, self._recorded.trials)):
                self._recorded = self._recorded.with_trials(tuple(trials))
        if self._supervised:
            self._recorded = fold_experiment(self._recorded, self._supervised)
            self._supervised = []


def _statuses(view: ExperimentView) -> list[str]:
    return [trial.status for trial in view.trials]
