"""Who is ahead: the standings of an experiment and the paired differences between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from experiments import stats
from experiments.config import ModelChoice
from experiments.read_model import Baseline, ExperimentView
from experiments.status import Status
from experiments.tasks.task import Metric
from experiments.trial_view import TrialView

LEAST_SEEDS = 3
"""With two, any pair of equal differences would be a proof; see the protocol's smallest design."""

Outcome = Literal["different", "equivalent", "underpowered"]


@dataclass(frozen=True)
class Standing:
    """A row of the leaderboard: one architecture over its seeds."""

    model: str
    interval: stats.Interval
    interquartile: stats.Interval
    """The interquartile mean with its bootstrap interval."""
    seeds: Mapping[int, float]
    """The value of each seed that has one."""
    num_parameters: int | None
    state_size: int | None
    """Numbers kept from step to step; see `Cost`."""
    flops: int | None
    """Floating-point operations of one training step, all sequences of the batch; see `Cost`."""
    step_seconds: float
    peak_memory_bytes: float
    """The most that any of its trials held; NaN before one has ended."""
    time_to_solve: stats.TimeToSolve | None
    """Of the trials of which it is known; `None` where no threshold is agreed for the task."""
    finished: int
    failed: int
    trials: int
    not_above: tuple[str, ...]
    """Null baselines that its interval does not lie beyond."""

    @property
    def name(self) -> str:
        """What the row is called, as that of a null baseline."""
        return self.model

    @property
    def is_complete(self) -> bool:
        """Whether no seed failed: the survivors' mean says too little of the architecture."""
        return self.failed == 0


@dataclass(frozen=True)
class NullStanding:
    """A row of the leaderboard that is no model: a null baseline over the same seeds.

    Baselines are measured on the test split, which bounds validation as well.
    """

    name: str
    interval: stats.Interval
    interquartile: stats.Interval
    values: tuple[float, ...]


Row = Standing | NullStanding


@dataclass(frozen=True)
class Comparison:
    """The paired difference `a - b` over the seeds that both have."""

    a: str
    b: str
    interval: stats.Interval
    p: float
    p_holm: float
    """Adjusted for all pairs (Holm 1979)."""
    detectable: float
    """The difference that so many seeds find in 4 of 5 cases, at Holm's strictest step."""
    p_equivalent: float
    """Of two one-sided tests within the protocol's margin, adjusted as well; NaN without one."""
    better: str | None
    """Whose mean is better, unless some of its seeds failed."""

    @property
    def winner(self) -> str | None:
        """The better one, where there are enough seeds and the difference is significant."""
        enough = self.interval.n >= LEAST_SEEDS
        return self.better if enough and self.p_holm < stats.SIGNIFICANT else None

    @property
    def outcome(self) -> Outcome:
        """What can be said.

        `equivalent` wins over `different`, because a difference within the margin is one that
        does not matter. What is neither is `underpowered`: more seeds would tell, no winner.
        """
        if self.interval.n >= LEAST_SEEDS and self.p_equivalent < stats.SIGNIFICANT:
            return "equivalent"
        return "different" if self.winner else "underpowered"


