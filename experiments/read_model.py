"""What is known: a pure fold of events into views.

Every screen, table and report shows numbers from here and from `stats`, so they cannot disagree.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from experiments import stats
from experiments.config import ExperimentConfig
from experiments.events import (
    Alerted,
    BaselineMeasured,
    Damaged,
    Event,
    LoadSampled,
    Process,
    RateChosen,
    StepsTimed,
    StopRequested,
    SupervisorEnded,
    SupervisorStarted,
    TrialEnded,
    TrialQueued,
)
from experiments.status import Status
from experiments.trial_fold import concluded, damage, loaded, queued, stopping
from experiments.trial_view import TrialView


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
    chosen_backend: str = ""
    """What its first supervisor chose for all trials; empty where none has said so."""
    started: float = math.nan
    ended: float = math.nan
    reason: str = ""
    baselines: tuple[Baseline, ...] = ()
    rates: tuple[RateChosen, ...] = ()
    """The learning rates chosen so far."""
    timed: StepsTimed | None = None
    """How long training steps took before the trials, where that is matched."""
    alerts: tuple[Alerted, ...] = ()
    """What the rules of `alert_rules` found, oldest first."""
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.config.name

    @property
    def backend(self) -> str:
        """The Keras backend that its trials run on; empty before that is known."""
        # Of older experiments only the trials tell.
        told = (trial.backend for trial in self.trials if trial.backend)
        return self.chosen_backend or next(told, "")

    @property
    def status(self) -> Status:
        """The experiment's status, which follows from its trials'."""
        found = {trial.status for trial in self.trials}
        if found == {Status.QUEUED} and math.isnan(self.started):
            return Status.QUEUED
        if still_open := {status for status in found if not status.is_finished}:
            return Status.PAUSED if still_open == {Status.PAUSED} else Status.RUNNING
        # A learning rate that came to no good end is a result.
        ends = {trial.status for trial in self.comparison_trials}
        for status in (Status.LOST, Status.FAILED, Status.STOPPED, Status.PRUNED):
            if status in ends:
                return status
        return Status.COMPLETED

    @property
    def is_finished(self) -> bool:
        """Whether every trial has come to its end."""
        return all(trial.status.is_finished for trial in self.trials)

    @property
    def comparison_trials(self) -> tuple[TrialView, ...]:
        """The trials that standings, bands and comparisons are made of: none that only tuned."""
        return tuple(trial for trial in self.trials if not trial.is_tuning)

    @property
    def tuning_trials(self) -> tuple[TrialView, ...]:
        """The trials that serve to choose learning rates."""
        return tuple(trial for trial in self.trials if trial.is_tuning)

    @property
    def progress(self) -> float:
        """The finished part of the updates of all trials, 0 to 1."""
        updates = [trial.config.updates for trial in self.trials]
        parts = [1.0 if trial.status.is_finished else trial.progress for trial in self.trials]
        return sum(a * b for a, b in zip(parts, updates, strict=True)) / sum(updates)

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
        # For each update, because trials that tune have fewer.
        paces = [
            (trial.seconds + trial.remaining_seconds) / trial.config.updates for trial in telling
        ]
        known = [pace for pace in paces if not math.isnan(pace)]
        if not known:
            return math.nan
        typical = float(np.mean(known))
        open_seconds = [
            typical * trial.config.updates
            if math.isnan(trial.remaining_seconds)
            else trial.remaining_seconds
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


def new_view(config: ExperimentConfig) -> ExperimentView:
    """The view of an experiment of which nothing has happened yet."""
    return ExperimentView(config, tuple(TrialView(trial) for trial in config.trials()))


def fold_experiment(view: ExperimentView, events: Iterable[Event]) -> ExperimentView:
    """`view` after the events of the supervisor's journal."""
    # Most of a long journal are loads, which come in runs.
    for _, run in itertools.groupby(events, type):
        part = list(run)
        loads = [event for event in part if isinstance(event, LoadSampled)]
        view = _with_loads(view, loads) if loads else _fold_others(view, part)
    return view


def _fold_others(view: ExperimentView, events: Iterable[Event]) -> ExperimentView:
    for event in events:
        match event:
            case SupervisorStarted():
                view = replace(
                    view,
                    process=event.process,
                    jobs=event.jobs,
                    threads=event.threads,
                    chosen_backend=event.backend or view.chosen_backend,
                    started=event.time if math.isnan(view.started) else view.started,
                    ended=math.nan,
                    reason="",
                )
            case TrialQueued(trial=name):
                view = _with_trial(view, name, partial(queued, event=event))
            case TrialEnded(trial=name):
                view = _with_trial(view, name, partial(concluded, event=event))
            case StopRequested(trial=name):
                view = _with_trial(view, name, partial(stopping, event=event))
            case StepsTimed():
                view = replace(view, timed=event)
            case RateChosen():
                view = _with_rate(view, event)
            case Alerted():
                view = replace(view, alerts=(*view.alerts, event))
            case BaselineMeasured():
                view = replace(view, baselines=_with_baseline(view.baselines, event))
            case SupervisorEnded(time=time, reason=reason):
                view = replace(view, ended=time, reason=reason)
            case Damaged():
                view = replace(view, problems=(*view.problems, damage(event)))
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


def _with_trial(
    view: ExperimentView, name: str, change: Callable[[TrialView], TrialView]
) -> ExperimentView:
    trials = tuple(change(trial) if trial.name == name else trial for trial in view.trials)
    return replace(view, trials=trials)


def _with_loads(view: ExperimentView, events: Iterable[LoadSampled]) -> ExperimentView:
    by_trial: dict[str, list[LoadSampled]] = {}
    for event in events:
        by_trial.setdefault(event.trial, []).append(event)
    trials = tuple(loaded(trial, by_trial.get(trial.name, ())) for trial in view.trials)
    return replace(view, trials=trials)


def _with_rate(view: ExperimentView, event: RateChosen) -> ExperimentView:
    """`view` in which the trials to compare are trained as they will be."""
    rates = {**{rate.model: rate for rate in view.rates}, event.model: event}

    def informed(trial: TrialView) -> TrialView:
        if trial.is_tuning or trial.model != event.model:
            return trial
        budget = replace(trial.config.budget, learning_rate=event.learning_rate)
        return replace(trial, config=replace(trial.config, budget=budget))

    trials = tuple(informed(trial) for trial in view.trials)
    return replace(view, rates=tuple(rates.values()), trials=trials)


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
