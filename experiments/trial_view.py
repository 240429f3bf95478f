"""What is known of one trial: a pure fold of the events of its journal and the supervisor's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.attempt import Attempt, one_more, with_end
from experiments.config import TrialConfig
from experiments.events import (
    Built,
    CheckpointSaved,
    Damaged,
    DataRead,
    DependenceFound,
    Event,
    LoadSampled,
    Measured,
    NotRecorded,
    Pretrained,
    Process,
    RateChanged,
    Recorded,
    Solved,
    Started,
    StatusChanged,
    StopRequested,
    TrialEnded,
    TrialQueued,
)
from experiments.series import EMPTY, Series, extended, up_to
from experiments.status import Status

PRETRAINING = "pretraining_"
"""What the measurements begin with that were made before training, on steps of their own."""
PACE_SECONDS = 1.0
"""Records of so long tell at what pace they come."""
EVALUATED = ("test_", "validation_", "extrapolation_", "probe_")
"""Beginnings of the keys of what is measured on whole splits."""


@dataclass(frozen=True)
class TrialView:
    """What is known of one trial."""

    config: TrialConfig
    status: Status = Status.QUEUED
    reason: str = ""
    process: Process | None = None
    attempts: tuple[Attempt, ...] = ()
    """All of them, the present one last."""
    retries: int = 0
    """How many attempts a person has asked for and a supervisor has taken up."""
    started: float = math.nan
    """Seconds since the epoch; so are the times below. Of the attempt that began the training."""
    built: float = math.nan
    updated: float = math.nan
    ended: float = math.nan
    idle: tuple[tuple[float, float], ...] = ()
    """When nobody worked on it since: pauses, and the times between attempts."""
    paused: float = math.nan
    """Since when its process waits for a person, if it does."""
    num_parameters: int | None = None
    backend: str = ""
    device: str = ""
    threads: int | None = None
    epoch_sequences: int | None = None
    """Sequences of the training set, where it is gone through again and again."""
    step: int = 0
    series: Mapping[str, Series] = field(default_factory=dict)
    stop_rung: str = ""
    """How far a requested stop has gone: `asked`, `terminated`, `killed`."""
    load: LoadSampled | None = None
    """What its process takes, or took last, as seen from outside."""
    saved_at: int | None = None
    """The step of its last checkpoint."""
    rate_changes: tuple[RateChanged, ...] = ()
    """The learning rates that a person has set."""
    solved_at: int | None = None
    """The step from which on validation calls the task solved."""
    data: Mapping[str, str] = field(default_factory=dict)
    """A hash of each split it has read."""
    dependence: DependenceFound | None = None
    """Which inputs its predictions depended on before training."""
    recorded: tuple[int, ...] = ()
    """The steps after which it was recorded what the network did inside, in order."""
    not_recorded: str = ""
    """Why the newest recording that was due was not made; empty where it was."""
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
    def is_tuning(self) -> bool:
        """Whether it serves to choose a learning rate, and is not compared."""
        return self.config.role == "tuning"

    @property
    def pretraining_steps(self) -> int:
        """Updates made before those of training, on a task without labels."""
        steps = self.values(f"{PRETRAINING}loss").step
        return int(steps[-1]) if len(steps) else 0

    @property
    def updates(self) -> int:
        """All updates made: those of pretraining and those of training."""
        before = self.config.pretraining_updates
        return self.step + (before if self.step else min(self.pretraining_steps, before))

    @property
    def progress(self) -> float:
        """The part of its updates that is made, 0 to 1; all where the task was solved early."""
        if self.status is Status.COMPLETED:
            return 1.0
        return self.updates / self.config.updates

    @property
    def ended_early(self) -> bool:
        """Whether it completed before the end of its budget, because its task was solved."""
        is_before_end = self.step < self.config.budget.steps
        return self.status is Status.COMPLETED and self.solved_at is not None and is_before_end

    @property
    def attempt(self) -> int:
        """The number of its present attempt, 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def begun(self) -> float:
        """When its present attempt began; NaN before the first."""
        return self.attempts[-1].started if self.attempts else math.nan

    @property
    def learning_rate(self) -> float:
        """The one it is trained with now."""
        if self.rate_changes:
            return self.rate_changes[-1].learning_rate
        return self.config.budget.learning_rate

    @property
    def seconds(self) -> float:
        """Of work, from its process's start to its end, or to its last word."""
        end = self.ended if not math.isnan(self.ended) else self.updated
        return float(self.seconds_at(end))

    def seconds_at(self, time: ArrayLike) -> NDArray[np.float64]:
        """Seconds of work before `time`, or before each of several: pauses do not count."""
        idle = self.idle if math.isnan(self.paused) else (*self.idle, (self.paused, math.inf))
        seconds = np.asarray(time, np.float64) - self.started
        for since, until in idle:
            seconds = seconds - (np.clip(time, since, until) - since)
        return seconds

    @cached_property
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
        pace = self._pace("train_loss")
        if math.isnan(pace) and self.attempts and self.attempts[-1].step == 0:
            # Updates of training will take about as long as those of pretraining.
            pace = self._pace(f"{PRETRAINING}loss")
        return pace * (self.config.updates - self.updates)

    def _pace(self, key: str) -> float:
        """Seconds per update in the present attempt, with what is done between updates.

        From the first record of `key` on, which holds the compilation; NaN until some time after.
        """
        told = self.values(key)
        first = int(np.searchsorted(told.step, self.attempts[-1].step, "right")) if told else 0
        if len(told) < first + 2:
            return math.nan
        since, until = self.seconds_at(told.time[[first, -1]])
        if until - since < PACE_SECONDS:
            return math.nan
        return float((until - since) / (told.step[-1] - told.step[first]))

    def values(self, key: str) -> Series:
        """The measurements called `key`, empty when there are none."""
        return self.series.get(key, EMPTY)

    @property
    def evaluations(self) -> int:
        """How many measurements it has that do not come from single batches."""
        return sum(len(s) for key, s in self.series.items() if key.startswith(EVALUATED))

    def best(self, key: str) -> float:
        """The best value of a validation or test measurement of the task's metric, or NaN."""
        return self.best_of(self.values(key).value)

    def best_of(self, values: NDArray[np.float64]) -> float:
        """The best of some values of the task's metric; NaN where none is a number."""
        numbers = values[~np.isnan(values)]
        if not len(numbers):
            return math.nan
        is_highest = self.config.task.task.metric.higher_is_better
        return float(numbers.max() if is_highest else numbers.min())

    def metrics(self) -> dict[str, float]:
        """The outcome: tests, probes, and validation measurements at their last reading."""
        return {key: s.last for key, s in self.series.items() if key.startswith(EVALUATED)}


