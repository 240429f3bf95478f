"""Outcomes of the claims' experiments, made up: what a rule says of them is known beforehand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from history import begun, ended, supervised, view_of

from experiments.claims.claim import request
from experiments.events import BaselineMeasured, Measured
from experiments.read_model import ExperimentView

Outcomes = Mapping[str, Mapping[str, Sequence[float] | float]]
"""By model and measurement: a value for each seed, or about the same one for all."""

NOISE = (-0.001, 0.0, 0.001)
"""What makes seeds differ where one value stands for all."""


def made_up(
    name: str, outcomes: Outcomes, null: Mapping[str, float], seeds: int = 3
) -> ExperimentView:
    """The claims' experiment called `name`, finished with these values and null baselines."""
    config = request(name, quick=True)
    config = dataclasses.replace(config, seeds=tuple(range(seeds)))
    stories = {}
    for trial in config.trials():
        values = {
            key: _of_seed(value, trial.seed)
            for key, value in outcomes.get(trial.model.label, {}).items()
        }
        measured = Measured(time=110.0, step=config.budget.steps, values=values)
        stories[trial.name] = [*begun(), measured, *ended()]
    metric = f"test_{config.task.task.metric.name}"
    baselines = [
        BaselineMeasured(time=91.0, name=label, seed=seed, values={metric: value})
        for label, value in null.items()
        for seed in config.seeds
    ]
    return view_of(config, stories, [supervised(), *baselines])


def _of_seed(value: Sequence[float] | float, seed: int) -> float:
    if isinstance(value, int | float):
        return value + NOISE[seed % len(NOISE)]
    return value[seed]


def changed(outcomes: Outcomes, model: str, **values: Sequence[float] | float) -> Outcomes:
    """`outcomes` with other values of some measurements of one model."""
    return {**outcomes, model: {**outcomes.get(model, {}), **values}}
