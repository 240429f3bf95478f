"""Probabilities as predictions: what null baselines say."""

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.task import Array, Floats

SMALLEST = 1e-13
"""Stands for a probability of 0: far below what a loss is printed to, with a finite logarithm."""


def logits_of(probabilities: Floats) -> NDArray[np.float64]:
    """Logits whose softmax over the last axis is `probabilities`, finite where one is 0."""
    logits: NDArray[np.float64] = np.log(np.maximum(probabilities, SMALLEST))
    return logits


def shares(tokens: Array, count: int) -> NDArray[np.float64]:
    """How much of each row of `tokens` is 0, 1, to `count - 1`: `(batch, n)` to `(batch, count)`.

    Of the tokens below `count`; a row that has none of them is not asked for.
    """
    counts = np.stack([(tokens == token).sum(axis=1) for token in range(count)], axis=-1)
    found: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return found
