"""Normalization to weights many of which are zero."""

import keras
from keras import ops

LOWEST = -1e30


def sparsemax(logits, mask=None):
    """Return the probabilities that are nearest to the logits, over the last axis.

        sparsemax(z) = argmin over p of |p - z|², with p >= 0 and sum(p) = 1
                     = max(z - τ(z), 0)

    Where the softmax is small, this is exactly zero. A masked entry gets exactly zero, and so
    does every entry of a row that is masked as a whole, with zero gradients.

    Args:
        logits: Tensor of shape `(..., n)`.
        mask: Optional tensor that can be broadcast to the shape of `logits`, true (or not zero)
            where an entry counts.

    Returns:
        Tensor of the shape and dtype of `logits`.

    Example:

    >>> import numpy as np
    >>> from keras_seq.ops.sparsemax import sparsemax
    >>> [round(float(p), 2) for p in sparsemax(np.array([0.5, 0.3, -1.0], "float32"))]
    [0.6, 0.4, 0.0]

    Reference:
        - Martins & Astudillo, From softmax to sparsemax, arXiv:1602.02068, algorithm 1.
    """
    logits = ops.convert_to_tensor(logits)
    dtype = keras.backend.standardize_dtype(logits.dtype)
    z = ops.cast(logits, "float32") if dtype in ("float16", "bfloat16") else logits
    if mask is not None:
        mask = ops.cast(mask, "bool")
        z = ops.where(mask, z, ops.cast(LOWEST, z.dtype))
    # Adding a constant changes nothing, and what is 1 below the largest logit gets zero: so all
    # numbers may lie between -2 and 0, which keeps the sums exact and masked entries out.
    # The initial value is for rows without entries.
    largest = ops.max(z, axis=-1, keepdims=True, initial=LOWEST)
    z = ops.maximum(z - ops.stop_gradient(largest), -2.0)
    if mask is not None:
        z = ops.where(mask, z, ops.cast(-2.0, z.dtype))
    is_positive = _support(ops.stop_gradient(z))
    # With the support known τ is linear in z, and the gradient is that of the equation.
    count = ops.sum(ops.cast(is_positive, z.dtype), axis=-1, keepdims=True)
    zeros = ops.zeros_like(z)
    tau = (ops.sum(ops.where(is_positive, z, zeros), axis=-1, keepdims=True) - 1) / count
    weights = ops.where(is_positive, ops.maximum(z - tau, 0.0), zeros)
    return ops.cast(weights if mask is None else ops.where(mask, weights, zeros), dtype)


def _support(z):
    """Return where the weights are not zero."""
    largest = -ops.sort(-z, axis=-1)
    count = ops.cast(ops.arange(1, ops.shape(z)[-1] + 1), z.dtype)
    is_positive = 1 + count * largest > ops.cumsum(largest, axis=-1)
    positives = ops.where(is_positive, largest, ops.zeros_like(largest))
    return z >= ops.min(positives, axis=-1, keepdims=True, initial=0.0)
