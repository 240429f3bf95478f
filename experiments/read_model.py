"""What is known: a pure fold of events into views.

Every screen, table and report shows numbers from here and from `stats`, so they cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from experiments import stats
from experiments.config import ExperimentConfig, TrialConfig
from experiments.events import (
    BaselineMeasured,
    Built,
    Damaged,
    Event,
    Measured,
    Process,
    Started,
    StatusChanged,
    StopRequested,
    SupervisorEnded,
    SupervisorStarted,
    TrialEnded,
)
from experiments.series import Series
from experiments.status import Status


@dataclass(frozen=True)
class TrialView:
    """What is known of one trial."""

    config: TrialConfig
    status: Status = Status.QUEUED
    reason: str = ""
    process: Process | None = None
    attempt: int = 0
    started: float = math.nan
    """Seconds since the epoch; so are the times below."""
    built: float = math.nan
    updated: float = math.nan
    ended: float = math.nan
    num_parameters: int | None = None
    backend: str = ""
    device: str = ""
    threads: int | None = None
    step: int = 0
    series: Mapping[str, Series] = field(default_factory=dict)
    stop_rung: str = ""
    """How far a requested stop has gone: `asked`, `terminated`, `killed`."""
    problems: tuple[str, ...] = ()
    """Damaged lines of its journal."""

    @property
    def name(self) -> str:
        """The trial's name."""
        return self.config.name

    @property
    def model(self) -> str:
        """The label of its architecture."""
        return self.config.model.label

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.config.seed

    @property
    def progress(self) -> float:
        """The trained part of its budget, 0 to 1."""
        return self.step / self.config.budget.steps

    @property
    def seconds(self) -> float:
        """From its process's start to its end, or to its last word."""
        end = self.ended if not math.isnan(self.ended) else self.updated
        return end - self.started

    @property
    def step_seconds(self) -> float:
        """Median seconds per update so far; NaN before the first record.

        The first record holds the compilation and is left out once there is another.
        """
        values = self.values("step_seconds").value
        if len(values) > 1:
            values = values[1:]
        return float(np.median(values)) if len(values) else math.nan

    @property
    def peak_memory_bytes(self) -> float:
        """The most memory its process has held; NaN before its end."""
        return self.values("peak_memory_bytes").last

    @property
    def remaining_seconds(self) -> float:
        """Estimated time to the end of its budget; NaN when unknown, 0 when finished."""
        if self.status.is_finished:
            return 0.0
        if self.step == 0:
            return math.nan
        elapsed = self.updated - self.built
        return elapsed / self.step * (self.config.budget.steps - self.step)

    def values(self, key: str) -> Series:
        """The measurements called `key`, empty when there are none."""
        return self.series.get(key, _EMPTY)

    def best(self, key: str) -> float:
        """The best value of a validation or test measurement of the task's metric, or NaN."""
        values = self.values(key).value
        finite = values[~np.isnan(values)]
        if not len(finite):
            return math.nan
        return float(
            finite.max() if self.config.task.task.metric.higher_is_better else finite.min()
        )

    def metrics(self) -> dict[str, float]:
        """The outcome: tests, probes, and validation measurements at their last reading."""
        prefixes = ("test_", "validation_", "extrapolation_", "probe_")
        return {key: s.last for key, s in self.series.items() if key.startswith(prefixes)}


@dataclass(frozen=True)
class Baseline:
    """What a null baseline reaches on the test split, by key, one value per seed."""

    name: str
    values: Mapping[str, tuple[float, ...]]
    seeds: frozenset[int] = frozenset()

    def interval(self, key: str) -> stats.Interval:
        """Mean and interval of the measurement called `key` over seeds."""
        return stats.t_interval(self.values.get(key, ()))


