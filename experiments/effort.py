"""What training has cost so far, in units over which curves and budgets can be compared."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from experiments.read_model import ExperimentView
from experiments.trial_view import TrialView

Floats = NDArray[np.float64]


class Effort(StrEnum):
    """What a curve's x axis counts."""

    STEP = "step"
    """Weight updates."""
    EPOCH = "epoch"
    """Times that the training set was gone through, where there is one to go through."""
    TIME = "time"
    """Seconds on the clock, compiling and validating included; see `TrialView.seconds_at`."""
    EXAMPLES = "examples"
    """Training sequences: steps times the size of a batch."""
    COMPUTE = "compute"
    """Floating-point operations of the training steps, by the convention of `Cost`."""


def available(view: ExperimentView) -> tuple[Effort, ...]:
    """What is known of every model: compute needs its cost, epochs a training set."""
    unknown = set()
    if any(choice.model.cost(view.config.task.task) is None for choice in view.config.models):
        unknown.add(Effort.COMPUTE)
    if all(trial.epoch_sequences is None for trial in view.trials):
        unknown.add(Effort.EPOCH)
    return tuple(effort for effort in Effort if effort not in unknown)


def per_step(effort: Effort, trial: TrialView) -> float:
    """How much a training step of `trial` takes; NaN where that is not known, as of time."""
    batch = trial.config.budget.batch_size
    match effort:
        case Effort.STEP:
            return 1.0
        case Effort.EXAMPLES:
            return float(batch)
        case Effort.EPOCH if trial.epoch_sequences is not None:
            return batch / trial.epoch_sequences
        case Effort.COMPUTE:
            cost = trial.config.model.model.cost(trial.config.task.task)
            return float("nan") if cost is None else float(cost.flops * batch)
    return float("nan")


def spent(effort: Effort, trial: TrialView, step: Floats, time: Floats) -> Floats:
    """What `trial` had spent at some moments; NaN where that is not known.

    Args:
        effort: The unit.
        trial: Whose moments they are.
        step: Updates before each of them.
        time: Seconds since the epoch.
    """
    if effort is Effort.TIME:
        return trial.seconds_at(time)
    return step * per_step(effort, trial)
