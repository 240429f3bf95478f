"""A network's predictions for a whole split, in parts that fit into memory, and their measures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.tasks.task import Array, Batch, Decoded, Predictions, Sequences, Task

if TYPE_CHECKING:
    import keras

# Large enough to keep a core busy, small enough that attention scores of long tests fit.
EVALUATION_BATCH = 256


def evaluate(
    model: keras.Model, task: Task, batch: Batch, rows: int | None = None
) -> dict[str, float]:
    """The measures of `task` for what `model` predicts, `rows` sequences at a time."""
    rows = rows or EVALUATION_BATCH
    parts = [
        Batch(batch.inputs[i : i + rows], batch.targets[i : i + rows])
        for i in range(0, len(batch.inputs), rows)
    ]
    logits = _joined(model.predict_on_batch(network_inputs(task, part)) for part in parts)
    predictions: Predictions = logits
    if isinstance(task.target, Sequences):
        steps = batch.targets.shape[1]
        tokens = _joined(model.generate(part.inputs, max_length=steps) for part in parts)
        predictions = Decoded(logits, tokens)
    measured = task.measure(predictions, batch)
    return {key: float(value) for key, value in measured.items()}


def network_inputs(task: Task, batch: Batch) -> Array | list[Array]:
    """What the network reads; a decoder is given the target, each token one step late."""
    if not isinstance(task.target, Sequences):
        return batch.inputs
    from keras_seq.models import shift_right  # with Keras 2-3 s, paid in the trial's process

    return [batch.inputs, shift_right(batch.targets, task.target.start)]


def _joined(parts: Iterable[Any]) -> Array:
    return np.concatenate([np.asarray(part) for part in parts])
