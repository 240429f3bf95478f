"""Follows the files of an experiment and keeps its view up to date."""

from __future__ import annotations

from functools import cache

from experiments.process import is_alive
from experiments.read_model import ExperimentView, fold_experiment, new_view, with_lost
from experiments.store import ExperimentFolder, JournalReader
from experiments.trial_view import TrialView, fold_trial


class ExperimentReader:
    """Reads what is new in an experiment's journals; each call of `read` gives the whole view."""

    def __init__(self, folder: ExperimentFolder) -> None:
        self.folder = folder
        config = folder.read_config()
        self._recorded = new_view(config)
        self._view = self._recorded
        self._supervisor = JournalReader(folder.journal)
        self._trials = [
            JournalReader(folder.trial(trial.name).journal) for trial in config.trials()
        ]

    def read(self) -> ExperimentView:
        """The view after everything written so far.

        The same object comes back while nothing happened, so callers can skip their work.
        """
        # Each process is asked once, so that what is found dead was dead before the second read.
        alive = cache(is_alive)
        happened = self._follow()
        view = with_lost(self._recorded, alive)
        if view is not self._recorded and self._follow():
            # The last words of the dead were written after the first read.
            happened = True
            view = with_lost(self._recorded, alive)
        # What is lost is judged anew each time and never recorded: a later supervisor may take it
        # up again.
        if happened or _statuses(view) != _statuses(self._view):
            self._view = view
        return self._view

    def _follow(self) -> bool:
        """Fold what is new; whether there was anything."""
        # The supervisor's journal first: its word on a trial's end is weaker than the worker's
        # last words, which were written before it.
        supervised = self._supervisor.read()
        before = self._recorded
        # One after the other, so that the records of one trial at most are held besides the view.
        trials = tuple(map(_followed, before.trials, self._trials))
        if any(new is not old for new, old in zip(trials, before.trials, strict=True)):
            self._recorded = before.with_trials(trials)
        if supervised:
            self._recorded = fold_experiment(self._recorded, supervised)
        return bool(supervised) or self._recorded is not before


def _followed(trial: TrialView, journal: JournalReader) -> TrialView:
    """`trial` after what is new in its journal."""
    events = journal.read()
    return fold_trial(trial, events) if events else trial


def _statuses(view: ExperimentView) -> list[str]:
    return [trial.status for trial in view.trials]
