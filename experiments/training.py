"""Trains one trial. The only light-looking module that imports Keras: inside `train`."""

from __future__ import annotations

import math
import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from experiments.backend import devices
from experiments.catalog import find_probe
from experiments.config import TrialConfig
from experiments.errors import DivergedError
from experiments.events import Built, Event, Measured
from experiments.tasks.task import (
    Array,
    Batch,
    Decoded,
    Predictions,
    Sequences,
    Task,
)

if TYPE_CHECKING:
    import keras

Record = Callable[[Event], None]

# Large enough to keep a core busy, small enough that attention scores of long tests fit.
EVALUATION_BATCH = 256
# A stop is heard, and a record seen, about so often where single steps are shorter.
BLOCK_SECONDS = 0.25
# Python is visited once for so many updates, and takes a few percent of what it would else.
MOST_UPDATES = 32


def train(
    config: TrialConfig, record: Record, stop_asked: Callable[[], bool], threads: int
) -> bool:
    """Train, validate along the way, test once; True when done, False when stopped.

    Every other split is read once, after the last update, with the weights that validated best.
    Raises `DivergedError` when the loss is no longer finite.
    """
    import keras

    # Both import Keras.
    from experiments.losses import loss_of
    from experiments.updates import Adam, updater

    task, budget = config.task.task, config.budget
    keras.utils.set_random_seed(config.seed)
    model = config.model.model.build(task)
    optimizer = Adam(budget.learning_rate, global_clipnorm=budget.clip_norm)
    model.compile(optimizer=optimizer, loss=loss_of(task))
    record(
        Built(
            num_parameters=sum(math.prod(v.shape) for v in model.trainable_variables),
            backend=keras.config.backend(),
            device=", ".join(devices()),
            threads=threads,
        )
    )
    validation = task.evaluation_set("validation", config.seed)
    best = _Best(task)
    process = psutil.Process()
    evaluation_steps = sorted(budget.evaluation_steps())
    update, window = updater(model, MOST_UPDATES), _Window()
    first, size = 1, 1
    while first <= budget.steps:
        if stop_asked():
            return False
        started = time.perf_counter()
        # None goes on beyond a validation.
        last = min(first + size - 1, evaluation_steps[bisect_left(evaluation_steps, first)])
        batches = [
            task.train_batch(config.seed, step - 1, budget.batch_size)
            for step in range(first, last + 1)
        ]
        losses, norms = update([(_inputs(task, batch), batch.targets) for batch in batches])
        seconds = time.perf_counter() - started
        learning_rate = float(optimizer.learning_rate)
        for step, loss, norm in zip(range(first, last + 1), losses, norms, strict=True):
            window.add(float(loss), seconds / len(batches))
            diverged = not math.isfinite(loss)
            # The first step stands alone, because it holds the compilation.
            if diverged or step in (1, budget.steps) or step % budget.record_every() == 0:
                values = {
                    "train_loss": window.loss(),
                    "learning_rate": learning_rate,
                    "gradient_norm": float(norm),
                    "step_seconds": window.step_seconds(),
                    "memory_bytes": float(process.memory_info().rss),
                }
                record(Measured(step=step, values=values))
                window = _Window()
            if diverged:
                raise DivergedError(
                    f"the loss became {loss} at step {step}; a lower learning rate may help"
                )
        if last in evaluation_steps:
            values = _evaluate(model, task, validation)
            best.offer(values, model)
            record(Measured(step=last, values={f"validation_{k}": v for k, v in values.items()}))
        first = last + 1
        size = _next_size(size, seconds)
    best.restore(model)
    for split in task.evaluation_splits:
        if split == "validation":
            continue
        values = _evaluate(model, task, task.evaluation_set(split, config.seed))
        record(Measured(step=budget.steps, values={f"{split}_{k}": v for k, v in values.items()}))
        for key in ("loss", task.metric.name):
            # The last update of all may be the one that diverges.
            if not math.isfinite(values[key]):
                raise DivergedError(
                    f"the {split} {key} became {values[key]} after step {budget.steps}"
                )
    record(Measured(step=budget.steps, values={"peak_memory_bytes": _peak_memory_bytes()}))
    for name in config.probes:
        found = find_probe(name)().measure(model, task, config.seed)
        values = {f"probe_{name}_{key}": value for key, value in found.items()}
        record(Measured(step=budget.steps, values=values))
    return True


def _peak_memory_bytes() -> float:
    """The most memory of the machine, not of an accelerator, that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)  # macOS counts bytes


def _next_size(size: int, seconds: float) -> int:
    """How many updates to make at a time, after so many took so long."""
    if seconds > BLOCK_SECONDS:
        return max(1, size // 2)
    return min(2 * size, MOST_UPDATES) if seconds < BLOCK_SECONDS / 2 else size


class _Window:
    """The updates between two records."""

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._seconds: list[float] = []

    def add(self, loss: float, seconds: float) -> None:
        self._losses.append(loss)
        self._seconds.append(seconds)

    def loss(self) -> float:
        return math.fsum(self._losses) / len(self._losses)

    def step_seconds(self) -> float:
        return math.fsum(self._seconds) / len(self._seconds)


class _Best:
    """Keeps the weights that validated best; the last ones where nothing did."""

    def __init__(self, task: Task) -> None:
        self._metric = task.metric
        self._value = math.nan
        self._weights: list[Array] | None = None

    def offer(self, values: dict[str, float], model: keras.Model) -> None:
        value = values[self._metric.name]
        if self._metric.better(value, self._value):
            self._value = value
            self._weights = model.get_weights()

    def restore(self, model: keras.Model) -> None:
        if self._weights is not None:
            model.set_weights(self._weights)


def _evaluate(model: keras.Model, task: Task, batch: Batch) -> dict[str, float]:
    size = EVALUATION_BATCH
    parts = [
        Batch(batch.inputs[i : i + size], batch.targets[i : i + size])
        for i in range(0, len(batch.inputs), size)
    ]
    logits = _joined(model.predict_on_batch(_inputs(task, part)) for part in parts)
    predictions: Predictions = logits
    if isinstance(task.target, Sequences):
        steps = batch.targets.shape[1]
        tokens = _joined(model.generate(part.inputs, max_length=steps) for part in parts)
        predictions = Decoded(logits, tokens)
    measured = task.measure(predictions, batch)
    return {key: float(value) for key, value in measured.items()}


def _joined(parts: Iterable[Any]) -> Array:
    return np.concatenate([np.asarray(part) for part in parts])


def _inputs(task: Task, batch: Batch) -> Array | list[Array]:
    """What the network reads; a decoder is given the target, each token one step late."""
    if not isinstance(task.target, Sequences):
        return batch.inputs
    from keras_seq.models import shift_right  # with Keras 2-3 s, paid in the trial's process

    return [batch.inputs, shift_right(batch.targets, task.target.start)]