def fold_trial(view: TrialView, events: Iterable[Event]) -> TrialView:
    """`view` after the events of the trial's own journal."""
    # Nearly all of them are measurements, which come in long runs.
    for _, run in itertools.groupby(events, type):
        part = list(run)
        measured = [event for event in part if isinstance(event, Measured | Pretrained)]
        view = _measured(view, measured) if measured else _fold_others(view, part)
    return view


def _measured(view: TrialView, events: Sequence[Measured | Pretrained]) -> TrialView:
    """`view` after measurements, all of training or all of pretraining."""
    is_before = isinstance(events[0], Pretrained)
    step = 0 if is_before else max(event.step for event in events)
    return replace(
        view,
        step=max(view.step, step),
        updated=events[-1].time,
        series=extended(view.series, ((e.step, e.time, _by_key(e)) for e in events)),
    )


def _by_key(event: Measured | Pretrained) -> Mapping[str, float]:
    if isinstance(event, Measured):
        return event.values
    return {f"{PRETRAINING}{key}": value for key, value in event.values.items()}


def _fold_others(view: TrialView, events: Iterable[Event]) -> TrialView:
    for event in events:
        match event:
            case Started():
                view = _begun(view, event)
            case Built():
                view = replace(
                    view,
                    built=event.time,
                    num_parameters=event.num_parameters,
                    backend=event.backend,
                    device=event.device,
                    threads=event.threads,
                    epoch_sequences=event.epoch_sequences,
                )
            case DataRead(split=split, sha256=sha256):
                view = replace(view, data={**view.data, split: sha256})
            case DependenceFound():
                view = replace(view, dependence=event)
            case Solved(step=step):
                view = replace(view, solved_at=step)
            case RateChanged():
                before = tuple(c for c in view.rate_changes if c.step != event.step)
                view = replace(view, rate_changes=(*before, event))
            case CheckpointSaved(step=step):
                view = replace(view, saved_at=step)
            case Recorded(step=step):
                steps = (*view.recorded, step)
                view = replace(view, recorded=steps, not_recorded="")
            case NotRecorded(reason=reason):
                view = replace(view, not_recorded=reason)
            case StatusChanged():
                view = _changed(view, event)
            case Damaged():
                view = replace(view, problems=(*view.problems, damage(event)))
        if not isinstance(event, Damaged):
            view = replace(view, updated=event.time)
    return view


