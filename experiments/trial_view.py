"""What is known of one trial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.attempt import Attempt
from experiments.config import TrialConfig
from experiments.events import (
    DependenceFound,
    LoadSampled,
    Process,
    RateChanged,
)
from experiments.series import EMPTY, Series
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
