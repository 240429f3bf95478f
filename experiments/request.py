"""Turns what a person asked on the command line or in a form into a configuration."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.assignment import set_value
from experiments.catalog import TASKS, models_for
from experiments.config import (
    ExperimentConfig,
    label_of,
    model_entries,
    read_document,
    task_of,
)
from experiments.errors import RequestError
from experiments.pruning import require_optuna

DEFAULT_SEEDS = 3
MOST_SEEDS = 1000


def experiment_request(
    task: str,
    *,
    models: str | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    protocol: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    jobs: int | None = None,
    name: str | None = None,
) -> ExperimentConfig:
    """The experiment on a task or in a TOML file, with the given options laid over it.

    Of `protocol`, items that are `None` stay as they are.

    Raises `RequestError` naming what is wrong and what would be right.
    """
    document, stem = _document(task)
    if models is not None:
        names = [entry.strip() for entry in models.split(",")]
        # The models of a file are called by their labels, and keep their settings.
        known = {label_of(entry): entry for entry in model_entries(document)}
        document["models"] = [known.get(name, {"name": name}) for name in names if name]
    if "models" not in document:
        document["models"] = [{"name": entry} for entry in models_for(task_of(document))]
    if seeds is not None:
        if not 1 <= seeds <= MOST_SEEDS:
            raise RequestError(f"--seeds: expected 1 to {MOST_SEEDS}. Received: {seeds}.")
        document["seeds"] = list(range(seeds))
    document.setdefault("seeds", list(range(DEFAULT_SEEDS)))
    if steps is not None:
        set_value(document, f"budget.steps={steps}")
    for item, value in (protocol or {}).items():
        if value is not None:
            set_value(document, f"protocol.{item}={str(value).lower()}")
    if jobs is not None:
        document["jobs"] = jobs
    if name is not None:
        document["name"] = name
    # A name of its own for every run: asking again never meets the files of the last time.
    document.setdefault("name", f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    for assignment in assignments:
        set_value(document, assignment)
    config = ExperimentConfig.from_document(document)
    config.task.task.check()
    if config.protocol.prune:
        require_optuna()
    return config


def _document(task: str) -> tuple[dict[str, Any], str]:
    path = Path(task)
    if task in TASKS or (path.suffix != ".toml" and not path.is_file()):
        return {"task": {"name": task}}, task.rpartition(":")[2]
    return read_document(path), path.stem
