"""How long an experiment will take, and how much memory, from some measured steps of each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.config import ExperimentConfig
from experiments.places import places
from experiments.tell import Tell
from experiments.timing import COMMAND, measured


@dataclass(frozen=True)
class Estimate:
    """What the updates of all trials will take; start-up and evaluations come on top."""

    seconds: float
    """With so many trials at a time."""
    jobs: int
    updates: int
    """Steps that were measured of each model, at least."""
    memory_bytes: int
    """The most that one trial holds, at most: of a process that has held all models at once."""


def estimate(config: ExperimentConfig, tell: Tell, command: Sequence[str] = COMMAND) -> Estimate:
    """Measure steps of every model, in a process of its own, and add up.

    `tell` is told of progress; what it raises ends the measuring. Raises `RequestError` where steps
    cannot be measured.
    """
    trials = config.trials()
    jobs, _ = places(config.jobs, len(trials))
    found = measured(config, (), tell, command)
    # Those of pretraining, too: they take about as long as those of training.
    seconds = [trial.updates * found["seconds"][trial.model.label] for trial in trials]
    return Estimate(
        seconds=max(max(seconds), sum(seconds) / min(jobs, len(trials))),
        jobs=min(jobs, len(trials)),
        updates=found["updates"],
        memory_bytes=int(found["peak_memory_bytes"]),
    )
