"""What is known of one trial: a pure fold of the events of its journal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from experiments.config import TrialConfig
from experiments.events import (
    Built,
    Damaged,
    DataRead,
    DependenceFound,
    Event,
    Measured,
    Process,
    Solved,
    Started,
    StatusChanged,
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
    solved_at: int | None = None
    """The step from which on validation calls the task solved."""
    data: Mapping[str, str] = field(default_factory=dict)
    """A hash of each split it has read."""
    dependence: DependenceFound | None = None
    """Which inputs its predictions depended on before training."""
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
    def progress(self) -> float:
        """The trained part of its budget, 0 to 1; all of it where the task was solved early."""
        if self.status is Status.COMPLETED:
            return 1.0
        return self.step / self.config.budget.steps

    @property
    def ended_early(self) -> bool:
        """Whether it completed before the end of its budget, because its task was solved."""
        is_before_end = self.step < self.config.budget.steps
        return self.status is Status.COMPLETED and self.solved_at is not None and is_before_end

    @property
    def seconds(self) -> float:
        """From its process's start to its end, or to its last word."""
        end = self.ended if not math.isnan(self.ended) else self.updated
        return end - self.started

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
        if self.step == 0:
            return math.nan
        elapsed = self.updated - self.built
        return elapsed / self.step * (self.config.budget.steps - self.step)

    def values(self, key: str) -> Series:
        """The measurements called `key`, empty when there are none."""
        return self.series.get(key, _EMPTY)

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
        prefixes = ("test_", "validation_", "extrapolation_", "probe_")
        return {key: s.last for key, s in self.series.items() if key.startswith(prefixes)}


_EMPTY = Series()


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
            case DataRead(split=split, sha256=sha256):
                view = replace(view, data={**view.data, split: sha256})
            case DependenceFound():
                view = replace(view, dependence=event)
            case Solved(step=step):
                view = replace(view, solved_at=step)
            case StatusChanged(time=time, status=status, reason=reason):
                ended = time if status.is_finished else math.nan
                view = replace(view, status=status, reason=reason, ended=ended)
            case Damaged():
                view = replace(view, problems=(*view.problems, damage(event)))
        if not isinstance(event, Damaged):
            view = replace(view, updated=event.time)
    if points:
        grown = {key: view.values(key).extended(new) for key, new in points.items()}
        view = replace(view, series={**view.series, **grown})
    return view


def damage(event: Damaged) -> str:
    """A damaged line in words."""
    return f"line {event.line} is damaged and was left out: {event.problem}"
