"""Scaled dot-product attention."""

import math

import keras
from keras import ops

from keras_seq.ops import dispatch
from keras_seq.ops.chunked_attention import BlockSeed, Rules
from keras_seq.ops.heads import all_of
from keras_seq.ops.positions import at_least_float32, linear_bias, visible_pairs
from keras_seq.ops.shapes import can_be_equal


def attention(
    query,
    key,
    value,
    mask=None,
    scale=None,
    dropout=0.0,
    seed=None,
    bias=None,
    *,
    use_causal_mask=False,
    sliding_window=None,
    slopes=None,
    start_index=0,
    return_attention_scores=True,
    implementation="auto",
):
    """Attend to values by the similarity of queries to keys.

        weights = softmax(scale * query keyᵀ + bias)
        output = weights value

    A key that is masked gets a weight of exactly zero. A query that may attend to no key at all
    gets weights and an output of exactly zero, and zero gradients.

    Without the weights, `return_attention_scores=False`, the fast version takes memory that grows
    with `T + S` and not with `T S`: it goes through blocks of queries and keys, leaves out those
    that the causal mask and the window hide, and computes them again for the gradient.

    Args:
        query: Tensor of shape `(..., T, d)`.
        key: Tensor of shape `(..., S, d)`. The axis before `S` may be shorter than that of the
            queries by a whole factor: then every head of keys serves as many heads of queries
            next to each other. `value` likewise.
        value: Tensor of shape `(..., S, e)`.
        mask: Optional tensor that can be broadcast to `(..., T, S)`, true (or not zero) where
            the query may attend to the key; or a tuple of such tensors, of which all must be true.
        scale: Float. Defaults to `None`, which is `1 / sqrt(d)`.
        dropout: Float between 0 and 1, the fraction of the weights to drop. Defaults to 0.
        seed: Integer or `keras.random.SeedGenerator` for dropout.
        bias: Optional tensor that can be broadcast to `(..., T, S)`, added to the scaled scores
            in float32 at least. A key with a bias of minus infinity is masked.
        use_causal_mask: Boolean, whether a query sees no later keys. Defaults to `False`.
        sliding_window: Optional positive integer; keys this far away or farther are not seen.
        slopes: Optional sequence of floats, one for each head: `-slope |distance|` is added to
            the scaled scores.
        start_index: Integer or integer tensor, the position of the first query among the keys,
            for the three arguments above. Defaults to 0.
        return_attention_scores: Boolean, whether to return the weights. Defaults to `True`.
        implementation: `"reference"`, `"fast"`, or `"auto"`, which is the fast version where no
            weights are asked for and `T S` is at least 2^20, on JAX and PyTorch 2^18. From there
            on it is faster, or with all keys on TensorFlow at most a third slower up to 2^24.
            TensorFlow chooses when it runs where it does not know `T S` before; there XLA always
            compiles the fast version. Defaults to `"auto"`.

    Returns:
        Tuple `(output, weights)`: tensor of shape `(..., T, e)`, and the weights before dropout,
        of shape `(..., T, S)`, or `None` with `return_attention_scores=False`.

    Raises:
        ValueError: When the shapes do not fit each other, or when `implementation` is none of the
            three, or is `"fast"` and the weights are asked for.

    Example:

    >>> import numpy as np
    >>> from keras_seq.ops import attention
    >>> x = np.ones((2, 3, 4), "float32")
    >>> output, weights = attention(x, x, x, mask=np.array([True, True, False]))
    >>> tuple(output.shape), tuple(weights.shape)
    ((2, 3, 4), (2, 3, 3))

    References:
        - Vaswani et al., Attention is all you need, arXiv:1706.03762, equation 1.
        - Press et al., Train short, test long, arXiv:2108.12409, section 3 (`slopes`).
        - Rabe and Staats, Self-attention does not need O(n²) memory, arXiv:2112.05682 (the fast
          version).
    """
    query, key, value = (ops.convert_to_tensor(x) for x in (query, key, value))
    _check_shapes(query, key, value)
    masks = mask if isinstance(mask, tuple) else (mask,)
    rules = Rules(
        scale=1.0 / math.sqrt(query.shape[-1]) if scale is None else scale,
        dropout=dropout,
        use_causal_mask=use_causal_mask,
        sliding_window=sliding_window,
        slopes=None if slopes is None else tuple(slopes),
    )
    if implementation == "auto" and return_attention_scores:
        implementation = "reference"
    bias = None if bias is None else ops.convert_to_tensor(bias)
    masks = tuple(ops.cast(mask, "bool") for mask in masks if mask is not None)
    start = start_index if isinstance(start_index, int) else ops.cast(start_index, "int32")
    sizes = ops.shape(query)[-2], ops.shape(key)[-2]
    if dropout > 0 and not all(isinstance(size, int) for size in sizes):
        # Drawn here, and not where one of two versions is chosen at run time.
        seed = BlockSeed(keras.random.randint((2,), 0, 2**30, "int32", seed), 0)
    return dispatch.run_by_size(
        "attention",
        implementation,
        sizes,
        _attention,
        rules,
        query,
        key,
        value,
        bias,
        masks,
        start,
        seed,
        return_attention_scores,
    )


