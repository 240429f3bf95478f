"""Equal budgets: what validation said of each trial by the time it had spent so much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from experiments.effort import Effort, per_step
from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.trial_view import TrialView

Unit = Literal["steps", "seconds", "flops"]
"""What a budget is counted in."""
Reading = Literal["best", "last", "smoothed"]
"""Which validation counts: the best one so far, the last one, or the mean of the last few."""

SMOOTHED = 3
"""Validations that `smoothed` is the mean of, or as many as there are."""
BROKEN = (Status.FAILED, Status.LOST)


@dataclass(frozen=True)
class Cut:
    """Where all trials are held against each other: at a budget, by validation alone.

    The test split is read once, at the end of a trial, so there is no test at an earlier budget,
    and whoever chose a budget by test values would be choosing on test.
    """

    unit: Unit | None = "steps"
    """`None` is no budget: each trial as far as it came."""
    limit: float | None = None
    """The budget; `None` is the largest that all have reached, see `shared`."""
    reading: Reading = "best"

    def resolved(self, view: ExperimentView) -> Cut:
        """This cut with a number for its limit; NaN while nothing has been measured."""
        if self.unit is None:
            return replace(self, limit=math.inf)
        if self.limit is not None:
            return self
        return replace(self, limit=shared(view, self.unit))

    def values(self, trials: Sequence[TrialView]) -> dict[int, float]:
        """What each trial had by then, by seed, of those that have come so far.

        The cut must be `resolved`; the trials are those of one model.
        """
        costs = [0.0] * len(trials) if self.unit is None else step_costs(trials, self.unit)
        found = zip(trials, costs, strict=True)
        return {t.seed: value for t, cost in found if (value := self._value(t, cost)) is not None}

    def _value(self, trial: TrialView, cost: float) -> float | None:
        if self.limit is None:
            raise ValueError("limit: expected a resolved cut. Received: None.")
        series = trial.values(_key(trial))
        values = series.value
        if self.unit is not None:
            if not reach(trial, cost) >= self.limit:
                return None
            values = values[series.step * cost <= self.limit]
        if not len(values):
            return None
        if self.reading == "best":
            return trial.best_of(values)
        count = 1 if self.reading == "last" else SMOOTHED
        return float(values[-count:].mean())


def step_costs(trials: Sequence[TrialView], unit: Unit) -> list[float]:
    """What a training step of each trial takes; NaN where that is not known.

    `seconds` are its median, which neither compilation, validation nor a pause makes longer;
    `flops` those of all sequences of the batch, see `Cost`.
    """
    match unit:
        case "steps":
            return [1.0] * len(trials)
        case "seconds":
            return [trial.step_seconds for trial in trials]
        case "flops":
            # Once for each model: those of a Transformer take a quarter of a millisecond.
            one_of = {trial.model: trial for trial in trials}
            costs = {model: per_step(Effort.COMPUTE, trial) for model, trial in one_of.items()}
            return [costs[trial.model] for trial in trials]


def reach(trial: TrialView, cost: float) -> float:
    """How much the trial, whose steps take `cost`, had spent at its last validation.

    NaN before the first one. Infinite where it ended early because its task was solved: more
    would not have changed that.
    """
    steps = trial.values(_key(trial)).step
    if not len(steps):
        return math.nan
    return cost * math.inf if trial.ended_early else float(steps[-1]) * cost


def shared(view: ExperimentView, unit: Unit) -> float:
    """The largest budget that every trial has reached of those that have been measured.

    Trials that failed or were lost do not hold the others back. NaN while nothing is known.
    """
    trials = [trial for trial in view.comparison_trials if trial.status not in BROKEN]
    reached = list(map(reach, trials, step_costs(trials, unit)))
    finite = [spent for spent in reached if math.isfinite(spent)]
    if finite or not any(math.isinf(spent) for spent in reached):
        return min(finite, default=math.nan)
    return most(view, unit)  # all were solved


def most(view: ExperimentView, unit: Unit) -> float:
    """What the trial that went furthest had spent at its last validation; NaN before the first."""
    trials = view.comparison_trials
    spent = [
        float(steps[-1]) * cost
        for trial, cost in zip(trials, step_costs(trials, unit), strict=True)
        if len(steps := trial.values(_key(trial)).step)
    ]
    return max((one for one in spent if not math.isnan(one)), default=math.nan)


def _key(trial: TrialView) -> str:
    return f"validation_{trial.config.task.task.metric.name}"
