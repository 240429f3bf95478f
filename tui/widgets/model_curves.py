"""Curves of an experiment: one per model and measurement, over its seeds."""

from __future__ import annotations

import numpy as np

from experiments import read_model
from experiments.read_model import ExperimentView
from experiments.series import Series
from experiments.trial_view import TrialView
from tui.widgets.curve import Curve, Floats

WINDOWS = 50
"""Noisy measurements are averaged over this part of the budget."""


class CurveMaker:
    """Makes curves, and gives the same object again while its points stay the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[tuple[Series, ...], bool, Curve]] = {}

    def make(self, view: ExperimentView, key: str) -> tuple[Curve, ...]:
        """A curve of `key` for each model that has a point, in the order of the models."""
        curves = []
        for color, choice in enumerate(view.config.models):
            trials = [t for t in view.comparison_trials if t.model == choice.label]
            series = tuple(trial.values(key) for trial in trials)
            if not any(len(one) for one in series):
                continue
            finished = all(trial.status.is_finished for trial in trials)
            known = self._made.get((choice.label, key))
            if known is None or known[1] != finished or not _same(known[0], series):
                curve = model_curve(choice.label, trials, key, color, finished)
                known = self._made[choice.label, key] = (series, finished, curve)
            curves.append(known[2])
        return tuple(curves)


def model_curve(label: str, trials: list[TrialView], key: str, color: int, finished: bool) -> Curve:
    """Mean over seeds; with its 95 % band where it is evaluated, smoothed where it is noisy."""
    band = read_model.band(trials, key)
    mean = band.mean
    if is_noisy(key):
        mean = trailing_mean(mean, window(trials[0]))
    banded = band.n > 1 and not is_noisy(key)
    return Curve(
        label=label,
        key=label,
        x=band.step,
        y=mean,
        color=color,
        low=band.low if banded else None,
        high=band.high if banded else None,
        finished=finished,
    )


def trial_curve(
    trial: TrialView,
    measurement: str,
    color: int,
    label: str,
    *,
    key: str = "",
    smooth: bool = False,
) -> Curve:
    """The values of one trial as they were taken, or averaged."""
    series = trial.values(measurement)
    value = trailing_mean(series.value, window(trial)) if smooth else series.value
    return Curve(label, key, series.step, value, color, finished=trial.status.is_finished)


def is_noisy(key: str) -> bool:
    """Whether a measurement comes from single batches."""
    return not key.startswith(("validation_", "test_", "extrapolation_"))


def window(trial: TrialView) -> int:
    """How many records a noisy curve is averaged over; fixed, so that its past stays put."""
    budget = trial.config.budget
    return max(1, budget.steps // budget.record_every() // WINDOWS)


def trailing_mean(values: Floats, count: int) -> Floats:
    """The mean of each value and up to `count - 1` before it; what is not finite stays so."""
    finite = np.isfinite(values)
    sums = np.concatenate(([0.0], np.cumsum(np.where(finite, values, 0.0))))
    counts = np.concatenate(([0], np.cumsum(finite)))
    stop = np.arange(1, len(values) + 1)
    start = np.maximum(stop - count, 0)
    mean = (sums[stop] - sums[start]) / np.maximum(counts[stop] - counts[start], 1)
    return np.asarray(np.where(finite, mean, values))


def _same(a: tuple[Series, ...], b: tuple[Series, ...]) -> bool:
    return len(a) == len(b) and all(one is other for one, other in zip(a, b, strict=True))
