"""From the command to the first paint of the dashboard, and to the first training step.

The dashboard runs in a pseudo-terminal of 160 by 50, as a person would start it.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.growing import Growing
from benchmarks.pseudo_terminal import Dashboard
from benchmarks.timing import print_table
from experiments.launch import launch
from experiments.reader import ExperimentReader
from experiments.request import experiment_request

REPEATS = 5
DEADLINE = 60.0


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lists = [_first_paint("--root", folder) for _ in range(REPEATS)]
        with closing(Growing(root, "painted", models=6, seeds=3, steps=2000)) as growing:
            growing.grow(1000)
            attach = ("attach", "painted", "--root", folder)
            dashboards = [_first_paint(*attach) for _ in range(REPEATS)]
        steps = [_first_step(root, number) for number in range(REPEATS)]
    print_table(
        "Start-up (seconds)",
        ("from the command to", "median", "range", "at most"),
        [
            _row("first paint of keras-seq", lists, "0.4"),
            _row("first paint of keras-seq attach", dashboards, "0.4"),
            _row("first training step of make run's comparison", steps, "5"),
        ],
    )


def _row(name: str, seconds: list[float], limit: str) -> tuple[str, ...]:
    return (
        name,
        f"{statistics.median(seconds):.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        limit,
    )


def _first_paint(*arguments: str) -> float:
    dashboard = Dashboard(*arguments)
    try:
        dashboard.wait_for_paint(DEADLINE)
        return dashboard.paint_seconds
    finally:
        dashboard.close()


def _first_step(root: Path, number: int) -> float:
    started = time.perf_counter()
    config = experiment_request(
        "digits", steps=20, protocol={"tune": False}, name=f"start-{number}"
    )
    launched = launch(root, config)
    reader = ExperimentReader(launched.folder)
    try:
        while not any(trial.step for trial in reader.read().trials):
            if time.perf_counter() - started > DEADLINE:
                return math.nan
            time.sleep(0.01)
        return time.perf_counter() - started
    finally:
        launched.supervisor.terminate()
        launched.supervisor.wait()


if __name__ == "__main__":
    main()
