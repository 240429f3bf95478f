"""Learning rates that fall behind are given up early: successive halving, with Optuna's pruner.

Only trials that tune are pruned. Those to compare must all be trained to their end and read the
test, or the statistics would be about the survivors alone.

The halving is asynchronous: a rate is judged as soon as it reaches a rung, against those that have
been there before, so that no place ever waits. Which rates are pruned may therefore depend on which
was faster; the first at a rung always passes it. Optuna is imported where a pruning begins, by the
supervisor alone.

Li et al. 2020, "A system for massively parallel hyperparameter tuning".
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from experiments.errors import RequestError, StoreError
from experiments.events import Measured
from experiments.journal import JournalReader
from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.store import TrialFolder
from experiments.tasks.task import Metric

if TYPE_CHECKING:
    import optuna

REDUCTION_FACTOR = 2
"""Of the rates that reach a rung one in so many passes it."""


def require_optuna() -> None:
    """Raise `RequestError` saying what to install where Optuna is missing."""
    if importlib.util.find_spec("optuna") is None:
        raise RequestError(
            'protocol.prune: Optuna is not installed. Install it: pip install "keras-seq[optuna]".'
        )


class Halving:
    """Successive halving among the learning rates of one model, in an Optuna study in memory.

    As many rungs as `trials` can be halved, the first after `steps` / 2^rungs updates, rounded up,
    each at twice as many as the one before: four rates are judged after a quarter and after a half.
    """

    def __init__(self, trials: int, steps: int, metric: Metric) -> None:
        import optuna  # takes 0.1 s, needed by few

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        rungs = trials.bit_length() - 1  # how often they can be halved
        self._steps = steps
        self._metric = metric
        self._study = optuna.create_study(
            direction="maximize" if metric.higher_is_better else "minimize",
            pruner=optuna.pruners.SuccessiveHalvingPruner(
                min_resource=-(-steps // REDUCTION_FACTOR**rungs),
                reduction_factor=REDUCTION_FACTOR,
            ),
        )
        self._trials: dict[str, optuna.Trial] = {}
        self._best: dict[str, dict[int, float]] = {}

    def report(self, name: str, step: int, value: float) -> str:
        """Why the trial called `name` should end, now that it has validated; empty to go on.

        It is judged by its best so far, as the choice among rates is. After the last step nothing
        is left to save, so that nothing is judged.
        """
        if step >= self._steps:
            return ""
        if name not in self._trials:
            self._trials[name] = self._study.ask()
            self._best[name] = {}
        reached = self._best[name]
        before = next(reversed(reached.values()), value)
        reached[step] = before if self._metric.better(before, value) else value
        trial = self._trials[name]
        trial.report(reached[step], step)
        if not trial.should_prune():
            return ""
        return (
            f"validation {self._metric.name} {reached[step]:.3g} at step {step}, where the best "
            f"had {self._best_at(step):.3g}"
        )

    def prune(self, name: str) -> None:
        """Note that the trial called `name`, which has reported, ends by this rule."""
        from optuna.trial import TrialState

        self._study.tell(self._trials[name], state=TrialState.PRUNED)

    def _best_at(self, step: int) -> float:
        there = [reached[step] for reached in self._best.values() if step in reached]
        best = there[0]
        for value in there:
            best = value if self._metric.better(value, best) else best
        return best


class Pruning:
    """Follows the tuning trials that a supervisor runs and says which of them should end."""

    def __init__(self, view: ExperimentView) -> None:
        require_optuna()
        metric = view.config.task.task.metric
        self._key = f"validation_{metric.name}"
        rates = view.config.protocol.rates(view.config.budget)
        halvings: dict[str, Halving] = {}
        self._of: dict[str, Halving] = {}
        self._journals: dict[str, JournalReader] = {}
        for trial in view.tuning_trials:
            if trial.model not in halvings:
                halvings[trial.model] = Halving(len(rates), trial.config.budget.steps, metric)
            halving = self._of[trial.name] = halvings[trial.model]
            # What a supervisor before this one has seen to its end stays on the rungs.
            if trial.status.is_finished and trial.status is not Status.LOST:
                reached = trial.values(self._key)
                for step, value in zip(reached.step, reached.value, strict=True):
                    halving.report(trial.name, int(step), float(value))

    def follow(self, folder: TrialFolder) -> None:
        """Judge a trial from now on, which is about to begin; one to compare is left alone."""
        if folder.name in self._of:
            journal = JournalReader(folder.journal)
            journal.read()  # an attempt before this one
            self._journals[folder.name] = journal

    def judge(self, folder: TrialFolder) -> str:
        """Why a trial should end, by what it has measured since the last call; empty to go on."""
        journal = self._journals.get(folder.name)
        if journal is None:
            return ""
        try:
            events = journal.read()
        except StoreError as error:
            print(error, file=sys.stderr)
            del self._journals[folder.name]
            return ""
        for event in events:
            if isinstance(event, Measured) and self._key in event.values:
                halving = self._of[folder.name]
                if reason := halving.report(folder.name, event.step, event.values[self._key]):
                    halving.prune(folder.name)
                    del self._journals[folder.name]
                    return reason
        return ""
