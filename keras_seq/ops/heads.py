"""Tensors, masks and biases in the layout `(batch, others, heads, T, d)` of attention."""

import math

from keras import ops

from keras_seq.ops.shapes import can_be_equal


def attended_axes(attention_axes, rank):
    """Return the axes to attend over, from 1 to `rank - 2`."""
    if attention_axes is None:
        return tuple(range(1, rank - 1))
    axes = tuple(axis if axis >= 0 else rank + axis for axis in attention_axes)
    if len(set(axes)) < len(axes) or not all(0 < axis < rank - 1 for axis in axes):
        raise ValueError(
            "`attention_axes` must be different axes between the first, the batch, and the last, "
            f"the features. Received: attention_axes={attention_axes} for inputs with {rank} axes"
        )
    return axes


def heads_first(x, axes):
    """Bring `(batch, ..., heads, d)` to `(batch, others, heads, T, d)`."""
    rank = len(x.shape)
    others = [axis for axis in range(1, rank - 2) if axis not in axes]
    x = ops.transpose(x, (0, *others, rank - 2, *axes, rank - 1))
    if len(axes) == 1:
        return x
    sizes = [ops.shape(x)[axis] for axis in range(rank - 1 - len(axes), rank - 1)]
    return ops.reshape(x, (*ops.shape(x)[: 2 + len(others)], math.prod(sizes), x.shape[-1]))


def heads_last(x, axes, sizes):
    """Undo `heads_first`."""
    if len(axes) > 1:
        x = ops.reshape(x, (*ops.shape(x)[:-2], *sizes, x.shape[-1]))
    rank = len(x.shape)
    others = [axis for axis in range(1, rank - 2) if axis not in axes]
    order = (0, *others, rank - 2, *axes, rank - 1)
    return ops.transpose(x, [order.index(axis) for axis in range(rank)])


def scores_shape(query_shape, key_shape, axes, num_heads):
    """Return the shape of the scores, from the shapes of the inputs."""
    others = [axis for axis in range(1, len(query_shape) - 1) if axis not in axes]
    return (
        query_shape[0],
        *(query_shape[axis] for axis in others),
        num_heads,
        *(query_shape[axis] for axis in axes),
        *(key_shape[axis] for axis in axes),
    )


def all_of(*masks):
    """Return the mask that all masks together make, or `None` when there is none."""
    total = None
    for mask in masks:
        if mask is not None:
            mask = ops.cast(mask, "bool")
            total = mask if total is None else ops.logical_and(total, mask)
    return total


def position_mask(mask, axes, name, axis, shape=None):
    """Bring a mask of positions to the rank of the scores, with `axis` for the other side.

    `shape` is that of the masked tensor, `(batch, ..., heads, d)`.
    """
    if mask is None:
        return None
    mask = ops.convert_to_tensor(mask)
    wanted = mask.shape if shape is None else shape[:-2]
    if max(axes) >= len(mask.shape) or not can_be_equal(mask.shape[1:], wanted[1:]):
        raise ValueError(
            f"`{name}` must have all dimensions of its tensor but the last; with a cache, a mask "
            "of keys or values covers all positions of the cache. "
            f"Received: {name}.shape={tuple(mask.shape)}, where {tuple(wanted)} was expected"
        )
    others = [other for other in range(1, len(mask.shape)) if other not in axes]
    mask = ops.transpose(mask, (0, *others, *axes))
    lead = ops.shape(mask)[: 1 + len(others)]
    size = math.prod(ops.shape(mask)[1 + len(others) :])
    return ops.expand_dims(ops.reshape(mask, (*lead, 1, size)), axis)


def pair_mask(mask, shape, axes):
    """Bring a mask of pairs of positions, without or with heads, to the rank of the scores."""
    if mask is None:
        return None
    mask = ops.convert_to_tensor(mask)
    with_heads = mask.shape
    if len(with_heads) < len(shape):
        pairs = 2 * len(axes)
        ones = (1,) * (len(shape) - len(with_heads))
        with_heads = (*with_heads[: len(with_heads) - pairs], *ones, *with_heads[-pairs:])
    if len(mask.shape) < 2 * len(axes) or not can_be_equal(with_heads, shape, may_broadcast=True):
        raise ValueError(
            "`attention_mask` must be of shape `(batch, T, S)` or `(batch, heads, T, S)`, or "
            "shorter. "
            f"Received: attention_mask.shape={tuple(mask.shape)}, for scores of shape "
            f"{tuple(shape)}"
        )
    mask = _one_axis_each(mask, shape, axes)
    while len(mask.shape) < len(shape) - 2 * (len(axes) - 1):
        mask = ops.expand_dims(mask, -3)
    return mask


def pair_bias(bias, shape, axes):
    """Bring a bias that can be broadcast to the scores to their rank."""
    if bias is None:
        return None
    bias = ops.convert_to_tensor(bias)
    if len(bias.shape) > len(shape) or not can_be_equal(
        bias.shape, shape[len(shape) - len(bias.shape) :], may_broadcast=True
    ):
        raise ValueError(
            "`attention_bias` must be broadcastable to the shape of the scores, "
            "`(batch, heads, T, S)`. "
            f"Received: attention_bias.shape={tuple(bias.shape)}, for scores of shape "
            f"{tuple(shape)}"
        )
    while len(bias.shape) < 2 * len(axes):
        bias = ops.expand_dims(bias, 0)
    return _one_axis_each(bias, shape, axes)


def _one_axis_each(x, shape, axes):
    """Join the axes of queries, and those of keys, into one each."""
    count = len(axes)
    if count == 1:
        return x
    lead = ops.shape(x)[: -2 * count]
    sizes = shape[-2 * count :]
    x = ops.broadcast_to(x, (*lead, *sizes))
    return ops.reshape(x, (*lead, math.prod(sizes[:count]), math.prod(sizes[count:])))
