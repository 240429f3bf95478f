"""How a measure changes with the length of the sequences, where a task tells it by bins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from experiments import stats
from experiments.read_model import ExperimentView


@dataclass(frozen=True, order=True)
class Bin:
    """Lengths `low` to `high`; beyond those of training when `is_extrapolation`."""

    is_extrapolation: bool
    low: int
    high: int


@dataclass(frozen=True)
class ByLength:
    """A task's metric over seeds, for each architecture and bin."""

    metric: str
    bins: tuple[Bin, ...]
    intervals: Mapping[str, tuple[stats.Interval, ...]]
    """By model; one for each bin, empty where nothing is known."""


def by_length(view: ExperimentView) -> ByLength | None:
    """The task's metric in bins of lengths, or `None` where no trial has told any.

    These are test values, so there are none before every trial is finished; see `leaderboard`. A
    task tells a bin by a measure called `METRIC_LOW_HIGH`, such as `exact_match_4_12`.
    """
    metric = view.config.task.task.metric.name
    pattern = re.compile(rf"(test|extrapolation)_{re.escape(metric)}_(\d+)_(\d+)")
    keys = {
        Bin(found[1] == "extrapolation", int(found[2]), int(found[3])): key
        for trial in view.comparison_trials
        for key in trial.metrics()
        if (found := pattern.fullmatch(key))
    }
    if not (keys and view.is_finished):
        return None
    bins = tuple(sorted(keys))
    return ByLength(
        metric,
        bins,
        {
            choice.label: tuple(_interval(view, choice.label, keys[bin]) for bin in bins)
            for choice in view.config.models
        },
    )


def _interval(view: ExperimentView, label: str, key: str) -> stats.Interval:
    outcomes = [trial.metrics() for trial in view.comparison_trials if trial.model == label]
    bounds = view.config.task.task.metric.bounds
    values = tuple(metrics[key] for metrics in outcomes if key in metrics)
    return stats.t_interval(values, bounds=bounds)
