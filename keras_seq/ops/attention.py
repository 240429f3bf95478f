"""Scaled dot-product attention."""

import math

import keras
from keras import ops


def attention(query, key, value, mask=None, scale=None, dropout=0.0, seed=None):
    """Attend to values by the similarity of queries to keys.

        weights = softmax(scale * query keyᵀ)
        output = weights value

    A key that is masked gets a weight of exactly zero. A query that may attend to no key at all
    gets weights and an output of exactly zero, and zero gradients.

    Args:
        query: Tensor of shape `(..., T, d)`.
        key: Tensor of shape `(..., S, d)`.
        value: Tensor of shape `(..., S, e)`.
        mask: Optional tensor that can be broadcast to `(..., T, S)`, true (or not zero) where
            the query may attend to the key.
        scale: Float. Defaults to `None`, which is `1 / sqrt(d)`.
        dropout: Float between 0 and 1, the fraction of the weights to drop. Defaults to 0.
        seed: Integer or `keras.random.SeedGenerator` for dropout.

    Returns:
        Tuple `(output, weights)`: tensor of shape `(..., T, e)`, and the weights before dropout,
        of shape `(..., T, S)`.

    Example:

    >>> import numpy as np
    >>> from keras_seq.ops import attention
    >>> x = np.ones((2, 3, 4), "float32")
    >>> output, weights = attention(x, x, x, mask=np.array([True, True, False]))
    >>> tuple(output.shape), tuple(weights.shape)
    ((2, 3, 4), (2, 3, 3))

    Reference:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, equation 1.
    """
    query, key, value = (ops.convert_to_tensor(x) for x in (query, key, value))
    if scale is None:
        scale = 1.0 / math.sqrt(query.shape[-1])
    # Scaling the queries, not the product, keeps half precision from overflowing.
    logits = ops.matmul(query * ops.cast(scale, query.dtype), ops.swapaxes(key, -1, -2))
    weights = masked_softmax(logits, mask)
    dropped = keras.random.dropout(weights, dropout, seed=seed) if dropout > 0 else weights
    return ops.matmul(dropped, value), weights


def masked_softmax(logits, mask=None):
    """Return the softmax over the last axis where `mask` is true, and zero elsewhere."""
    dtype = keras.backend.standardize_dtype(logits.dtype)
    # Half precision has too few digits for the sum of many exponentials.
    logits = ops.cast(logits, "float32") if dtype in ("float16", "bfloat16") else logits
    if mask is None:
        return ops.cast(_softmax(logits), dtype)
    mask = ops.cast(mask, "bool")
    weights = _softmax(ops.where(mask, logits, ops.cast(-1e30, logits.dtype)))
    return ops.cast(ops.where(mask, weights, ops.zeros_like(weights)), dtype)


def _softmax(logits):
    # Keras warns that a softmax of one value is always one; for a single key that is meant.
    if logits.shape[-1] == 1:
        return ops.exp(logits - logits)
    return ops.softmax(logits, axis=-1)
