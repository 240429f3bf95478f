"""In what the models of an experiment differ, of all that was set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from experiments.read_model import ExperimentView


@dataclass(frozen=True)
class Distinction:
    """A setting that is not the same for all models."""

    key: str
    """What `--set` calls it, after the section: `units`, `learning_rate`."""
    values: Mapping[str, Any]
    """By model; a model without such a setting is not in it."""


@dataclass(frozen=True)
class Distinctions:
    """What differs, of how many settings there are in all."""

    models: tuple[str, ...]
    differing: tuple[Distinction, ...]
    total: int


def distinctions(view: ExperimentView) -> Distinctions:
    """The settings of models and of their training that differ, and how many there are.

    Widths are those that were solved; the learning rate is the one that a model's trials have,
    which tuning may still change. What models share, such as the task, counts among all settings.
    """
    config = view.config
    # Else the label says which model it is.
    is_labelled = any(choice.label != choice.name for choice in config.models)
    found: dict[str, dict[str, Any]] = {}
    for choice in config.models:
        settings = {**asdict(choice.model), **_budget(view, choice.label)}
        if is_labelled:
            settings = {"model": choice.name, **settings}
        for key, value in settings.items():
            found.setdefault(key, {})[choice.label] = value
    labels = tuple(choice.label for choice in config.models)
    differing = tuple(
        Distinction(key, values) for key, values in found.items() if _differ(values, labels)
    )
    # One task and one protocol serve all models.
    shared = len(asdict(config.task.task)) + len(asdict(config.protocol))
    return Distinctions(labels, differing, len(found) + shared)


def _budget(view: ExperimentView, label: str) -> dict[str, Any]:
    trials = (trial for trial in view.comparison_trials if trial.model == label)
    trial = next(trials, None)
    return asdict(trial.config.budget if trial else view.config.budget)


def _differ(values: Mapping[str, Any], labels: tuple[str, ...]) -> bool:
    first = next(iter(values.values()))
    return len(labels) > 1 and (
        len(values) < len(labels) or any(value != first for value in values.values())
    )
