"""What an experiment says of a statement: numbers over seeds that are for it, against it, or open.

Every threshold that rules share is here, and none depends on an outcome.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from experiments import stats
from experiments.by_length import Bin, by_length
from experiments.claims.claim import Finding, Side
from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.tasks.task import UNBOUNDED, Bounds

Seeds = Mapping[int, float]
"""A number for each seed."""

MARGIN = 0.05
"""A difference in gain below this matters to nobody, above it does."""
FEWEST_SEEDS = 3
"""With fewer seeds, or pairs of them, nothing is said, whatever their values."""
LEARNED = 0.5
"""From this gain on a network has learned its task: it makes sense to compare, and to ask how."""


class Evidence:
    """The outcome of an experiment, by model and seed.

    `null` names the baseline that gains are counted from; by default the best one.
    """

    def __init__(self, view: ExperimentView, null: str = "") -> None:
        self._view = view
        self._metric = view.config.task.task.metric
        self._null_name = null

    def values(self, model: str, key: str = "") -> Seeds:
        """The measurement called `key` of each seed; by default the metric on test.

        Empty where a trial of the model did not complete, because the others do not stand for it.
        """
        key = key or f"test_{self._metric.name}"
        trials = [trial for trial in self._view.comparison_trials if trial.model == model]
        if any(trial.status is not Status.COMPLETED for trial in trials):
            return {}
        outcomes = {trial.seed: trial.metrics() for trial in trials}
        return {seed: metrics[key] for seed, metrics in outcomes.items() if key in metrics}

    def gains(self, model: str, key: str = "") -> Seeds:
        """The metric as a share of the way from the null baseline to a perfect score.

        0 is what needs no learning, or worse than that; 1 is perfect. So accuracies and errors of
        different tasks have one scale.
        """
        null, perfect = self._null(), self._metric.bounds[int(self._metric.higher_is_better)]
        way = perfect - null or math.nan  # no gain is possible where nothing is left to learn
        return {
            seed: float(np.clip((value - null) / way, 0, 1))
            for seed, value in self.values(model, key).items()
        }

    def mean(self, what: str, model: str, key: str = "") -> Finding:
        """The mean of `values`, with an interval that ends where the measure does."""
        measure = key.partition("_")[2] or self._metric.name
        bounds = self._view.config.task.task.bounds(measure)
        values = tuple(self.values(model, key).values())
        return Finding(what, stats.t_interval(values, bounds=bounds))

    def baseline(self, what: str, name: str) -> Finding:
        """The mean test metric of the null baseline called `name`, over seeds."""
        key = f"test_{self._metric.name}"
        values = next((b.values.get(key, ()) for b in self._view.baselines if b.name == name), ())
        return Finding(what, stats.t_interval(values, bounds=self._metric.bounds))

    def solved(self, model: str) -> Finding:
        """The share of seeds whose test reaches what the task calls solved, Wilson's interval."""
        task, values = self._view.config.task, self.values(model).values()
        what = f"{task.name}: share of seeds that {model} solves"
        threshold = task.task.solved
        if threshold is None:
            return Finding(what, stats.wilson_interval(0, 0))
        reached = sum(not self._metric.better(threshold, value) for value in values)
        return Finding(what, stats.wilson_interval(reached, len(values)))

    def bins(self) -> dict[Bin, str]:
        """The bins of lengths that the task tells, and the measurement of each."""
        lengths = by_length(self._view)
        if lengths is None:
            return {}
        return {
            part: f"{'extrapolation' if part.is_extrapolation else 'test'}"
            f"_{lengths.metric}_{part.low}_{part.high}"
            for part in lengths.bins
        }

    def num_parameters(self, model: str) -> Seeds:
        """Of each seed's network."""
        return {
            trial.seed: float(trial.num_parameters)
            for trial in self._view.comparison_trials
            if trial.model == model and trial.num_parameters is not None
        }

    def _null(self) -> float:
        """The mean test metric of the baseline that gains are counted from."""
        key = f"test_{self._metric.name}"
        means = [
            baseline.interval(key).mean
            for baseline in self._view.baselines
            if self._null_name in ("", baseline.name)
        ]
        best = max if self._metric.higher_is_better else min
        return best((mean for mean in means if not math.isnan(mean)), default=math.nan)


