"""Follows the files of an experiment and keeps its view up to date."""

from __future__ import annotations

from experiments.process import is_alive
from experiments.read_model import ExperimentView, fold_experiment, fold_trial, new_view, with_lost
from experiments.store import ExperimentFolder, JournalReader


class ExperimentReader:
    """Reads what is new in an experiment's journals; each call of `read` gives the whole view."""

    def __init__(self, folder: ExperimentFolder) -> None:
        self.folder = folder
        config = folder.read_config()
        self._view = new_view(config)
        self._supervisor = JournalReader(folder.journal)
        self._trials = [
            JournalReader(folder.trial(trial.name).journal) for trial in config.trials()
        ]

    def read(self) -> ExperimentView:
        """The view after everything written so far.

        The same object comes back while nothing happened, so callers can skip their work.
        """
        # The supervisor's journal first: its word on a trial's end is weaker than the worker's
        # last words, which were written before it.
        supervised = self._supervisor.read()
        recorded = [journal.read() for journal in self._trials]
        if any(recorded):
            trials = tuple(
                fold_trial(trial, events) if events else trial
                for trial, events in zip(self._view.trials, recorded, strict=True)
            )
            self._view = self._view.with_trials(trials)
        if supervised:
            self._view = fold_experiment(self._view, supervised)
        self._view = with_lost(self._view, is_alive)
        return self._view