def _attention(rules, query, key, value, bias, masks, start_index, seed, wants_weights):
    """Do as `attention`, with all weights at once."""
    distance = _distance(query, key, start_index)
    if rules.slopes is not None:
        linear = linear_bias(distance, rules.slopes)
        # Not `ops.add`: on TensorFlow it takes a bias without queries or keys for a vector.
        bias = linear if bias is None else ops.subtract(linear, -at_least_float32(bias))
    mask = pair_mask(masks, distance, rules.use_causal_mask, rules.sliding_window)
    key, value = (_for_each_head(x, query) for x in (key, value))
    # Scaling the queries, not the product, keeps half precision from overflowing.
    scaled = query * ops.cast(rules.scale, query.dtype)
    logits = ops.matmul(scaled, ops.swapaxes(key, -1, -2))
    weights = ops.cast(masked_softmax(*_add_bias(logits, mask, bias)), query.dtype)
    rate = rules.dropout
    dropped = keras.random.dropout(weights, rate, seed=seed) if rate > 0 else weights
    return ops.matmul(dropped, value), weights if wants_weights else None


def flash_attention(
    query,
    key,
    value,
    mask=None,
    scale=None,
    use_causal_mask=False,
    sliding_window=None,
    start_index=0,
):
    """Return the output of `attention` from the flash attention of the backend.

    The backend raises an error where it has none.
    """
    masks = [each for each in mask or () if each is not None]
    distance = _distance(query, key, start_index)
    mask = pair_mask(masks, distance, use_causal_mask, sliding_window)
    key, value = (_for_each_head(x, query) for x in (key, value))
    tensors = (ops.swapaxes(ops.convert_to_tensor(x), -2, -3) for x in (query, key, value))
    output = ops.dot_product_attention(*tensors, mask=mask, scale=scale, flash_attention=True)
    output = ops.swapaxes(output, -2, -3)
    if mask is None:
        return output
    # The kernels disagree about a query that sees no key.
    return ops.where(ops.any(mask, axis=-1, keepdims=True), output, ops.zeros_like(output))


def pair_mask(masks, distance, use_causal_mask=False, sliding_window=None):
    """Return where all masks, and the distances, let queries see keys; `None` if everywhere."""
    return all_of(*masks, visible_pairs(distance, use_causal_mask, sliding_window))


def _distance(query, key, start_index):
    """Return the positions of all queries less those of all keys, of shape `(T, S)`."""
    queries = ops.arange(ops.shape(query)[-2], dtype="int32") + ops.cast(start_index, "int32")
    keys = ops.arange(ops.shape(key)[-2], dtype="int32")
    return ops.expand_dims(queries, 1) - ops.expand_dims(keys, 0)


def _check_shapes(query, key, value):
    """Refuse tensors that cannot attend to each other."""
    shapes = [tuple(x.shape) for x in (query, key, value)]
    heads, groups = (shape[-3] if len(shape) > 2 else None for shape in shapes[:2])
    if not (
        min(map(len, shapes)) > 1
        and can_be_equal(shapes[0][-1:], shapes[1][-1:])
        and can_be_equal(shapes[1][:-1], shapes[2][:-1])
        and not (isinstance(heads, int) and isinstance(groups, int) and heads % max(groups, 1))
    ):
        raise ValueError(
            "`query` must have the shape (..., T, d), `key` (..., S, d) and `value` (..., S, e); "
            "the axis before `S` may be shorter than that before `T` by a whole factor. Received: "
            f"query.shape={shapes[0]}, key.shape={shapes[1]}, value.shape={shapes[2]}"
        )


def _for_each_head(x, query):
    """Repeat the heads of keys or values up to those of the queries."""
    if len(x.shape) < 3 or None in (x.shape[-3], query.shape[-3]):
        return x
    repeats = query.shape[-3] // x.shape[-3]
    return x if repeats == 1 else ops.repeat(x, repeats, axis=-3)


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
