"""Twelve small trials side by side, one thread each, against one after another.

Two peers: this runner with one trial at a time and all threads, and a script that builds and fits
the twelve models one after another in a single process with the default threads.
"""

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
from experiments.request import experiment_request
from experiments.store import ExperimentFolder

REPEATS = 1
MODELS = "simple_rnn,lstm,peephole_lstm,gru"


def main() -> None:
    """Print the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for peer, theirs in (
            ("this runner, one trial at a time", partial(_runner, root, 1)),
            ("one script, one process", partial(_script, root)),
        ):
            rows.append(pairs(theirs, partial(_runner, root, None), REPEATS).row(peer))
    print_table(
        f"Twelve trials of digits on {os.cpu_count()} cores (seconds; at least 3 times as fast)",
        ("peer", "one after another", "side by side", "times as fast"),
        rows,
    )


_number = count()


def _create(root: Path, jobs: int | None) -> ExperimentFolder:
    config = experiment_request(
        "digits",
        models=MODELS,
        seeds=3,
        steps=1000,
        protocol=PLAIN,
        assignments=["budget.evaluations=1"],
        jobs=jobs,
        name=f"side-{next(_number)}",
    )
    return ExperimentFolder.create(root, config, {})


def _runner(root: Path, jobs: int | None) -> None:
    folder = _create(root, jobs)
    _run([sys.executable, "-P", "-m", "experiments.supervisor", str(folder.path)])


def _script(root: Path) -> None:
    folder = _create(root, None)
    trials = [str(folder.trial(trial.name).path) for trial in folder.read_config().trials()]
    _run([sys.executable, "-m", "benchmarks.bare_fit", *trials])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
