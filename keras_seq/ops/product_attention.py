"""Attention with scores that are products of projected queries and keys."""

from keras import ops

from keras_seq.ops.attention import attention
from keras_seq.ops.dispatch import check_implementation
from keras_seq.ops.scores import PRODUCTS, project_key, project_query


def goes_in_blocks(implementation, score, normalizer):
    """Return whether blocks serve a score, or raise an error where they must and do not."""
    check_implementation(implementation)
    is_served = score in PRODUCTS and normalizer == "softmax"
    if implementation == "fast" and not is_served:
        raise ValueError(
            "`implementation='fast'` is for the softmax of products of queries and keys, the "
            f"scores {list(PRODUCTS)}. Received: score {score!r}, normalizer={normalizer!r}"
        )
    return is_served


def product_attention(score, weights, query, key, value, *masks, **options):
    """Return the output of attention, and its weights only if they are asked for.

    Args:
        score: String, one of `PRODUCTS`.
        weights: Dictionary of the weights of the score.
        query: Tensor of shape `(..., T, query width)`.
        key: Tensor of shape `(..., S, key width)`.
        value: Tensor of shape `(..., S, value width)`.
        *masks: Tensors that can be broadcast to `(..., T, S)`, or `None`.
        **options: Those of `keras_seq.ops.attention`.
    """
    query, key = project_query(score, query, weights), project_key(score, key, weights)
    query = ops.multiply(query, weights["scale"]) if "scale" in weights else query
    results = attention(query, key, value, masks, scale=1.0, **options)
    return tuple(result for result in results if result is not None)
