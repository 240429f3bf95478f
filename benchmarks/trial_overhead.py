"""A trial beside a bare `model.fit` of the same model on the same batches, process and all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.plain import PLAIN
from benchmarks.timing import pairs, print_table
from experiments.places import worker_environment
from experiments.request import experiment_request
from experiments.store import ExperimentFolder, TrialFolder
from experiments.supervisor import worker_command

REPEATS = 3


def main() -> None:
    """Print the table."""
    rows = []
    with tempfile.TemporaryDirectory() as root:
        for model in ("lstm", "transformer"):
            for threads in (1, os.cpu_count() or 1):
                found = pairs(
                    partial(_trial, Path(root), model, threads),
                    partial(_bare, Path(root), model, threads),
                    REPEATS,
                )
                rows.append(found.row(f"digits, {model}, {threads} threads"))
    print_table(
        "One trial beside a bare model.fit (seconds, whole process; at most 1.1)",
        ("trial", "keras-seq", "model.fit", "ratio"),
        rows,
    )


_number = count()


def _folder(root: Path, model: str) -> TrialFolder:
    """A fresh trial of 1,000 updates, validated once, as `fit` does with one epoch."""
    config = experiment_request(
        "digits",
        models=model,
        seeds=1,
        steps=1000,
        protocol=PLAIN,
        assignments=["budget.evaluations=1"],
        name=f"overhead-{next(_number)}",
    )
    folder = ExperimentFolder.create(root, config, {})
    return folder.trial(f"{model}-s0")


def _trial(root: Path, model: str, threads: int) -> None:
    folder = _folder(root, model)
    _run(list(worker_command(folder)), threads)


def _bare(root: Path, model: str, threads: int) -> None:
    folder = _folder(root, model)
    _run([sys.executable, "-m", "benchmarks.bare_fit", str(folder.path)], threads)


def _run(command: list[str], threads: int) -> None:
    environment = worker_environment(os.environ, threads)
    subprocess.run(command, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