def mean(what: str, values: Seeds) -> Finding:
    """A number that no rule asks for."""
    return Finding(what, stats.t_interval(tuple(values.values())))


def mean_of(parts: Sequence[Seeds]) -> Seeds:
    """The mean of several numbers of each seed that has all of them."""
    common = set.intersection(*(set(part) for part in parts))
    return {seed: sum(part[seed] for part in parts) / len(parts) for seed in common}


def share(a: Seeds, b: Seeds) -> Seeds:
    """`a / b`, by seed."""
    return {seed: a[seed] / b[seed] for seed in a.keys() & b.keys()}


def above(what: str, values: Seeds, bound: float, within: Bounds = UNBOUNDED) -> Finding:
    """Whether the mean lies above `bound`: its interval does, or lies below it.

    `within` is what the values can be at all.
    """
    interval = stats.t_interval(tuple(values.values()), bounds=within)
    if interval.low > bound:
        return _finding(what, interval, "for")
    return _finding(what, interval, "against" if interval.high <= bound else "open")


def below(what: str, values: Seeds, bound: float) -> Finding:
    """Whether the mean lies below `bound`, likewise."""
    interval = stats.t_interval(tuple(values.values()))
    if interval.high < bound:
        return _finding(what, interval, "for")
    return _finding(what, interval, "against" if interval.low >= bound else "open")


def better(what: str, a: Seeds, b: Seeds, *, comparisons: int = 1) -> Finding:
    """Whether the mean gain `a - b`, paired by seed, is above zero and may be as large as `MARGIN`.

    It is not where all of its interval lies below the margin: no difference, one that does not
    matter, or the opposite. Where neither has learned the task, the lack of a difference says
    nothing. A rule that needs one of several `comparisons` to hold has intervals so much wider
    that chance finds one 5 % of the time at most (Bonferroni).
    """
    pairs = _pairs(a, b)
    differences = np.subtract(*pairs)
    confidence = 1 - (1 - stats.CONFIDENCE) / comparisons
    interval = stats.t_interval(differences, confidence, bounds=(-1, 1))
    side: Side = "for" if interval.low > 0 and interval.high >= MARGIN else "open"
    if interval.high < MARGIN and max(map(_mean, pairs)) >= LEARNED:
        side = "against"
    detectable = stats.minimum_detectable(*pairs, alpha=1 - confidence)
    return _finding(what, interval, side, detectable)


def as_good(what: str, a: Seeds, b: Seeds) -> Finding:
    """Whether the gain `a` is as good as `b`, paired by seed: within `MARGIN` of it, or better.

    Within the margin is what two one-sided tests say at 5 %. It is not as good where the interval
    of `a - b` lies below zero and the tests do not place it within the margin. Where `b` has not
    learned the task, nothing is said.
    """
    pairs = _pairs(a, b)
    interval = stats.paired_difference(*pairs, bounds=(0, 1)).interval
    side: Side = "open"
    if _mean(pairs[1]) >= LEARNED:
        if interval.low > 0 or stats.equivalence(*pairs, MARGIN) < stats.SIGNIFICANT:
            side = "for"
        elif interval.high < 0:
            side = "against"
    return _finding(what, interval, side, stats.minimum_detectable(*pairs))


def _pairs(a: Seeds, b: Seeds) -> tuple[list[float], list[float]]:
    common = sorted(a.keys() & b.keys())
    return [a[seed] for seed in common], [b[seed] for seed in common]


def _mean(values: list[float]) -> float:
    return stats.t_interval(values).mean


def _finding(
    what: str, interval: stats.Interval, side: Side, detectable: float = math.nan
) -> Finding:
    return Finding(what, interval, side if interval.n >= FEWEST_SEEDS else "open", detectable)
