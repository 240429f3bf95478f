"""Which inputs the outputs of a network depend on, and how strongly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from experiments.probes.probe import Probe, is_step
from experiments.tasks.task import Array, Sequences, Task, Tokens

if TYPE_CHECKING:
    import keras

NUM_SEQUENCES = 4
"""Test sequences that are looked at, each as many times as it has steps."""
QUARTERS = 4
ROUNDING = 64 * float(np.finfo(np.float32).eps)
"""Changes up to this part of the largest output may be the order of a sum, and count as none."""


class Support(Probe):
    """The test inputs are changed one step at a time, and the outputs compared.

    A token becomes the next one of the vocabulary, a number grows by the standard deviation of
    its channel. `share` is the share of pairs of an output and an input step where the output
    changes beyond rounding. `distance_0_25` to `distance_75_100` are the mean changes of an output
    by inputs at such a distance, in percent of the length, beside their mean over all distances:
    all 1 where distance does not matter. An output for the whole sequence stands at its end.
    """

    name: ClassVar[str] = "support"

    def measure(self, model: keras.Model, task: Task, seed: int) -> dict[str, float]:
        """`share` and four `distance_LOW_HIGH`; nothing for sequences that are decoded."""
        if isinstance(task.target, Sequences):
            return {}
        inputs = task.evaluation_set("test", seed).inputs[:NUM_SEQUENCES]
        per_step = task.target.per_step
        before = _outputs(model, inputs, per_step)
        # (batch, output steps, input steps)
        changes = np.stack(
            [
                np.abs(_outputs(model, others, per_step) - before).max(axis=-1)
                for others in _changed(task, inputs)
            ],
            axis=-1,
        )
        valid = is_step(task, inputs)
        steps, lengths = np.arange(inputs.shape[1]), valid.sum(axis=1)
        if per_step:
            places = np.broadcast_to(steps, valid.shape)
            pairs = valid[:, :, np.newaxis] & valid[:, np.newaxis, :]
        else:
            places = lengths[:, np.newaxis] - 1
            pairs = valid[:, np.newaxis, :]
        distances = np.abs(places[..., np.newaxis] - steps) / lengths[:, np.newaxis, np.newaxis]
        quarters = (distances * QUARTERS).astype(int)
        mean = changes[pairs].mean()
        found = {"share": float((changes > ROUNDING * np.abs(before).max())[pairs].mean())}
        for number in range(QUARTERS if mean else 0):
            low, high = (100 * bound // QUARTERS for bound in (number, number + 1))
            at = pairs & (quarters == number)
            if at.any():  # three steps are no four distances
                found[f"distance_{low}_{high}"] = float(changes[at].mean() / mean)
        return found


def _outputs(model: keras.Model, inputs: Array, per_step: bool) -> Array:
    outputs = np.asarray(model.predict_on_batch(inputs))
    return outputs if per_step else outputs[:, np.newaxis]


def _changed(task: Task, inputs: Array) -> Iterator[Array]:
    """`inputs` with the first step changed, then with the second, and so on."""
    if isinstance(task.input, Tokens):
        first = int(task.input.has_padding)
        others = first + (inputs - first + 1) % (task.input.vocabulary_size - first)
    else:
        others = inputs + inputs.std(axis=(0, 1), dtype=np.float64).astype(inputs.dtype)
    for step in range(inputs.shape[1]):
        changed = inputs.copy()
        changed[:, step] = others[:, step]
        yield changed
