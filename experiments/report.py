"""What an experiment gave, as one plain document: `keras-seq run --json`, `show --json`."""

from __future__ import annotations

import math
from typing import Any

from experiments.leaderboard import Leaderboard, leaderboard
from experiments.read_model import ExperimentView, TrialView
from experiments.stats import Interval


def summary(view: ExperimentView) -> dict[str, Any]:
    """The outcome of an experiment; JSON has no NaN, so what is not known is `None`."""
    board = leaderboard(view)
    return {
        "experiment": view.name,
        "status": view.status.value,
        "task": view.config.task.document(),
        "trials": [_trial(trial) for trial in view.trials],
        "leaderboard": _leaderboard(board),
        "baselines": [
            {
                "name": baseline.name,
                "metrics": {key: _interval(baseline.interval(key)) for key in baseline.values},
            }
            for baseline in view.baselines
        ],
        "comparisons": [
            {
                "a": comparison.a,
                "b": comparison.b,
                "metric": board.key,
                **_interval(comparison.interval),
                "p": _number(comparison.p),
                "p_holm": _number(comparison.p_holm),
            }
            for comparison in board.comparisons
        ],
    }


def _trial(trial: TrialView) -> dict[str, Any]:
    return {
        "model": trial.model,
        "seed": trial.seed,
        "status": trial.status.value,
        "num_parameters": trial.num_parameters,
        "seconds": _number(trial.seconds),
        "step_seconds": _number(trial.step_seconds),
        "metrics": {key: _number(value) for key, value in trial.metrics().items()},
        "error": trial.reason or None,
    }


def _leaderboard(board: Leaderboard) -> list[dict[str, Any]]:
    return [
        {
            "model": standing.model,
            "metric": board.key,
            **_interval(standing.interval),
            "num_parameters": standing.num_parameters,
            "step_seconds": _number(standing.step_seconds),
            "failed": standing.failed,
            "not_above": list(standing.not_above),
        }
        for standing in board.standings
    ]


def _interval(interval: Interval) -> dict[str, Any]:
    return {
        "n": interval.n,
        "mean": _number(interval.mean),
        "low": _number(interval.low),
        "high": _number(interval.high),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