@dataclass(frozen=True)
class ExperimentView:
    """What is known of an experiment."""

    config: ExperimentConfig
    trials: tuple[TrialView, ...]
    process: Process | None = None
    jobs: int | None = None
    threads: int | None = None
    started: float = math.nan
    ended: float = math.nan
    reason: str = ""
    baselines: tuple[Baseline, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.config.name

    @property
    def status(self) -> Status:
        """The experiment's status, which follows from its trials'."""
        found = {trial.status for trial in self.trials}
        if found == {Status.QUEUED} and math.isnan(self.started):
            return Status.QUEUED
        if any(not status.is_finished for status in found):
            return Status.RUNNING if found != {Status.PAUSED} else Status.PAUSED
        for status in (Status.LOST, Status.FAILED, Status.STOPPED, Status.PRUNED):
            if status in found:
                return status
        return Status.COMPLETED

    @property
    def is_finished(self) -> bool:
        """Whether every trial has come to its end."""
        return all(trial.status.is_finished for trial in self.trials)

    @property
    def comparison_trials(self) -> tuple[TrialView, ...]:
        """The trials that standings, bands and comparisons are made of: none that only tuned."""
        return tuple(trial for trial in self.trials if trial.config.role == "comparison")

    @property
    def progress(self) -> float:
        """The finished part of all trials, 0 to 1."""
        parts = [1.0 if trial.status.is_finished else trial.progress for trial in self.trials]
        return sum(parts) / len(parts)

    @property
    def elapsed_seconds(self) -> float:
        """From the supervisor's start to its end, or to the last word of any trial."""
        if not math.isnan(self.ended):
            return self.ended - self.started
        heard = [t.updated for t in self.trials if not math.isnan(t.updated)]
        return max(heard, default=self.started) - self.started

    @property
    def remaining_seconds(self) -> float:
        """Estimated time to the end of all trials; NaN before it can be known."""
        open_trials = [trial for trial in self.trials if not trial.status.is_finished]
        if not open_trials:
            return 0.0
        # What failed or was stopped early says nothing of how long the others will take.
        telling = [t for t in self.trials if t.status is Status.COMPLETED] + open_trials
        totals = [trial.seconds + trial.remaining_seconds for trial in telling]
        known = [total for total in totals if not math.isnan(total)]
        if not known:
            return math.nan
        typical = float(np.mean(known))
        open_seconds = [
            typical if math.isnan(trial.remaining_seconds) else trial.remaining_seconds
            for trial in open_trials
        ]
        # Neither shorter than the longest open trial nor than the work shared by all places.
        return max(max(open_seconds), sum(open_seconds) / (self.jobs or 1))

    def with_trials(self, trials: tuple[TrialView, ...]) -> ExperimentView:
        """This view with other `trials`."""
        return replace(self, trials=trials)

    def trial(self, name: str) -> TrialView | None:
        """The trial called `name`."""
        return next((trial for trial in self.trials if trial.name == name), None)


_EMPTY = Series()


def new_view(config: ExperimentConfig) -> ExperimentView:
    """The view of an experiment of which nothing has happened yet."""
    return ExperimentView(config, tuple(TrialView(trial) for trial in config.trials()))


def fold_trial(view: TrialView, events: Iterable[Event]) -> TrialView:
    """`view` after the events of the trial's own journal."""
    points: dict[str, list[tuple[float, float, float]]] = {}
    for event in events:
        match event:
            case Measured(time=time, step=step, values=values):
                for key, value in values.items():
                    points.setdefault(key, []).append((step, time, value))
                view = replace(view, step=max(view.step, step))
            case Started(time=time, process=process, attempt=attempt):
                # A new attempt trains from the first step; its curves are not the old one's.
                points.clear()
                view = TrialView(
                    view.config,
                    status=Status.RUNNING,
                    process=process,
                    attempt=attempt,
                    started=time,
                    problems=view.problems,
                )
            case Built():
                view = replace(
                    view,
                    built=event.time,
                    num_parameters=event.num_parameters,
                    backend=event.backend,
                    device=event.device,
                    threads=event.threads,
                )
            case StatusChanged(time=time, status=status, reason=reason):
                ended = time if status.is_finished else math.nan
                view = replace(view, status=status, reason=reason, ended=ended)
            case Damaged():
                view = replace(view, problems=(*view.problems, _damage(event)))
        if not isinstance(event, Damaged):
            view = replace(view, updated=event.time)
    if points:
        grown = {key: view.values(key).extended(new) for key, new in points.items()}
        view = replace(view, series={**view.series, **grown})
    return view


def fold_experiment(view: ExperimentView, events: Iterable[Event]) -> ExperimentView:
    """`view` after the events of the supervisor's journal."""
    for event in events:
        match event:
            case SupervisorStarted():
                view = replace(
                    view,
                    process=event.process,
                    jobs=event.jobs,
                    threads=event.threads,
                    started=event.time if math.isnan(view.started) else view.started,
                    ended=math.nan,
                    reason="",
                )
            case TrialEnded(time=time, trial=name, status=status, reason=reason):
                view = _with_trial(view, name, lambda t: _concluded(t, time, status, reason))
            case StopRequested(time=time, trial=name, rung=rung):
                view = _with_trial(view, name, lambda t: _stopping(t, time, rung))
            case BaselineMeasured():
                view = replace(view, baselines=_with_baseline(view.baselines, event))
            case SupervisorEnded(time=time, reason=reason):
                view = replace(view, ended=time, reason=reason)
            case Damaged():
                view = replace(view, problems=(*view.problems, _damage(event)))
    return view


def with_lost(view: ExperimentView, alive: Callable[[Process], bool]) -> ExperimentView:
    """`view` with every open trial `lost` whose process, and whose supervisor, are gone."""
    if view.process is None or view.is_finished:
        return view
    if alive(view.process):
        return view

    def judged(trial: TrialView) -> TrialView:
        if trial.status.is_finished or (trial.process is not None and alive(trial.process)):
            return trial
        return replace(trial, status=Status.LOST, reason="its supervisor is gone")

    return replace(view, trials=tuple(judged(trial) for trial in view.trials))


def _concluded(trial: TrialView, time: float, status: Status, reason: str) -> TrialView:
    # The worker's own last word, where it had one, knows more than its exit code.
    if trial.status.is_finished or _is_older(time, trial):
        return trial
    return replace(trial, status=status, reason=reason, ended=time)


def _stopping(trial: TrialView, time: float, rung: str) -> TrialView:
    return trial if _is_older(time, trial) else replace(trial, stop_rung=rung)


def _is_older(time: float, trial: TrialView) -> bool:
    # The journals are read one after the other: this may be about an attempt before the present.
    return time < trial.started


def _with_trial(
    view: ExperimentView, name: str, change: Callable[[TrialView], TrialView]
) -> ExperimentView:
    trials = tuple(change(trial) if trial.name == name else trial for trial in view.trials)
    return replace(view, trials=trials)


def _with_baseline(
    baselines: tuple[Baseline, ...], event: BaselineMeasured
) -> tuple[Baseline, ...]:
    known = {baseline.name: baseline for baseline in baselines}
    before = known.get(event.name, Baseline(event.name, {}))
    if event.seed in before.seeds:
        return baselines  # measured again by a later supervisor, with the same outcome
    known[event.name] = Baseline(
        event.name,
        {key: (*before.values.get(key, ()), value) for key, value in event.values.items()},
        before.seeds | {event.seed},
    )
    return tuple(known.values())


def _damage(event: Damaged) -> str:
    return f"line {event.line} is damaged and was left out: {event.problem}"


@dataclass(frozen=True)
class Band:
    """Mean and interval over seeds at each step; `n` seeds took part at most."""

    step: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: int


def band(trials: Iterable[TrialView], key: str) -> Band:
    """The measurements called `key` over seeds, at every step that any trial has reached.

    The interval ends where the measure does; see `stats.t_interval` for what that means.
    """
    told = [trial for trial in trials if len(trial.values(key))]
    series = [trial.values(key) for trial in told]
    if not series:
        nothing = np.empty(0)
        return Band(nothing, nothing, nothing, nothing, 0)
    steps = np.unique(np.concatenate([s.step for s in series]))
    values = np.full((len(series), len(steps)), np.nan)
    for row, s in zip(values, series, strict=True):
        row[np.searchsorted(steps, s.step)] = s.value
    if len(series) == 1:
        unknown = np.full(len(steps), np.nan)
        return Band(steps, values[0], unknown, unknown, 1)
    bounds = told[0].config.task.task.bounds(key.partition("_")[2])
    return Band(steps, *stats.t_band(values, bounds=bounds), n=len(series))
