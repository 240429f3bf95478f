"""An experiment in a few facts: what a list of many shows of each, and what they are filtered by.

A digest is small and plain, so that one of an experiment at rest is kept in the `index` and its
journals need not be read again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

import msgspec

from experiments.budget import Budget
from experiments.catalog import TASKS
from experiments.leaderboard import leaderboard
from experiments.process import is_alive
from experiments.protocol import Protocol
from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.tasks.task import Task


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What is worth knowing of an experiment among many. What is unknown is None."""

    status: Status
    task: str
    models: tuple[str, ...]
    """Labels, in order."""
    seeds: int
    trials: int
    """Those that are compared."""
    completed: int
    """Of those."""
    progress: float
    """The finished part of all steps, 0 to 1."""
    started: float | None
    """Seconds since the epoch."""
    duration: float | None
    """Seconds, up to the last word of any trial."""
    best: str | None
    """The model that leads."""
    measurement: str
    """What `value` is of: see `leaderboard`."""
    value: float | None
    """The mean of the best model over its seeds."""
    higher_is_better: bool
    settings: dict[str, dict[str, Any]]
    """Fields of `task`, `budget` and `protocol`."""


def digest(view: ExperimentView) -> Digest:
    """The digest of an experiment as it stands."""
    board, config = leaderboard(view), view.config
    best = next((row for row in board.standings if row.is_complete and row.seeds), None)
    compared = view.comparison_trials
    return Digest(
        status=view.status,
        task=config.task.name,
        models=tuple(choice.label for choice in config.models),
        seeds=len(config.seeds),
        trials=len(compared),
        completed=sum(trial.status is Status.COMPLETED for trial in compared),
        progress=view.progress,
        started=_known(view.started),
        duration=_known(view.elapsed_seconds),
        best=best.model if best else None,
        measurement=board.key,
        value=_known(best.interval.mean) if best else None,
        higher_is_better=config.task.task.metric.higher_is_better,
        settings={
            "task": _plain(config.task.task),
            "budget": _plain(config.budget),
            "protocol": _plain(config.protocol),
        },
    )


def is_at_rest(view: ExperimentView) -> bool:
    """Whether nothing can change before a supervisor takes the experiment up again.

    One whose trials have all ended may have a supervisor that still measures baselines.
    """
    if not view.is_finished or view.process is None:
        return False
    return not math.isnan(view.ended) or not is_alive(view.process)


def values_of(found: Digest, name: str) -> Mapping[str, Any]:
    """What a filter may ask for, by name: the facts, then settings, with and without section.

    A setting of the task hides one of the budget of the same name, and that one of the protocol;
    with its section (`budget.steps`) each can be asked for.
    """
    values: dict[str, Any] = {}
    for section in ("protocol", "budget", "task"):
        for key, value in found.settings[section].items():
            values[key.lower()] = values[f"{section}.{key}".lower()] = value
    return values | {
        "name": name,
        "status": str(found.status),
        "task": found.task,
        "model": found.models,
        "seeds": found.seeds,
        "trials": found.trials,
        "completed": found.completed,
        "progress": 100 * found.progress,
        "started": found.started,
        "duration": found.duration,
        "best": found.best,
        "value": found.value,
    }


def setting_names(found: Iterable[Digest]) -> list[str]:
    """Every name of a setting in `values_of`: of all tasks that we have, and of those `found`."""
    sections: dict[str, set[str]] = {
        "task": {field.name for task in TASKS.values() for field in fields(task)},
        "budget": {field.name for field in fields(Budget)},
        "protocol": {field.name for field in fields(Protocol)},
    }
    for one in found:
        for section, names in sections.items():
            names.update(one.settings[section])
    names = {name.lower() for known in sections.values() for name in known}
    dotted = {f"{section}.{name}".lower() for section in sections for name in sections[section]}
    return [*sorted(names), *sorted(dotted)]


def _plain(settings: Task | Budget | Protocol) -> dict[str, Any]:
    """What JSON makes of the fields, so that a digest from the index is the same."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(asdict(settings)))
    return plain


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
