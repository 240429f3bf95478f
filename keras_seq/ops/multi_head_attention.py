"""Attention in several heads, from projected queries, keys and values."""

from keras import ops

from keras_seq.ops import heads
from keras_seq.ops.attention import attention, flash_attention
from keras_seq.ops.positions import alibi_slopes


def multi_head_attention(
    query,
    key,
    value,
    attention_bias=None,
    *,
    axes,
    query_mask=None,
    value_mask=None,
    key_mask=None,
    attention_mask=None,
    use_causal_mask=False,
    sliding_window=None,
    alibi=False,
    start_index=0,
    written=None,
    use_flash=False,
    dropout=0.0,
    seed=None,
    return_attention_scores=True,
    implementation="auto",
):
    """Attend from queries to values in every head.

    Args:
        query: Tensor of shape `(batch, ..., heads, d)`.
        key: Tensor of shape `(batch, ..., groups, d)`; `groups` divides `heads`.
        value: Tensor of shape `(batch, ..., groups, e)`.
        attention_bias: Optional tensor that can be broadcast to `(batch, heads, T, S)`.
        axes: Tuple of integers, the axes to attend over, of which the others stand for `T`
            queries and `S` keys.
        query_mask: Optional tensor of the shape of `query` without its last two axes.
        value_mask: Optional tensor, likewise.
        key_mask: Optional tensor, likewise.
        attention_mask: Optional tensor of shape `(batch, T, S)` or `(batch, heads, T, S)`.
        use_causal_mask: Boolean, whether a query sees no later keys.
        sliding_window: Optional integer; keys this far away or farther are not seen.
        alibi: Boolean, whether to add linear biases.
        start_index: Integer or tensor, the position of the first query.
        written: Optional integer or tensor; keys from this position on are not seen.
        use_flash: Boolean, whether to use the flash attention of the backend.
        dropout: Float, the fraction of weights to drop.
        seed: The seed of dropout.
        return_attention_scores: Boolean, whether to return the weights.
        implementation: String, that of `attention`.

    Returns:
        List of a tensor of shape `(batch, ..., heads, e)` and, if they are asked for, the weights
        before dropout, of shape `(batch, heads, T, S)`.
    """
    sizes, key_sizes = ([ops.shape(x)[axis] for axis in axes] for x in (query, key))
    masks = [
        heads.position_mask(query_mask, axes, "query_mask", -1, query.shape),
        heads.position_mask(value_mask, axes, "value_mask", -2, value.shape),
        heads.position_mask(key_mask, axes, "key_mask", -2, key.shape),
    ]
    query, key, value = (heads.heads_first(x, axes) for x in (query, key, value))
    shape = (*ops.shape(query)[:-2], *sizes, *key_sizes)
    masks.append(heads.pair_mask(attention_mask, shape, axes))

    if written is not None:
        key_positions = ops.arange(ops.shape(key)[-2], dtype="int32")
        masks.append(key_positions < ops.cast(written, "int32"))
    arguments = {
        "use_causal_mask": use_causal_mask,
        "sliding_window": sliding_window,
        "start_index": start_index,
    }
    if use_flash:
        output, weights = flash_attention(query, key, value, tuple(masks), **arguments), None
    else:
        output, weights = attention(
            query,
            key,
            value,
            tuple(masks),
            None,
            dropout,
            seed,
            heads.pair_bias(attention_bias, shape, axes),
            slopes=alibi_slopes(query.shape[-3]) if alibi else None,
            return_attention_scores=return_attention_scores,
            implementation=implementation,
            **arguments,
        )
    results = [heads.heads_last(output, axes, sizes)]
    if weights is not None:
        results.append(ops.reshape(weights, shape) if len(axes) > 1 else weights)
    return results
