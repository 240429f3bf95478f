"""The list of a thousand experiments: from opening to the first list, and until all is read.

Each experiment has three models with three seeds and a hundred records a trial. Without an index
every journal is read, newest first; with it none.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from benchmarks.timing import print_table
from experiments.config import ExperimentConfig
from experiments.events import (
    Event,
    Measured,
    Process,
    Started,
    StatusChanged,
    SupervisorEnded,
    SupervisorStarted,
    encode,
)
from experiments.index import FILE
from experiments.status import Status
from experiments.store import ExperimentFolder
from tui.app import KerasSeqApp
from tui.widgets.experiment_list import ExperimentList

COUNT = 1000
RECORDS = 100
REPEATS = 5
ELSEWHERE = Process(pid=1, created=0.0, host="elsewhere")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _fill(root)
        first = [_opened(root, _is_listed) for _ in range(REPEATS)]
        (root / FILE).unlink(missing_ok=True)
        all_read = [_opened(root, _is_read)]
        indexed = [_opened(root, _is_read) for _ in range(REPEATS)]
        keys = asyncio.run(_keys(root))
    print_table(
        f"The list of {COUNT:,} experiments, {RECORDS:,} records a trial (seconds)",
        ("what", "median", "range", "at most"),
        [
            _row("from opening to all names, without an index", first, "1"),
            _row("from opening to all that is known of all, without an index", all_read, ""),
            _row("from opening to all that is known of all, with the index", indexed, "1"),
            _row("a letter typed into the filter (CPU)", keys, "0.05"),
        ],
    )


def _row(what: str, seconds: list[float], limit: str) -> tuple[str, ...]:
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}" if len(seconds) > 1 else "once"
    return what, f"{statistics.median(seconds):.2f}", spread, limit


def _fill(root: Path) -> None:
    """One experiment, and copies of it under other names."""
    document = {
        "name": "first",
        "task": {"name": "adding"},
        "models": ["lstm", "gru", "simple_rnn"],
        "budget": {"steps": RECORDS},
        "protocol": {"tune": False},
    }
    config = ExperimentConfig.from_document(document)
    folder = ExperimentFolder.create(root, config, {})
    for trial in config.trials():
        events: list[Event] = [Started(time=1.0, process=ELSEWHERE)]
        for step in range(1, RECORDS + 1):
            values = {"train_loss": 1 / step, "gradient_norm": 1.0, "step_seconds": 0.01}
            if step % (RECORDS // 25) == 0:
                values |= {"validation_mse": 1 / step, "validation_loss": 1 / step}
            events.append(Measured(time=1.0 + step, step=step, values=values))
        values = {"test_mse": 0.1 + trial.seed / 100, "test_loss": 0.1}
        events.append(Measured(time=2.0 + RECORDS, step=RECORDS, values=values))
        events.append(StatusChanged(time=3.0 + RECORDS, status=Status.COMPLETED))
        folder.trial(trial.name).journal.write_bytes(b"".join(map(encode, events)))
    supervised: list[Event] = [
        SupervisorStarted(time=0.0, process=ELSEWHERE, jobs=4, threads=1),
        SupervisorEnded(time=4.0 + RECORDS),
    ]
    folder.journal.write_bytes(b"".join(map(encode, supervised)))
    text = folder.config.read_text()
    for number in range(1, COUNT):
        other = ExperimentFolder(root / f"copy-{number:04}")
        shutil.copytree(folder.path, other.path)
        other.config.write_text(text.replace('"first"', f'"{other.name}"'))


def _is_listed(shown: ExperimentList) -> bool:
    return len(shown.rows) == COUNT


def _is_read(shown: ExperimentList) -> bool:
    return len(shown.rows) == COUNT and all(entry.is_read for entry in shown.shown)


def _opened(root: Path, is_done: Callable[[ExperimentList], bool]) -> float:
    return asyncio.run(_opening(root, is_done))


async def _opening(root: Path, is_done: Callable[[ExperimentList], bool]) -> float:
    started = time.perf_counter()
    app = KerasSeqApp(root)
    async with app.run_test(size=(160, 50)) as pilot:
        await _until(pilot, is_done)
        return time.perf_counter() - started


async def _keys(root: Path) -> list[float]:
    """Until the list shows what matches, with what else the session does meanwhile."""
    found = []
    app = KerasSeqApp(root)
    app._is_starting = True  # as when it is run: what is imported is no garbage to look for
    async with app.run_test(size=(160, 50)) as pilot:
        await _until(pilot, _is_read)
        await pilot.press("slash")
        for key in "copy 00":
            started = time.process_time()
            await pilot.press("space" if key == " " else key)
            found.append(time.process_time() - started)
    return found


async def _until(pilot: Pilot[str], is_done: Callable[[ExperimentList], bool]) -> None:
    shown = pilot.app.screen.query_one(ExperimentList)
    while not is_done(shown):
        await pilot.pause(0.005)


if __name__ == "__main__":
    main()
