"""How fast one core makes the training batches of every task."""

from __future__ import annotations

import statistics
import time

from benchmarks.timing import print_table
from experiments.catalog import TASKS
from experiments.tasks.task import Task

BATCH_SIZES = (32, 256)
REPEATS = 5
SEQUENCES = 16384
"""In each repeat: hundredths of a second at a million a second."""


def main() -> None:
    """Print the table."""
    rows = []
    for name, task_class in TASKS.items():
        task = task_class()
        speeds = [f"{_sequences_per_second(task, size):,.0f}" for size in BATCH_SIZES]
        rows.append((name, str(task.sequence_length), *speeds))
    print_table(
        "Training sequences made per second of processor time (adding and mqar: at least 20,000)",
        ("task", "steps", *(f"batches of {size}" for size in BATCH_SIZES)),
        rows,
    )


def _sequences_per_second(task: Task, size: int) -> float:
    """The median of several repeats; the first batch, which may read files, is not counted."""
    task.train_batch(0, 0, size)
    count = SEQUENCES // size
    seconds = []
    for repeat in range(REPEATS):
        started = time.process_time()
        for index in range(count):
            task.train_batch(0, 1 + repeat * count + index, size)
        seconds.append(time.process_time() - started)
    return SEQUENCES / statistics.median(seconds)


if __name__ == "__main__":
    main()
