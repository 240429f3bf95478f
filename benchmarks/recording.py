"""What it takes to record what networks do inside, beside the training itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.timing import print_table
from experiments.control import Control
from experiments.events import Event, Measured, Recorded
from experiments.journal import JournalReader, JournalWriter
from experiments.listener import Listener
from experiments.request import experiment_request
from experiments.store import ExperimentFolder
from experiments.training import train

STEPS = 1000
CASES = (("adding", ["task.length=200"]), ("mqar", []))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as root:
        rows = list(_rows(Path(root)))
    print_table(
        f"Recording during {STEPS} steps of training (meant: 3 % of the time, 20 MB, at most)",
        ("trial", "training s", "recordings", "s each", "share of time", "MB"),
        rows,
    )


def _rows(root: Path) -> Iterator[tuple[str, ...]]:
    for task, assignments in CASES:
        config = experiment_request(
            task,
            models="lstm,transformer",
            seeds=1,
            steps=STEPS,
            protocol={"tune": False, "stop_early": False, "lengths": False},
            assignments=assignments,
            name=f"recording-{task}",
        )
        folder = ExperimentFolder.create(root, config, {})
        for trial in config.trials():
            files = folder.trial(trial.name)
            with closing(JournalWriter(files.journal)) as journal:
                listener = Listener(Control, journal.append)
                train(trial, journal.append, listener, threads=1, folder=files)
            title = " ".join([task, *assignments, trial.model.label])
            yield (title, *_row(JournalReader(files.journal).read()))


def _row(events: list[Event]) -> tuple[str, ...]:
    recorded = [event for event in events if isinstance(event, Recorded)]
    spent = sum(event.seconds for event in recorded)
    measured = (event for event in events if isinstance(event, Measured))
    told = [event for event in measured if "step_seconds" in event.values]
    # A record holds the mean of the steps since the one before.
    trained = sum(
        event.values["step_seconds"] * (event.step - before)
        for before, event in zip([0, *(event.step for event in told)], told, strict=False)
    )
    return (
        f"{trained:.1f}",
        str(len(recorded)),
        f"{spent / max(len(recorded), 1):.2f}",
        f"{spent / trained:.1%}",
        f"{sum(event.size_bytes for event in recorded) / 1e6:.1f}",
    )


if __name__ == "__main__":
    main()
