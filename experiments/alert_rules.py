"""What may have gone wrong with a trial at work, by rules that a person can see through.

Each rule is a function of what is known of a trial, and says what it found in words, or nothing.
`watch` puts them to an experiment while it runs and does what its `Alerts` say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from experiments.alerts import Alerts
from experiments.series import Series
from experiments.status import Status
from experiments.trial_view import PRETRAINING, TrialView

# Of so many records the median is taken, so that single batches say nothing.
WINDOW = 10
# Validations in a row that must be as bad before they are called overfit.
IN_A_ROW = 3


@dataclass(frozen=True)
class Circumstances:
    """What a rule knows besides the trial."""

    alerts: Alerts
    now: float
    """Seconds since the epoch."""
    memory_used: float = math.nan
    """Bytes, of the machine or of the container whose limit is nearer."""
    memory_total: float = math.nan
    is_largest: bool = False
    """Whether no other trial at work holds more memory, as far as that is known."""


def found_nan(trial: TrialView, _known: Circumstances) -> str:
    """Which measurement is not finite any more."""
    metric = f"validation_{trial.config.task.task.metric.name}"
    for key in ("train_loss", "gradient_norm", "validation_loss", metric):
        series = trial.values(key)
        if len(series) and not math.isfinite(series.last):
            return f"{key} is {series.last} at step {series.step[-1]:.0f}"
    return ""


def found_divergence(trial: TrialView, known: Circumstances) -> str:
    """How far the training loss is above where it began."""
    losses = trial.values("train_loss").value
    if len(losses) < 2 * WINDOW:
        return ""
    first, last = float(np.median(losses[:WINDOW])), float(np.median(losses[-WINDOW:]))
    if first > 0 and last > known.alerts.divergence_factor * first:
        return f"the training loss is {last:.3g}, and was {first:.3g} in the beginning"
    return ""


def found_plateau(trial: TrialView, known: Circumstances) -> str:
    """Since when validation has not become better."""
    metric = trial.config.task.task.metric
    series = trial.values(f"validation_{metric.name}")
    best = _best(series, is_high=metric.higher_is_better)
    if trial.solved_at is not None or best is None:
        return ""
    bounds = trial.config.task.task.bounds(metric.name)
    if series.value[best] == bounds[1 if metric.higher_is_better else 0]:
        return ""  # there is nothing better
    since = float(series.step[-1] - series.step[best])
    # A metric at its floor, such as the share of exact matches, may hide that the loss still falls.
    loss = trial.values("validation_loss")
    if (lowest := _best(loss)) is not None:
        since = min(since, float(loss.step[-1] - loss.step[lowest]))
    if since < known.alerts.plateau_share * trial.config.budget.steps:
        return ""
    return f"neither {metric.name} nor loss on validation became better for {since:.0f} steps"


def found_stall(trial: TrialView, known: Circumstances) -> str:
    """For how long nothing has been heard of training, or of pretraining before it."""
    keys, what = ["train_loss", "validation_loss"], "step"
    if trial.step or not trial.pretraining_steps:
        made, all_steps = trial.step, trial.config.budget.steps
    else:
        keys, what = [f"{PRETRAINING}loss"], "step of pretraining"
        made, all_steps = trial.pretraining_steps, trial.config.pretraining_updates
    times = np.sort(np.concatenate([trial.values(key).time for key in keys]))
    # Tests, and the compilation of another network, take what they take.
    if made >= all_steps or len(times) < 2 * WINDOW:
        return ""
    silent = known.now - trial.updated
    if silent > max(60.0, known.alerts.stall_factor * float(np.diff(times).max())):
        busy = f", and its process keeps {trial.load.cores:.1f} cores busy" if trial.load else ""
        return f"no {what} for {silent:.0f} s{busy}"
    return ""


def found_memory(trial: TrialView, known: Circumstances) -> str:
    """How full the memory is, and what part of it this trial holds."""
    is_full = known.memory_used > known.alerts.memory_share * known.memory_total
    if not known.is_largest or not is_full or trial.load is None:
        return ""
    used, total, own = (
        f"{size / 2**30:.1f}"
        for size in (known.memory_used, known.memory_total, trial.load.memory_bytes)
    )
    return f"{used} of {total} GiB of memory are in use, of which it holds {own}"


def found_overfit(trial: TrialView, known: Circumstances) -> str:
    """How far validation is above its best, while training is not."""
    validation, training = trial.values("validation_loss"), trial.values("train_loss")
    best = _best(validation)
    if best is None or len(training) < WINDOW:
        return ""
    lowest = float(validation.value[best])
    late = validation.value[best + 1 :][-IN_A_ROW:]
    is_high = len(late) == IN_A_ROW and bool(
        (late > known.alerts.overfit_factor * lowest).all() and lowest > 0
    )
    then = training.value[training.step <= validation.step[best]]
    if not is_high or not len(then):
        return ""
    before, now = float(np.median(then[-WINDOW:])), float(np.median(training.value[-WINDOW:]))
    if not now < before:
        return ""
    return (
        f"the validation loss is {late[-1]:.3g} after {lowest:.3g}, while the training loss fell "
        f"from {before:.3g} to {now:.3g}"
    )


def _best(series: Series, *, is_high: bool = False) -> int | None:
    """Where the highest or lowest finite value is, if there is one."""
    finite = np.flatnonzero(np.isfinite(series.value))
    if not len(finite):
        return None
    values = series.value[finite]
    return int(finite[(np.argmax if is_high else np.argmin)(values)])


RULES: Mapping[str, Callable[[TrialView, Circumstances], str]] = {
    "nan": found_nan,
    "divergence": found_divergence,
    "plateau": found_plateau,
    "stall": found_stall,
    "memory": found_memory,
    "overfit": found_overfit,
}
"""By name, as in `Alerts`."""

# Trials that tune try learning rates that are too high or too low; that is what they are for.
_OF_TUNING = ("stall", "memory")


def found(trial: TrialView, known: Circumstances) -> dict[str, str]:
    """What each rule that is not off finds of a trial at work."""
    if trial.status is not Status.RUNNING:
        return {}
    return {
        name: said
        for name, rule in RULES.items()
        if known.alerts.action(name) != "off"
        and (name in _OF_TUNING or not trial.is_tuning)
        and (said := rule(trial, known))
    }
