"""How an experiment kept to its protocol: what it has to say of itself besides its standings."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from experiments.causality import words
from experiments.events import DependenceFound, StepsTimed
from experiments.mismatches import mismatches
from experiments.pace import differences
from experiments.protocol import Protocol
from experiments.read_model import ExperimentView
from experiments.tasks.task import Sequences
from experiments.tuning import Tuning, tunings, warning


def switched_off(protocol: Protocol) -> tuple[str, ...]:
    """The items of the protocol that are not done, in words."""
    items = {
        "equal capacity": protocol.match != "none",
        "learning rates tuned": protocol.tune,
        "early stopping": protocol.stop_early,
        "longer sequences": protocol.lengths,
        "causality check": protocol.causality,
    }
    return tuple(item for item, is_done in items.items() if not is_done)


def dependences(view: ExperimentView) -> dict[str, DependenceFound]:
    """Which inputs each model's predictions depend on before training, where it is known.

    Of one trial each: other seeds differ in what is faint at most.
    """
    found: dict[str, DependenceFound] = {}
    for trial in view.comparison_trials:
        if trial.dependence is not None:
            found.setdefault(trial.model, trial.dependence)
    return found


def data(view: ExperimentView) -> dict[int, dict[str, tuple[str, ...]]]:
    """The hash of each split by seed: one, where all models have read the same."""
    found: dict[int, dict[str, dict[str, None]]] = {}
    for trial in view.comparison_trials:
        for split, sha256 in trial.data.items():
            found.setdefault(trial.seed, {}).setdefault(split, {})[sha256] = None
    return {
        seed: {split: tuple(hashes) for split, hashes in splits.items()}
        for seed, splits in sorted(found.items())
    }


def pretrainings(view: ExperimentView) -> dict[str, int]:
    """How many updates each model has learned without labels before those of training."""
    found: dict[str, int] = {}
    for trial in view.comparison_trials:
        if trial.pretraining_steps:
            found[trial.model] = max(trial.pretraining_steps, found.get(trial.model, 0))
    return found


def warnings(view: ExperimentView) -> list[str]:
    """What makes the comparison doubtful."""
    found = mismatches(view.config)
    if view.timed is not None:
        found += differences(view.config, view.timed)
    found += [said for tuning in tunings(view) if (said := warning(tuning))]
    found += [
        f"seed {seed}: not all models have read the same {split} data"
        for seed, splits in data(view).items()
        for split, hashes in splits.items()
        if len(hashes) > 1
    ]
    found += [
        f"{trial.name}: a person changed its learning rate from {change.before:g} to "
        f"{change.learning_rate:g} after step {change.step}"
        for trial in view.trials
        for change in trial.rate_changes
    ]
    found += _mixed(view)
    if isinstance(view.config.task.task.target, Sequences):
        found += [
            f"{model}: its decoder is shown the tokens it has to predict"
            for model, dependence in dependences(view).items()
            if dependence.is_causal is False
        ]
    return found


def _mixed(view: ExperimentView) -> list[str]:
    """What is said where trials ran on different backends, as in experiments of older versions."""
    trials: dict[str, list[str]] = {}
    for trial in view.trials:
        if trial.backend:
            trials.setdefault(trial.backend, []).append(trial.name)
    if len(trials) < 2:
        return []
    parts = (f"{', '.join(names)} on {backend}" for backend, names in trials.items())
    return [f"not all trials ran on the same backend: {'; '.join(parts)}"]


def document(view: ExperimentView) -> dict[str, Any]:
    """All of it as plain data, for the report."""
    return {
        "backend": view.backend or None,
        "protocol": asdict(view.config.protocol),
        "switched_off": list(switched_off(view.config.protocol)),
        "tuning": [_tuning(tuning, view) for tuning in tunings(view)],
        "causality": [_dependence(*item, view) for item in dependences(view).items()],
        "data": [
            {"seed": seed, "split": split, "sha256": list(hashes)}
            for seed, splits in data(view).items()
            for split, hashes in splits.items()
        ],
        "pretraining": [
            {"model": model, "updates": updates} for model, updates in pretrainings(view).items()
        ],
        "timed": None if view.timed is None else _timed(view.timed),
        "warnings": warnings(view),
    }


def _timed(found: StepsTimed) -> dict[str, Any]:
    return {
        "seconds": [{"model": model, "seconds": s} for model, s in found.seconds.items()],
        "threads": found.threads,
        "backend": found.backend,
        "device": found.device,
        "host": found.host,
    }


def _dependence(model: str, found: DependenceFound, view: ExperimentView) -> dict[str, Any]:
    return {
        "model": model,
        "is_causal": found.is_causal,
        "tried": list(found.tried),
        "unread": list(found.unread),
        "faint": list(found.faint),
        "words": words(found, view.config.task.task),
    }


def _tuning(tuning: Tuning, view: ExperimentView) -> dict[str, Any]:
    chosen = tuning.chosen
    return {
        "model": tuning.model,
        "learning_rate": chosen.learning_rate,
        "is_edge": chosen.is_edge,
        "metric": f"validation_{view.config.task.task.metric.name}",
        "values": {
            rate: value if math.isfinite(value) else None for rate, value in chosen.values.items()
        },
        "updates": tuning.updates,
        "seconds": tuning.seconds,
        "trials": [
            {
                "name": trial.name,
                "seed": trial.seed,
                "status": trial.status.value,
                "error": trial.reason or None,
            }
            for trial in tuning.trials
        ],
    }
