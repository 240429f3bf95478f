"""Who is ahead: the standings of an experiment and the paired differences between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments import stats
from experiments.read_model import Baseline, ExperimentView
from experiments.status import Status


@dataclass(frozen=True)
class Standing:
    """A row of the leaderboard: one architecture over its seeds."""

    model: str
    interval: stats.Interval
    seeds: Mapping[int, float]
    """The value of each seed that has one."""
    num_parameters: int | None
    step_seconds: float
    finished: int
    failed: int
    trials: int
    not_above: tuple[str, ...]
    """Null baselines that its interval does not lie beyond."""

    @property
    def is_complete(self) -> bool:
        """Whether no seed failed: the survivors' mean says too little of the architecture."""
        return self.failed == 0


@dataclass(frozen=True)
class Comparison:
    """The paired difference `a - b` over the seeds that both have."""

    a: str
    b: str
    interval: stats.Interval
    p: float
    p_holm: float


@dataclass(frozen=True)
class Leaderboard:
    """Architectures in order, best first, by the measurement called `key`."""

    key: str
    standings: tuple[Standing, ...]
    comparisons: tuple[Comparison, ...]


def leaderboard(view: ExperimentView) -> Leaderboard:
    """The standings: by test once every trial is finished, by best validation before that.

    While some trials are still training, test values of the others would not be comparable, and
    ranking by them would invite choosing on test.
    """
    metric = view.config.task.task.metric
    tested = any(len(trial.values(f"test_{metric.name}")) for trial in view.trials)
    key = f"{'test' if view.is_finished and tested else 'validation'}_{metric.name}"
    standings = [
        _standing(view, choice.label, key, metric.higher_is_better) for choice in view.config.models
    ]

    def order(standing: Standing) -> tuple[bool, bool, float]:
        mean = standing.interval.mean
        signed = -mean if metric.higher_is_better else mean
        return math.isnan(mean), not standing.is_complete, signed

    standings.sort(key=order)
    return Leaderboard(key, tuple(standings), _comparisons(standings))


def _standing(view: ExperimentView, label: str, key: str, higher_is_better: bool) -> Standing:
    trials = [trial for trial in view.trials if trial.model == label]
    values = {trial.seed: trial.best(key) for trial in trials if len(trial.values(key))}
    interval = stats.t_interval(tuple(values.values()))
    seconds = [t.step_seconds for t in trials if not math.isnan(t.step_seconds)]
    return Standing(
        model=label,
        interval=interval,
        seeds=values,
        num_parameters=next(
            (t.num_parameters for t in trials if t.num_parameters is not None), None
        ),
        step_seconds=float(np.median(seconds)) if seconds else math.nan,
        finished=sum(t.status.is_finished for t in trials),
        failed=sum(t.status in (Status.FAILED, Status.LOST) for t in trials),
        trials=len(trials),
        not_above=_not_above(interval, view.baselines, key, higher_is_better),
    )


def _not_above(
    interval: stats.Interval, baselines: tuple[Baseline, ...], key: str, higher_is_better: bool
) -> tuple[str, ...]:
    # Baselines are measured on the test split, which bounds validation as well.
    test_key = f"test_{key.partition('_')[2]}"
    if math.isnan(interval.mean):
        return ()
    # One seed has no interval; its value is all there is to compare.
    bound = interval.low if higher_is_better else interval.high
    bound = interval.mean if math.isnan(bound) else bound
    sign = 1 if higher_is_better else -1
    return tuple(
        baseline.name
        for baseline in baselines
        if sign * bound <= sign * baseline.interval(test_key).mean
    )


def _comparisons(standings: list[Standing]) -> tuple[Comparison, ...]:
    pairs = [(a, b) for i, a in enumerate(standings) for b in standings[i + 1 :]]
    differences = []
    for a, b in pairs:
        seeds = sorted(a.seeds.keys() & b.seeds.keys())
        differences.append(
            stats.paired_difference([a.seeds[s] for s in seeds], [b.seeds[s] for s in seeds])
        )
    adjusted = stats.holm([difference.p for difference in differences])
    return tuple(
        Comparison(a.model, b.model, d.interval, d.p, p)
        for (a, b), d, p in zip(pairs, differences, adjusted, strict=True)
    )
