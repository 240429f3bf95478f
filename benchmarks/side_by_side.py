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

from benchmarks.timing import pairs, print_table
from experiments.request import experiment_request
from experiments.store import ExperimentFolder

REPEATS = 3
MODELS = "simple_rnn,lstm,peephole_lstm,gru"


def main() -> None:
    """Print the table."""
    rows = []
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        for task, settings in (("digits", []), ("adding", ["task.length=200"])):
            side = partial(_runner, folder, task, settings, None)
            for peer, theirs in (
                ("one at a time", partial(_runner, folder, task, settings, 1)),
                ("one script", partial(_script, folder, task, settings)),
            ):
                found = pairs(theirs, side, REPEATS)
                rows.append(found.row(f"12 trials of {task} against {peer}"))
    print_table(
        f"Side by side on {os.cpu_count()} cores (seconds; at least 3 times as fast)",
        ("work", "peer", "side by side", "peer / side by side"),
        rows,
    )


_number = count()


def _create(root: Path, task: str, settings: list[str], jobs: int | None) -> ExperimentFolder:
    config = experiment_request(
        task,
        models=MODELS,
        seeds=3,
        steps=1000,
        assignments=[*settings, "budget.evaluations=1"],
        jobs=jobs,
        name=f"side-{next(_number)}",
    )
    return ExperimentFolder.create(root, config, {})


def _runner(root: Path, task: str, settings: list[str], jobs: int | None) -> None:
    folder = _create(root, task, settings, jobs)
    _run([sys.executable, "-P", "-m", "experiments.supervisor", str(folder.path)])


def _script(root: Path, task: str, settings: list[str]) -> None:
    folder = _create(root, task, settings, None)
    trials = [str(folder.trial(trial.name).path) for trial in folder.read_config().trials()]
    _run([sys.executable, "-m", "benchmarks.bare_fit", *trials])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
