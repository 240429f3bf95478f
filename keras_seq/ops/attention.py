"""Scaled dot-product attention."""

import math

import keras
from keras import ops

from keras_seq.ops.positions import at_least_float32


def attention(query, key, value, mask=None, scale=None, dropout=0.0, seed=None, bias=None):
    """Attend to values by the similarity of queries to keys.

        weights = softmax(scale * query keyᵀ + bias)
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
        bias: Optional tensor that can be broadcast to `(..., T, S)`, added to the scaled scores
            in float32 at least. A key with a bias of minus infinity is masked.

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
    weights = ops.cast(masked_softmax(*_add_bias(logits, mask, bias)), query.dtype)
    dropped = keras.random.dropout(weights, dropout, seed=seed) if dropout > 0 else weights
    return ops.matmul(dropped, value), weights


def flash_attention(query, key, value, mask=None, scale=None):
    """Return the output of `attention` from the flash attention of the backend.

    The backend raises an error where it has none.
    """
    tensors = (ops.swapaxes(ops.convert_to_tensor(x), -2, -3) for x in (query, key, value))
    output = ops.dot_product_attention(*tensors, mask=mask, scale=scale, flash_attention=True)
    output = ops.swapaxes(output, -2, -3)
    if mask is None:
        return output
    # The kernels disagree about a query that sees no key.
    return ops.where(ops.any(mask, axis=-1, keepdims=True), output, ops.zeros_like(output))


def masked_softmax(logits, mask=None):
    """Return the softmax over the last axis where `mask` is true, and zero elsewhere."""
    dtype = keras.backend.standardize_dtype(logits.dtype)
    # Half precision has too few digits for the sum of many exponentials.
    logits = at_least_float32(logits)
    if mask is None:
        return ops.cast(_softmax(logits), dtype)
    mask = ops.cast(mask, "bool")
    weights = _softmax(ops.where(mask, logits, ops.cast(-1e30, logits.dtype)))
    return ops.cast(ops.where(mask, weights, ops.zeros_like(weights)), dtype)


def _add_bias(logits, mask, bias):
    """Return the scores with the bias, and the mask without the keys of minus infinity."""
    if bias is None:
        return logits, mask
    logits = at_least_float32(logits)
    bias = ops.cast(bias, logits.dtype)
    seen = ops.not_equal(bias, -math.inf)
    mask = seen if mask is None else ops.logical_and(ops.cast(mask, "bool"), seen)
    return logits + ops.where(seen, bias, ops.zeros_like(bias)), mask


def _softmax(logits):
    # Keras warns that a softmax of one value is always one; for a single key that is meant.
    if logits.shape[-1] == 1:
        return ops.exp(logits - logits)
    return ops.softmax(logits, axis=-1)
