"""Where the steps of a trial go: data, Python, records; beside `model.fit`, and Keras's layer.

Processor time of one process with one thread, as the runner gives it to each of many trials.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plain import PLAIN
from benchmarks.timing import pairs, print_table
from experiments.config import TrialConfig
from experiments.evaluation import network_inputs
from experiments.events import Measured
from experiments.fit import MOST_UPDATES
from experiments.journal import JournalWriter
from experiments.places import worker_environment
from experiments.request import experiment_request

REPEATS = 5
TRIALS = (
    ("adding", "lstm"),
    ("copy_memory", "gru"),
    ("digits", "simple_rnn"),
    ("reverse", "seq2seq"),
)


def main() -> None:
    """Print the tables, from a process whose libraries were told of one thread at their start."""
    if "--one-thread" not in sys.argv:
        command = [sys.executable, "-m", "benchmarks.training_loop", "--one-thread"]
        subprocess.run(command, env=worker_environment(os.environ, 1), check=True)
        return
    print_table(
        "A step of a trial, one thread: milliseconds, and the share of what is not training",
        ("trial", "step", "making its data (below 5 %)", "telling it (below 2 %)"),
        [_shares(task, model) for task, model in TRIALS],
    )
    trial = _trial("adding", "lstm")
    ours, same, keras_s = _steps(trial), _fit(trial), _fit(trial, _keras_lstm())
    rows = []
    for name, theirs in (("the same network", same), ("Keras's LSTM", keras_s)):
        found = pairs(_milliseconds(ours), _milliseconds(theirs), REPEATS)
        rows.append(found.row(name))
    print_table(
        "A step of adding, T=100, 64 units, beside `model.fit` with Keras's defaults "
        "(milliseconds; at most 1.05, at most 0.67)",
        ("beside", "keras-seq", "model.fit", "ratio"),
        rows,
    )


def _trial(task: str, model: str) -> TrialConfig:
    return experiment_request(task, models=model, seeds=1, protocol=PLAIN).trials()[0]


def _data(trial: TrialConfig) -> list[Any]:
    task = trial.task.task
    batches = [
        task.train_batch(trial.seed, index, trial.budget.batch_size)
        for index in range(MOST_UPDATES)
    ]
    return [(network_inputs(task, batch), batch.targets) for batch in batches]


def _steps(trial: TrialConfig) -> Callable[[], object]:
    """What `MOST_UPDATES` steps of a trial do, their data included."""
    # Both import Keras.
    from experiments.losses import loss_of
    from experiments.updates import Adam, updater

    model = trial.model.model.build(trial.task.task)
    optimizer = Adam(trial.budget.learning_rate, global_clipnorm=trial.budget.clip_norm)
    model.compile(optimizer=optimizer, loss=loss_of(trial.task.task))
    update = updater(model, MOST_UPDATES)
    return lambda: update(_data(trial))


def _fit(trial: TrialConfig, model: Any = None) -> Callable[[], object]:
    import keras

    from experiments.losses import loss_of  # imports Keras

    model = model or trial.model.model.build(trial.task.task)
    budget = trial.budget
    optimizer = keras.optimizers.Adam(budget.learning_rate, global_clipnorm=budget.clip_norm)
    model.compile(optimizer=optimizer, loss=loss_of(trial.task.task))
    inputs, targets = map(np.concatenate, zip(*_data(trial), strict=True))
    return lambda: model.fit(
        inputs, targets, batch_size=budget.batch_size, shuffle=False, verbose=0
    )


def _keras_lstm() -> Any:
    import keras

    layers = [keras.Input((None, 2)), keras.layers.LSTM(64), keras.layers.Dense(1)]
    return keras.Sequential(layers)


def _shares(task: str, model: str) -> tuple[str, ...]:
    trial = _trial(task, model)
    with tempfile.TemporaryDirectory() as folder:
        journal = JournalWriter(Path(folder) / "journal")
        step, data, told = (
            _median(action)
            for action in (_steps(trial), lambda: _data(trial), lambda: _tell(journal))
        )
        journal.close()
    return (f"{task}, {model}", f"{step:.2f}", f"{data / step:.1%}", f"{told / step:.1%}")


def _tell(journal: JournalWriter) -> None:
    """The records of as many steps, where every one is told."""
    import psutil

    process = psutil.Process()
    for step in range(MOST_UPDATES):
        values = {
            "train_loss": 0.123456789,
            "learning_rate": 1e-3,
            "gradient_norm": 0.123456789,
            "step_seconds": 0.00123456789,
            "memory_bytes": float(process.memory_info().rss),
        }
        journal.append(Measured(step=step, values=values))


def _median(action: Callable[[], object]) -> float:
    measured = _milliseconds(action)
    return statistics.median(measured() for _ in range(REPEATS))


def _milliseconds(action: Callable[[], object]) -> Callable[[], float]:
    """What tells the processor time of one of the `MOST_UPDATES` steps of `action`."""
    action()  # compiles

    def measured() -> float:
        started = time.process_time()
        action()
        return 1e3 * (time.process_time() - started) / MOST_UPDATES

    return measured


if __name__ == "__main__":
    main()
