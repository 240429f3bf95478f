"""What watching costs: a tick of the dashboard, its share of a core, its memory, and the training.

Ticks are counted in the real application without a terminal, on an experiment that grows before
each of them: from reading the files to the composed screen, in processor time. Shares of a core
and memory are those of the real command in a pseudo-terminal. The last table trains the same trial
in turn watched and not watched, in pairs of which either goes first as often.
"""

from __future__ import annotations

import asyncio
import math
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import tui.app
from benchmarks.growing import Growing
from benchmarks.plain import PLAIN
from benchmarks.pseudo_terminal import Dashboard
from benchmarks.timing import Pair, in_turn, print_table
from experiments.reader import ExperimentReader
from experiments.request import experiment_request
from experiments.store import ExperimentFolder
from experiments.supervisor import worker_command, worker_environment
from tui.app import KerasSeqApp
from tui.follower import Follower
from tui.messages import SnapshotTaken

TICKS = 100
WARM_UP = 10
SECONDS = 20.0
TICKS_PER_SECOND = 4
SIZE = (200, 56)
PLOTS = 6
PAIRS = 12
TRAINING_STEPS = 4000


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ticks = [
            _ticks(root, "6 plots, 8 models, 2,000 points", "50", models=8, seeds=1, points=1900),
            _ticks(root, "6 plots, 8 models with 4 seeds", "", models=8, seeds=4, points=900),
            _ticks(
                root, "6 plots, 32 trials of 100,000 points", "60",
                models=8, seeds=4, points=100_000, sparse=True,
            ),
            _ticks(
                root, "Compare at 240x70, 6 models with 3 seeds", "50",
                models=6, seeds=3, points=1900, size=(240, 70), keys=("c",),
            ),
        ]  # fmt: skip
        shares = [
            _share(root, "6 plots, 8 models, growing 4 times a second", "5", 1900, grows=True),
            _share(root, "the same, at rest", "1", 1900, grows=False),
            _share(
                root, "32 trials of 100,000 points, growing", "",
                100_000, grows=True, seeds=4, sparse=True,
            ),
        ]  # fmt: skip
        trained = in_turn(lambda: _trained(root, True), lambda: _trained(root, False), PAIRS)
    load = os.getloadavg()[0]
    print(f"Load of the machine at the end: {load:.1f} on {os.cpu_count()} cores.\n")
    headings = ("case", "median", "p99", "p99 at most")
    print_table("A tick of the dashboard (CPU milliseconds)", headings, ticks)
    headings = ("case", "% of a core", "at most", "MB at the peak", "MB at most")
    print_table("The dashboard's process in a terminal", headings, shares)
    print_table(
        f"A trial that is watched beside one that is not ({PAIRS} pairs; at most 1.02)",
        ("adding, lstm, 1 thread", "watched", "not watched", "ratio (95 %)"),
        [
            _pair_row(what, Pair([a[index] for a, _ in trained], [b[index] for _, b in trained]))
            for index, what in enumerate(
                (f"milliseconds of each of {TRAINING_STEPS} steps", "CPU seconds of its process")
            )
        ],
    )


def _pair_row(what: str, pair: Pair) -> tuple[str, ...]:
    low, high = pair.interval
    return (
        what,
        f"{statistics.median(pair.ours):.2f}",
        f"{statistics.median(pair.theirs):.2f}",
        f"{pair.ratio:.3f} ({low:.3f} to {high:.3f})",
    )


_number = count()


@contextmanager
def _grown(root: Path, points: int, **shape: int | bool) -> Iterator[Growing]:
    growing = Growing(root, f"growing-{next(_number)}", steps=2 * points, **shape)  # type: ignore[arg-type]
    try:
        growing.grow(points)
        yield growing
    finally:
        growing.close()


