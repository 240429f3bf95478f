"""How well a query fits a key: the scores that attention normalizes to weights.

A score is computed in two parts, so that what depends on the keys alone is computed once however
many queries follow: `pair_scores(score, project_query(...), project_key(...))`. `weights` are the
tensors that `weight_shapes` names.
"""

import math

from keras import ops

SCORES = ("dot", "scaled_dot", "general", "additive", "concat", "location", "location_aware")
# The scores of Keras's `score_mode`. Its "concat" adds the two without projecting them.
SCORE_MODES = {"dot": "dot", "concat": "sum"}
# Scores that compare queries with keys as they are.
SAME_WIDTH = ("dot", "scaled_dot", "sum")
# Scores that are products of projected queries and keys.
PRODUCTS = ("dot", "scaled_dot", "general")
# Scores that project both to the same units.
PROJECTED = ("additive", "concat", "location_aware")


def choose_score(score, score_mode=None):
    """Return the score that the arguments of a layer name, or raise an error."""
    if score not in SCORES:
        raise ValueError(f"`score` must be one of {list(SCORES)}. Received: score={score!r}")
    if score_mode is None:
        return score
    if score_mode not in SCORE_MODES:
        raise ValueError(
            "Invalid value for argument score_mode. Expected one of {'dot', 'concat'}. "
            f"Received: score_mode={score_mode}"
        )
    if score != "scaled_dot":
        raise ValueError(
            "`score_mode` takes the place of `score`. Pass only one of them. "
            f"Received: score={score!r}, score_mode={score_mode!r}"
        )
    return SCORE_MODES[score_mode]


def check_score_shapes(score, argument, query_shape, key_shape, max_source_length=None):
    """Refuse queries and keys that a score cannot compare.

    Args:
        score: String, one of `SCORES` or `"sum"`.
        argument: String, the argument that chose it, for the error.
        query_shape: Tuple `(..., T, query width)`.
        key_shape: Tuple `(..., S, key width)`.
        max_source_length: Integer, the most keys that `location` has scores for.
    """
    widths = query_shape[-1], key_shape[-1]
    if score in SAME_WIDTH and widths[0] != widths[1]:
        raise ValueError(
            f"`{argument}` needs queries and keys of the same width. Pass `score='general'`, "
            "which joins different widths. "
            f"Received: query width {widths[0]}, key width {widths[1]}"
        )
    steps = key_shape[-2]
    if score == "location" and steps is not None and steps > max_source_length:
        raise ValueError(
            "`score='location'` has a score for `max_source_length` keys and no more. Pass a "
            f"larger one. Received: {steps} keys, max_source_length={max_source_length}"
        )
    if score == "location_aware" and len(query_shape) != 3:
        raise ValueError(
            "`score='location_aware'` needs inputs of shape (batch, steps, width). "
            f"Received: query_shape={tuple(query_shape)}"
        )


def weight_shapes(
    score, query_width, key_width, units, max_source_length, filters, kernel_size, use_bias=None
):
    """Return the shapes of the weights of a score by their names, in order."""
    shapes = {
        "sum": {"concat_score_weight": ()},
        "general": {"kernel": (query_width, key_width)},
        "location": {"kernel": (query_width, max_source_length)},
        "concat": {"kernel": (query_width + key_width, units)},
        "additive": {"query_kernel": (query_width, units), "key_kernel": (key_width, units)},
        "location_aware": {
            "query_kernel": (query_width, units),
            "key_kernel": (key_width, units),
            "convolution_kernel": (kernel_size, 1, filters),
            "location_kernel": (filters, units),
        },
    }.get(score, {})
    if score in PROJECTED:
        shapes["score_kernel"] = (units,)
    use_bias = score == "location_aware" if use_bias is None else use_bias
    if use_bias and score in (*PROJECTED, "location"):
        shapes["bias"] = (max_source_length if score == "location" else units,)
    return shapes


