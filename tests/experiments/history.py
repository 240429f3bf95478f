"""What happened to an experiment, made up: events without processes and files."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from experiments.config import ExperimentConfig
from experiments.events import (
    BaselineMeasured,
    Built,
    Measured,
    Process,
    Started,
    StatusChanged,
    SupervisorStarted,
)
from experiments.read_model import ExperimentView, fold_experiment, new_view
from experiments.status import Status
from experiments.trial_fold import fold_trial

WORKER = Process(pid=7, created=100.0, host="here")
SUPERVISOR = Process(pid=3, created=90.0, host="here")

Story = list  # of events


def supervised(jobs: int = 2) -> SupervisorStarted:
    return SupervisorStarted(time=90.0, process=SUPERVISOR, jobs=jobs, threads=1)


def begun(time: float = 100.0, *, attempt: int = 1, process: Process | None = None) -> Story:
    """A worker, new unless named, took its trial up; two seconds later its network stood."""
    worker = process or structs.replace(WORKER, created=time)
    return [
        Started(time=time, process=worker, attempt=attempt),
        Built(time=time + 2, num_parameters=5, backend="none", device="cpu", threads=1),
    ]


def trained(values: Mapping[int, float], key: str, *, since: float = 102.0) -> Story:
    """Measurements by step, a second a step."""
    return [
        Measured(time=since + step, step=step, values={key: value})
        for step, value in values.items()
    ]


def ended(status: Status = Status.COMPLETED, reason: str = "", *, time: float = 120.0) -> Story:
    return [StatusChanged(time=time, status=status, reason=reason)]


def view_of(
    config: ExperimentConfig, stories: Mapping[str, Story], supervisor: Story | None = None
) -> ExperimentView:
    """The view once everything was read."""
    view = new_view(config)
    trials = tuple(fold_trial(trial, stories.get(trial.name, [])) for trial in view.trials)
    return fold_experiment(view.with_trials(trials), supervisor or [supervised()])


def outcome(
    config: ExperimentConfig,
    values: Mapping[str, float],
    *,
    key: str,
    baselines: Mapping[str, float] | None = None,
) -> ExperimentView:
    """A finished experiment in which the trials ended with these values of `key`."""
    stories = {
        name: begun() + trained({config.budget.steps: value}, key) + ended()
        for name, value in values.items()
    }
    measured = [
        BaselineMeasured(time=91.0, name=name, seed=seed, values={key: value})
        for name, value in (baselines or {}).items()
        for seed in config.seeds
    ]
    return view_of(config, stories, [supervised(), *measured])