def _ticks(
    root: Path,
    case: str,
    most: str,
    *,
    points: int,
    size: tuple[int, int] = SIZE,
    keys: tuple[str, ...] = (),
    **shape: int | bool,
) -> tuple[str, ...]:
    with _grown(root, points, **shape) as growing:
        seconds = asyncio.run(_tick_seconds(growing, size, keys))
    tail = sorted(seconds)[math.ceil(len(seconds) * 0.99) - 1]
    return case, f"{statistics.median(seconds) * 1e3:.1f}", f"{tail * 1e3:.1f}", most


class _Unread(KerasSeqApp):
    """The dashboard, read for tick by tick."""

    CSS_PATH = Path(tui.app.__file__).with_name("app.tcss")

    def _follow(self, folder: ExperimentFolder) -> None:  # type: ignore[override]
        self._follower = Follower(folder)


async def _tick_seconds(
    growing: Growing, size: tuple[int, int], keys: tuple[str, ...]
) -> list[float]:
    """Of each tick on the screen that `keys` lead to from the dashboard."""
    app = _Unread(growing.folder.path.parent, growing.folder.name)
    found = []
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        follower = app._follower
        assert follower is not None
        app._is_starting = True  # as when it is run: what is imported is no garbage to look for
        app.options = replace(app.options, count=PLOTS)
        first = follower.poll()
        assert first is not None
        app.post_message(SnapshotTaken(first))
        await pilot.pause()
        await pilot.press(*keys)
        for tick in range(TICKS + WARM_UP):
            growing.grow(1)
            await pilot.pause()
            started = time.process_time()
            snapshot = follower.poll()
            assert snapshot is not None
            app.post_message(SnapshotTaken(snapshot))
            await pilot.pause()
            if tick >= WARM_UP:
                found.append(time.process_time() - started)
    return found


def _share(
    root: Path, case: str, most: str, points: int, *, grows: bool, **shape: int | bool
) -> tuple[str, ...]:
    with _grown(root, points, models=8, **{"seeds": 1, **shape}) as growing:
        dashboard = Dashboard(
            "attach", growing.folder.name, "--root", str(root), width=SIZE[0], height=SIZE[1]
        )
        try:
            time.sleep(2)
            _settle(dashboard)
            dashboard.press("gg")  # from three plots to six
            _settle(dashboard)
            spent, started = dashboard.cpu_seconds, time.monotonic()
            for tick in range(round(SECONDS * TICKS_PER_SECOND)):
                time.sleep(max(0.0, started + tick / TICKS_PER_SECOND - time.monotonic()))
                if grows:
                    growing.grow(1)
            spent, seconds = dashboard.cpu_seconds - spent, time.monotonic() - started
            memory = dashboard.peak_memory_bytes / 1e6
        finally:
            dashboard.close()
    return case, f"{100 * spent / seconds:.1f}", most, f"{memory:.0f}", "200"


def _settle(dashboard: Dashboard) -> None:
    """Wait until it has read and drawn what is there."""
    busy = True
    while busy:
        spent = dashboard.cpu_seconds
        time.sleep(1)
        busy = dashboard.cpu_seconds - spent > 0.1


def _trained(root: Path, is_watched: bool) -> tuple[float, float]:
    """Median milliseconds of a step of a trial, and the processor time of its process."""
    config = experiment_request(
        "adding",
        models="lstm",
        seeds=1,
        steps=TRAINING_STEPS,
        protocol=PLAIN,
        assignments=["task.length=100"],
        name=f"trained-{next(_number)}",
    )
    folder = ExperimentFolder.create(root, config, {})
    trial = folder.trial("lstm-s0")
    environment = worker_environment(os.environ, 1)
    dashboard = Dashboard("attach", folder.name, "--root", str(root)) if is_watched else None
    try:
        worker = subprocess.Popen(
            worker_command(trial),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(worker.pid, 0)
        worker.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if dashboard is not None:
            dashboard.close()
    if worker.returncode:
        raise RuntimeError(f"The trial ended with exit code {worker.returncode}: see {trial.path}.")
    step_seconds = ExperimentReader(folder).read().trials[0].step_seconds
    return step_seconds * 1e3, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