def project_query(score, query, weights):
    """Return the part of a score that depends on the queries alone.

    Args:
        score: String, one of `SCORES` or `"sum"`.
        query: Tensor of shape `(..., T, query width)`.
        weights: Dictionary of the weights of the score.

    Returns:
        Tensor of shape `(..., T, width)`.
    """
    if score == "scaled_dot":
        # Scaling the queries, not the product, keeps half precision from overflowing.
        return query * ops.cast(1.0 / math.sqrt(query.shape[-1]), query.dtype)
    if score == "sum" and "scale" in weights:
        return ops.multiply(query, weights["scale"])
    if score == "concat":
        query = ops.matmul(query, weights["kernel"][: query.shape[-1]])
    elif score in PROJECTED:
        query = ops.matmul(query, weights["query_kernel"])
    else:
        return query
    return query + weights["bias"] if "bias" in weights else query


def project_key(score, key, weights):
    """Return the part of a score that depends on the keys alone.

    Args:
        score: String, one of `SCORES` or `"sum"`.
        key: Tensor of shape `(..., S, key width)`.
        weights: Dictionary of the weights of the score.

    Returns:
        Tensor of shape `(..., S, width)`.
    """
    if score == "sum" and "scale" in weights:
        return ops.multiply(key, weights["scale"])
    if score == "general":
        return ops.matmul(key, ops.transpose(weights["kernel"]))
    if score == "concat":
        # W [q; k] is the first rows of W with q and the others with k: no pair is ever made.
        return ops.matmul(key, weights["kernel"][-key.shape[-1] :])
    if score in PROJECTED:
        return ops.matmul(key, weights["key_kernel"])
    return key


def pair_scores(score, query, key, weights, alignment=None):
    """Return the score of every projected query with every projected key.

    Args:
        score: String, one of `SCORES` or `"sum"`.
        query: Tensor of shape `(..., T, width)`, from `project_query`.
        key: Tensor of shape `(..., S, width)`, from `project_key`.
        weights: Dictionary of the weights of the score.
        alignment: Optional tensor of shape `(batch, S)`, the attention weights of the query
            before, for `location_aware`.

    Returns:
        Tensor of shape `(..., T, S)`.
    """
    if score == "sum":
        return _additive(
            query, key, ops.broadcast_to(weights["concat_score_weight"], key.shape[-1:])
        )
    if score == "location_aware" and alignment is not None:
        key = key + _location(alignment, weights["convolution_kernel"], weights["location_kernel"])
    if score in PROJECTED:
        scores = _additive(query, key, weights["score_kernel"])
    elif score == "location":
        steps = ops.shape(key)[-2]
        scores = _project(query, weights["kernel"])
        scores = scores + weights["bias"] if "bias" in weights else scores
        scores = scores[..., :steps]
    else:
        scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
    return ops.multiply(scores, weights["scale"]) if "scale" in weights else scores


def _additive(query, key, score_kernel):
    """Return `vᵀ tanh(q + k)` of every pair."""
    hidden = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
    return ops.squeeze(_project(hidden, ops.expand_dims(score_kernel, -1)), -1)


def _location(alignment, convolution_kernel, location_kernel):
    """Return `(F * α) V`: what the attention weights of the query before say of every position."""
    # There may be no keys at all, and no backend convolves nothing: one zero more changes nothing.
    steps = ops.shape(alignment)[-1]
    spare = int(alignment.shape[-1] in (None, 0))
    features = ops.conv(
        ops.expand_dims(ops.pad(alignment, [[0, 0], [0, spare]]) if spare else alignment, -1),
        convolution_kernel,
        padding="same",
        data_format="channels_last",
    )
    features = features[:, :steps] if spare else features
    return _project(features, location_kernel)


def _project(x, kernel):
    """Return `x @ kernel`, on TensorFlow with a gradient that XLA compiles inside of a loop."""
    flat = ops.matmul(ops.reshape(x, (-1, kernel.shape[0])), kernel)
    return ops.reshape(flat, (*ops.shape(x)[:-1], kernel.shape[-1]))
