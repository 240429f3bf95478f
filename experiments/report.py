"""What an experiment gave, as one plain document: `keras-seq run --json`, `show --json`."""

from __future__ import annotations

import math
from typing import Any, get_args

from experiments import conduct, stats
from experiments.by_length import ByLength, by_length
from experiments.comparison import Comparison
from experiments.cut import Cut, Unit
from experiments.events import Alerted
from experiments.leaderboard import Leaderboard, Row, Standing, leaderboard
from experiments.read_model import Baseline, ExperimentView
from experiments.tasks.task import Task
from experiments.trial_view import TrialView


def summary(view: ExperimentView) -> dict[str, Any]:
    """The outcome of an experiment; JSON has no NaN, so what is not known is `None`."""
    board = leaderboard(view)
    task = view.config.task.task
    return {
        "experiment": view.name,
        "status": view.status.value,
        "task": view.config.task.document(),
        "trials": [_trial(trial) for trial in view.comparison_trials],
        "leaderboard": [_standing(standing, board) for standing in board.standings],
        "baselines": [_baseline(baseline, task) for baseline in view.baselines],
        "order": [_place(row) for row in board.rows],
        "comparisons": [_comparison(comparison, board) for comparison in board.comparisons],
        "equal": [_equal(leaderboard(view, Cut(unit))) for unit in get_args(Unit)],
        "by_length": _by_length(by_length(view)),
        **conduct.document(view),
        "alerts": [_alert(event) for event in view.alerts],
    }


def _trial(trial: TrialView) -> dict[str, Any]:
    return {
        "model": trial.model,
        "seed": trial.seed,
        "status": trial.status.value,
        "learning_rate": trial.config.budget.learning_rate,
        "learning_rate_changes": [
            {"step": change.step, "learning_rate": change.learning_rate}
            for change in trial.rate_changes
        ],
        "attempts": trial.attempt,
        "pretraining_steps": trial.pretraining_steps,
        "steps": trial.step,
        "solved_at": trial.solved_at,
        "num_parameters": trial.num_parameters,
        "seconds": _number(trial.seconds),
        "step_seconds": _number(trial.step_seconds),
        "metrics": {key: _number(value) for key, value in trial.metrics().items()},
        "error": trial.reason or None,
    }


def _standing(standing: Standing, board: Leaderboard) -> dict[str, Any]:
    time = standing.time_to_solve
    return {
        "model": standing.model,
        "metric": board.key,
        **_interval(standing.interval),
        "interquartile": _interval(standing.interquartile),
        "values": {str(seed): _number(value) for seed, value in standing.seeds.items()},
        "num_parameters": standing.num_parameters,
        "state_size": standing.state_size,
        "flops": standing.flops,
        "step_seconds": _number(standing.step_seconds),
        "peak_memory_bytes": _number(standing.peak_memory_bytes),
        "solved": _interval(time.solved) if time else None,
        "steps_to_solve": _interval(time.steps) if time else None,
        "failed": standing.failed,
        "not_above": list(standing.not_above),
    }


def _place(row: Row) -> dict[str, str]:
    """Models and null baselines sorted together, as the tables show them."""
    return {"model": row.model} if isinstance(row, Standing) else {"baseline": row.name}


def _baseline(baseline: Baseline, task: Task) -> dict[str, Any]:
    return {
        "name": baseline.name,
        "metrics": {
            key: _interval(stats.t_interval(values, bounds=task.bounds(key.partition("_")[2])))
            for key, values in baseline.values.items()
        },
        "values": {key: [_number(v) for v in values] for key, values in baseline.values.items()},
    }


def _comparison(comparison: Comparison, board: Leaderboard) -> dict[str, Any]:
    return {
        "a": comparison.a,
        "b": comparison.b,
        "metric": board.key,
        **_interval(comparison.interval),
        "p": _number(comparison.p),
        "p_holm": _number(comparison.p_holm),
        "detectable": _number(comparison.detectable),
        "margin": board.margin or None,
        "p_equivalent": _number(comparison.p_equivalent),
        "outcome": comparison.outcome,
        "winner": comparison.winner,
    }


def _equal(board: Leaderboard) -> dict[str, Any]:
    """The standings at a budget that all trials have reached; by validation, see `Cut`."""
    assert board.cut is not None
    limit = board.cut.limit
    return {
        "unit": board.cut.unit,
        "limit": None if limit is None else _number(limit),
        "metric": board.key,
        "models": [
            {
                "model": standing.model,
                **_interval(standing.interval),
                "values": {str(seed): _number(value) for seed, value in standing.seeds.items()},
            }
            for standing in board.standings
        ],
        "comparisons": [_comparison(comparison, board) for comparison in board.comparisons],
    }


def _by_length(found: ByLength | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "metric": found.metric,
        "bins": [
            {
                "low": part.low,
                "high": part.high,
                "is_extrapolation": part.is_extrapolation,
                "models": [
                    {"model": model, **_interval(intervals[i])}
                    for model, intervals in found.intervals.items()
                ],
            }
            for i, part in enumerate(found.bins)
        ],
    }


def _alert(event: Alerted) -> dict[str, Any]:
    return {
        "time": event.time,
        "trial": event.trial,
        "attempt": event.attempt,
        "step": event.step,
        "rule": event.rule,
        "message": event.message,
        "action": event.action,
    }


def _interval(interval: stats.Interval) -> dict[str, Any]:
    return {
        "n": interval.n,
        "mean": _number(interval.mean),
        "low": _number(interval.low),
        "high": _number(interval.high),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
