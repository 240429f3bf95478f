"""Measures of predictions against targets, in numpy: the same for models and null baselines."""

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.task import UNASKED, Array, Floats


def log_softmax(logits: Floats) -> NDArray[np.float64]:
    """Log probabilities over the last axis, in double precision."""
    # Diverged networks predict infinities: their loss is NaN, and that is said by the number.
    with np.errstate(invalid="ignore"):
        shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
        log_probabilities: NDArray[np.float64] = shifted - np.log(
            np.exp(shifted).sum(axis=-1, keepdims=True)
        )
    return log_probabilities


def cross_entropy(logits: Floats, classes: Array) -> float:
    """Mean cross-entropy in nats of logits `(..., count)` against class numbers `(...)` asked."""
    _same_shape(logits[..., 0], classes)
    asked = classes != UNASKED
    chosen = np.take_along_axis(log_softmax(logits[asked]), classes[asked][:, np.newaxis], axis=-1)
    return float(-chosen.mean())


def correct(logits: Floats, classes: Array) -> NDArray[np.bool_]:
    """Where the largest of logits `(..., count)` is at the class; never where one is NaN."""
    _same_shape(logits[..., 0], classes)
    hits: NDArray[np.bool_] = logits.argmax(axis=-1) == classes
    return hits & ~np.isnan(logits).any(axis=-1)


def accuracy(logits: Floats, classes: Array) -> float:
    """Share of positions asked whose largest logit is at the class."""
    return float(correct(logits, classes)[classes != UNASKED].mean())


def exact_match(logits: Floats, classes: Array) -> float:
    """Share of sequences, logits `(batch, length, count)`, that are right at every step asked."""
    return float((correct(logits, classes) | (classes == UNASKED)).all(axis=-1).mean())


def matches(tokens: Array, targets: Array) -> NDArray[np.bool_]:
    """Where decoded tokens `(batch, steps)` are those of the targets; steps never decoded are not.

    A model may stop before the longest target ends, and what it says beyond it is not asked.
    """
    _same_shape(tokens[:, :0], targets[:, :0])
    hits = np.zeros(targets.shape, np.bool_)
    steps = min(tokens.shape[1], targets.shape[1])
    hits[:, :steps] = tokens[:, :steps] == targets[:, :steps]
    return hits


def mean_squared_error(predictions: Floats, values: Array) -> float:
    """Mean of the squared difference over every element asked, which is not NaN in `values`."""
    _same_shape(predictions, values)
    asked = ~np.isnan(values)
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.square(predictions[asked].astype(np.float64) - values[asked]).mean())


def _same_shape(predictions: Array, targets: Array) -> None:
    # Broadcasting would turn a mismatch into a wrong number.
    if predictions.shape != targets.shape:
        raise ValueError(
            "Predictions must cover the targets one to one. Received: predictions for shape "
            f"{predictions.shape}, targets of shape {targets.shape}."
        )