@dataclass(frozen=True)
class Leaderboard:
    """Architectures in order, best first, by the measurement called `key`."""

    key: str
    rows: tuple[Row, ...]
    """Models and null baselines, sorted together."""
    comparisons: tuple[Comparison, ...]
    margin: float = 0.0
    """The difference that does not matter; 0 where none was stated."""

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The models alone."""
        return tuple(row for row in self.rows if isinstance(row, Standing))


def leaderboard(view: ExperimentView) -> Leaderboard:
    """The standings: by test once every trial is finished, by best validation before that.

    While some trials are still training, test values of the others would not be comparable, and
    ranking by them would invite choosing on test.
    """
    metric = view.config.task.task.metric
    tested = any(len(trial.values(f"test_{metric.name}")) for trial in view.comparison_trials)
    key = f"{'test' if view.is_finished and tested else 'validation'}_{metric.name}"
    nulls = [_null_standing(baseline, metric) for baseline in view.baselines]
    standings = [_standing(view, choice, key, nulls) for choice in view.config.models]

    def order(row: Row) -> tuple[bool, bool, float]:
        mean = row.interval.mean
        signed = -mean if metric.higher_is_better else mean
        return math.isnan(mean), isinstance(row, Standing) and not row.is_complete, signed

    standings.sort(key=order)
    return Leaderboard(
        key,
        tuple(sorted([*standings, *nulls], key=order)),
        _comparisons(view, standings),
        view.config.protocol.margin,
    )


def _standing(
    view: ExperimentView, choice: ModelChoice, key: str, nulls: list[NullStanding]
) -> Standing:
    task = view.config.task.task
    trials = [trial for trial in view.comparison_trials if trial.model == choice.label]
    values = {trial.seed: trial.best(key) for trial in trials if len(trial.values(key))}
    interval = stats.t_interval(tuple(values.values()), bounds=task.metric.bounds)
    cost = choice.model.cost(task)
    built = [trial.num_parameters for trial in trials if trial.num_parameters is not None]
    seconds = [t.step_seconds for t in trials if not math.isnan(t.step_seconds)]
    peaks = [t.peak_memory_bytes for t in trials if not math.isnan(t.peak_memory_bytes)]
    return Standing(
        model=choice.label,
        interval=interval,
        interquartile=stats.interquartile_interval([list(values.values())]),
        seeds=values,
        num_parameters=next(iter(built), cost.num_parameters if cost else None),
        state_size=cost.state_size if cost else None,
        flops=cost.flops * view.config.budget.batch_size if cost else None,
        step_seconds=float(np.median(seconds)) if seconds else math.nan,
        peak_memory_bytes=max(peaks, default=math.nan),
        time_to_solve=_time_to_solve(view, trials),
        finished=sum(t.status.is_finished for t in trials),
        failed=sum(t.status in (Status.FAILED, Status.LOST) for t in trials),
        trials=len(trials),
        not_above=_not_above(interval, nulls, task.metric.higher_is_better),
    )


def _null_standing(baseline: Baseline, metric: Metric) -> NullStanding:
    values = baseline.values.get(f"test_{metric.name}", ())
    return NullStanding(
        name=baseline.name,
        interval=stats.t_interval(values, bounds=metric.bounds),
        interquartile=stats.interquartile_interval([values]),
        values=values,
    )


def _time_to_solve(view: ExperimentView, trials: list[TrialView]) -> stats.TimeToSolve | None:
    """Over trials that solved, trained to the budget's end, or failed, which is not solving.

    What was stopped or lost before it solved, or still trains, might solve yet.
    """
    if view.config.task.task.solved is None:
        return None
    known = [
        trial.solved_at
        for trial in trials
        if trial.solved_at is not None or trial.status in (Status.COMPLETED, Status.FAILED)
    ]
    return stats.time_to_solve(known, view.config.budget.steps)


def _not_above(
    interval: stats.Interval, nulls: list[NullStanding], higher_is_better: bool
) -> tuple[str, ...]:
    if math.isnan(interval.mean):
        return ()
    # One seed has no interval; its value is all there is to compare.
    bound = interval.low if higher_is_better else interval.high
    bound = interval.mean if math.isnan(bound) else bound
    sign = 1 if higher_is_better else -1
    return tuple(null.name for null in nulls if sign * bound <= sign * null.interval.mean)


def _comparisons(view: ExperimentView, standings: list[Standing]) -> tuple[Comparison, ...]:
    metric, margin = view.config.task.task.metric, view.config.protocol.margin
    pairs = [(a, b) for i, a in enumerate(standings) for b in standings[i + 1 :]]
    values = []
    for a, b in pairs:
        seeds = sorted(a.seeds.keys() & b.seeds.keys())
        values.append(([a.seeds[seed] for seed in seeds], [b.seeds[seed] for seed in seeds]))
    differences = [stats.paired_difference(x, y, metric.bounds) for x, y in values]
    adjusted = stats.holm([difference.p for difference in differences])
    made = sum(not math.isnan(difference.p) for difference in differences)
    equivalent = stats.holm(
        [
            # Survivors do not stand for an architecture of which some seeds failed.
            stats.equivalence(x, y, margin)
            if margin and a.is_complete and b.is_complete
            else math.nan
            for (a, b), (x, y) in zip(pairs, values, strict=True)
        ]
    )
    comparisons = []
    for i, (a, b) in enumerate(pairs):
        interval = differences[i].interval
        better = a if (interval.mean > 0) == metric.higher_is_better else b
        comparisons.append(
            Comparison(
                a=a.model,
                b=b.model,
                interval=interval,
                p=differences[i].p,
                p_holm=adjusted[i],
                detectable=stats.minimum_detectable(*values[i], stats.SIGNIFICANT / max(made, 1)),
                p_equivalent=equivalent[i],
                better=better.model if better.is_complete else None,
            )
        )
    return tuple(comparisons)
