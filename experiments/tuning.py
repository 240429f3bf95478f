"""Which learning rate a model is trained with: the one that validates best in its tuning trials.

Every model tries the same grid of rates, and nothing but its validation is ever looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.events import RateChosen
from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.trial_view import TrialView


@dataclass(frozen=True)
class Tuning:
    """What tuning a model found and cost."""

    chosen: RateChosen
    default: float
    """The rate of the budget, which is taken where none came to a good end."""
    trials: tuple[TrialView, ...]

    @property
    def model(self) -> str:
        """The model's label."""
        return self.chosen.model

    @property
    def is_failed(self) -> bool:
        """Whether no rate came to a good end."""
        return all(math.isnan(value) for value in self.chosen.values.values())

    @property
    def pruned(self) -> tuple[float, ...]:
        """The rates that were given up early."""
        return tuple(
            trial.config.budget.learning_rate
            for trial in self.trials
            if trial.status is Status.PRUNED
        )

    @property
    def seconds(self) -> float:
        """How long its trials took, one after the other."""
        return sum(t.seconds for t in self.trials if not math.isnan(t.seconds))

    @property
    def updates(self) -> int:
        """Weight updates of all its trials, those of pretraining among them."""
        return sum(trial.pretraining_steps + trial.step for trial in self.trials)


def tunings(view: ExperimentView) -> tuple[Tuning, ...]:
    """What tuning found, model by model, as far as it has."""
    return tuple(
        Tuning(
            chosen,
            view.config.budget.learning_rate,
            tuple(trial for trial in view.tuning_trials if trial.model == chosen.model),
        )
        for chosen in view.rates
    )


def untuned(view: ExperimentView) -> dict[str, frozenset[str]]:
    """The models whose learning rate is not chosen yet, with the names of their tuning trials."""
    names: dict[str, set[str]] = {}
    for trial in view.tuning_trials:
        names.setdefault(trial.model, set()).add(trial.name)
    known = {chosen.model for chosen in view.rates}
    return {model: frozenset(found) for model, found in names.items() if model not in known}


def choose(view: ExperimentView, model: str) -> RateChosen:
    """The rate of the tuning trial of `model` that validated best.

    A trial that diverged, failed or was stopped is the worst. One that was pruned is worse than
    every one that was completed, and counts only where there is none. Of equals the one nearest to
    the budget's own rate is taken, and the lower of two as near. The budget's own rate is taken,
    too, where no trial came to a good end.
    """
    metric = view.config.task.task.metric
    default = view.config.budget.learning_rate
    trials = [trial for trial in view.tuning_trials if trial.model == model]
    is_completed = any(trial.status is Status.COMPLETED for trial in trials)
    counting = Status.COMPLETED if is_completed else Status.PRUNED
    values = {
        trial.config.budget.learning_rate: (
            trial.best(f"validation_{metric.name}") if trial.status is counting else math.nan
        )
        for trial in trials
    }
    chosen, best = default, math.nan
    # Rates have three digits, so that two as near are so to the first.
    for rate in sorted(values, key=lambda rate: (round(abs(math.log10(rate / default)), 1), rate)):
        if metric.better(values[rate], best):
            chosen, best = rate, values[rate]
    return RateChosen(
        model=model,
        learning_rate=chosen,
        values={f"{rate:g}": value for rate, value in values.items()},
        is_edge=not math.isnan(best) and chosen in (min(values), max(values)),
    )


def warning(tuning: Tuning) -> str:
    """What must be said of the rate that was chosen, if anything."""
    if tuning.is_failed:
        return (
            f"{tuning.model}: no learning rate came to a good end in tuning; trained with the "
            f"budget's own, {tuning.chosen.learning_rate:g}"
        )
    if tuning.chosen.learning_rate in tuning.pruned:
        return (
            f"{tuning.model}: every learning rate that was not pruned came to no good end; trained "
            f"with the best of the others, {tuning.chosen.learning_rate:g}"
        )
    if tuning.chosen.is_edge:
        rates = [float(rate) for rate in tuning.chosen.values]
        end = "smallest" if tuning.chosen.learning_rate == min(rates) else "largest"
        return (
            f"{tuning.model}: its best learning rate, {tuning.chosen.learning_rate:g}, is the "
            f"{end} that was tried; a better one may lie beyond (protocol.rate_factors)"
        )
    return ""
