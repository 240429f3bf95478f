"""Who is ahead: the standings of an experiment and the paired differences between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments import stats
from experiments.comparison import Comparison, Sample, comparisons, turned
from experiments.config import ModelChoice
from experiments.cut import BROKEN, Cut
from experiments.read_model import Baseline, ExperimentView
from experiments.status import Status
from experiments.tasks.task import Metric
from experiments.trial_view import TrialView


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
    """Of the trials of which it is known; `None` without a threshold, agreed or asked for."""
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
class Leaderboard:
    """Architectures in order, best first, by the measurement called `key`."""

    key: str
    rows: tuple[Row, ...]
    """Models and null baselines, sorted together."""
    comparisons: tuple[Comparison, ...]
    margin: float = 0.0
    """The difference that does not matter; 0 where none was stated."""
    cut: Cut | None = None
    """Where the trials were held against each other; `None` is at their ends."""
    target: float | None = None
    """What counts as solved in place of the task's own threshold."""

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The models alone."""
        return tuple(row for row in self.rows if isinstance(row, Standing))

    def comparison(self, a: str, b: str) -> Comparison | None:
        """That of the models `a` and `b`, as `a - b`; `None` where there is none."""
        for found in self.comparisons:
            if {found.a, found.b} == {a, b}:
                return found if found.a == a else turned(found)
        return None


def leaderboard(
    view: ExperimentView, cut: Cut | None = None, target: float | None = None
) -> Leaderboard:
    """The standings: by test once every trial is finished, by best validation before that.

    While some trials are still training, test values of the others would not be comparable, and
    ranking by them would invite choosing on test. At a `cut` validation decides, always.
    `target` replaces the value of the task's metric that counts as solved.
    """
    metric = view.config.task.task.metric
    tested = any(len(trial.values(f"test_{metric.name}")) for trial in view.comparison_trials)
    is_by_test = cut is None and view.is_finished and tested
    key = f"{'test' if is_by_test else 'validation'}_{metric.name}"
    cut = cut.resolved(view) if cut else None
    nulls = [_null_standing(baseline, metric) for baseline in view.baselines]
    standings = []
    for choice in view.config.models:
        trials = [trial for trial in view.comparison_trials if trial.model == choice.label]
        values = _values(trials, key, cut)
        times = _time_to_solve(view, trials, target)
        standings.append(_standing(view, choice, trials, values, times, nulls))

    def order(row: Row) -> tuple[bool, bool, float]:
        mean = row.interval.mean
        signed = -mean if metric.higher_is_better else mean
        return math.isnan(mean), isinstance(row, Standing) and not row.is_complete, signed

    standings.sort(key=order)
    return Leaderboard(
        key,
        tuple(sorted([*standings, *nulls], key=order)),
        comparisons(tuple(map(_sample, standings)), metric, view.config.protocol.margin),
        view.config.protocol.margin,
        cut,
        target,
    )


def _values(trials: list[TrialView], key: str, cut: Cut | None) -> dict[int, float]:
    """The value of each seed that has one."""
    if cut is None:
        return {trial.seed: trial.best(key) for trial in trials if len(trial.values(key))}
    return cut.values(trials)


def _sample(standing: Standing) -> Sample:
    return Sample(standing.model, tuple(standing.seeds.items()), standing.is_complete)


def _standing(
    view: ExperimentView,
    choice: ModelChoice,
    trials: list[TrialView],
    values: dict[int, float],
    times: stats.TimeToSolve | None,
    nulls: list[NullStanding],
) -> Standing:
    task = view.config.task.task
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
        time_to_solve=times,
        finished=sum(t.status.is_finished for t in trials),
        failed=sum(t.status in BROKEN for t in trials),
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


def _time_to_solve(
    view: ExperimentView, trials: list[TrialView], target: float | None
) -> stats.TimeToSolve | None:
    """Over trials that solved, trained to the budget's end, or failed, which is not solving.

    What was stopped or lost before it solved, or still trains, might solve yet; so might what
    ended early because the task's own threshold, an easier one than `target`, was reached.
    """
    if target is None and view.config.task.task.solved is None:
        return None
    known = []
    for trial in trials:
        step = trial.solved_at if target is None else _first_step(trial, target)
        is_at_its_end = trial.status is Status.COMPLETED and not trial.ended_early
        if step is not None or is_at_its_end or trial.status is Status.FAILED:
            known.append(step)
    return stats.time_to_solve(known, view.config.budget.steps)


def _first_step(trial: TrialView, target: float) -> int | None:
    """The step of the first validation that is as good as `target`."""
    metric = trial.config.task.task.metric
    series = trial.values(f"validation_{metric.name}")
    good = series.value >= target if metric.higher_is_better else series.value <= target
    return int(series.step[good.argmax()]) if good.any() else None


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