def _begun(view: TrialView, event: Started) -> TrialView:
    """`view` once a worker has taken it up."""
    fresh = TrialView(
        view.config,
        status=Status.RUNNING,
        process=event.process,
        attempts=one_more(view.attempts, event),
        retries=view.retries,
        started=event.time,
        load=view.load if view.load and view.load.time >= event.process.created else None,
        problems=view.problems,
    )
    if event.step == 0:
        # It trains from the first step; its curves are not the old one's.
        return fresh
    # What came after the checkpoint is done again; pretraining was done before it.
    before = {key: one for key, one in view.series.items() if key.startswith(PRETRAINING)}
    after = {key: one for key, one in view.series.items() if key not in before}
    series = {**before, **{k: kept for k, kept in up_to(after, event.step).items() if len(kept)}}
    left = max((kept.time[-1] for kept in series.values()), default=view.started)
    return replace(
        fresh,
        started=view.started,
        idle=(*(span for span in view.idle if span[1] <= left), (float(left), event.time)),
        num_parameters=view.num_parameters,
        backend=view.backend,
        device=view.device,
        threads=view.threads,
        step=event.step,
        series=series,
        saved_at=event.step,
        rate_changes=tuple(c for c in view.rate_changes if c.step <= event.step),
        data=view.data,
        dependence=view.dependence,
        recorded=tuple(step for step in view.recorded if step <= event.step),
    )


def _changed(view: TrialView, event: StatusChanged) -> TrialView:
    """`view` once its worker has told another status."""
    time, status, reason = event.time, event.status, event.reason
    attempts = view.attempts
    if attempts:
        attempts = (*attempts[:-1], attempts[-1].after(status, reason, time))
    idle = view.idle if math.isnan(view.paused) else (*view.idle, (view.paused, time))
    return replace(
        view,
        status=status,
        reason=reason,
        ended=time if status.is_finished else math.nan,
        attempts=attempts,
        idle=idle,
        paused=time if status is Status.PAUSED else math.nan,
    )


def concluded(view: TrialView, event: TrialEnded) -> TrialView:
    """`view` once the supervisor has told how it ended."""
    time, status, reason = event.time, event.status, event.reason
    view = replace(view, attempts=with_end(view.attempts, time, status, reason))
    # The worker's own last word, where it had one, knows more than its exit code.
    if view.status.is_finished or _is_older(event, view):
        return view
    return replace(view, status=status, reason=reason, ended=time)


def queued(view: TrialView, event: TrialQueued) -> TrialView:
    """`view` once it waits for a place, or for a person."""
    view = replace(view, retries=max(view.retries, event.retries))
    if _is_older(event, view):
        return view
    status = Status.PAUSED if event.is_paused else Status.QUEUED
    return replace(
        view, status=status, reason="", stop_rung="", load=None, process=None, ended=math.nan
    )


def stopping(view: TrialView, event: StopRequested) -> TrialView:
    """`view` once a stop was passed on."""
    return view if _is_older(event, view) else replace(view, stop_rung=event.rung)


def loaded(view: TrialView, events: Iterable[LoadSampled]) -> TrialView:
    """`view` once its process was looked at, several times perhaps."""
    # It is looked at before it says that it has taken up the trial, too.
    created = view.begun if view.process is None else min(view.begun, view.process.created)
    known = [event for event in events if not event.time < created]
    return replace(view, load=known[-1]) if known else view


def _is_older(event: Event, view: TrialView) -> bool:
    # The journals are read one after the other: this may be about an attempt before the present.
    return event.time < view.begun


def damage(event: Damaged) -> str:
    """A damaged line in words."""
    return f"line {event.line} is damaged and was left out: {event.problem}"
