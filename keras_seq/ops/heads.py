"""Tensors and masks in the layout `(batch, others, heads, T, d)` in which attention runs."""

import math

from keras import ops


def heads_first(x, axes):
    """Bring `(batch, ..., heads, d)` to `(batch, others, heads, T, d)`."""
    rank = len(x.shape)
    others = [axis for axis in range(1, rank - 2) if axis not in axes]
    x = ops.transpose(x, (0, *others, rank - 2, *axes, rank - 1))
    if len(axes) == 1:
        return x
    return ops.reshape(x, (*ops.shape(x)[: 2 + len(others)], -1, x.shape[-1]))


def heads_last(x, axes, sizes):
    """Undo `heads_first`."""
    if len(axes) > 1:
        x = ops.reshape(x, (*ops.shape(x)[:-2], *sizes, x.shape[-1]))
    rank = len(x.shape)
    others = [axis for axis in range(1, rank - 2) if axis not in axes]
    order = (0, *others, rank - 2, *axes, rank - 1)
    return ops.transpose(x, [order.index(axis) for axis in range(rank)])


def position_mask(mask, axes, name, axis):
    """Bring a mask of positions to the rank of the scores, with `axis` for the other side."""
    if mask is None:
        return None
    others = [other for other in range(1, len(mask.shape)) if other not in axes]
    if max(axes) >= len(mask.shape):
        raise ValueError(
            f"`{name}` must have all dimensions of its tensor but the last. "
            f"Received: {name}.shape={tuple(mask.shape)}"
        )
    mask = ops.transpose(mask, (0, *others, *axes))
    mask = ops.reshape(mask, (*ops.shape(mask)[: 1 + len(others)], 1, -1))
    return ops.expand_dims(mask, axis)


def pair_mask(mask, sizes, key_sizes, rank):
    """Bring a mask of pairs of positions to the given rank of the scores."""
    if mask is None:
        return None
    if len(sizes) > 1:
        lead = ops.shape(mask)[: -2 * len(sizes)]
        mask = ops.broadcast_to(mask, (*lead, *sizes, *key_sizes))
        mask = ops.reshape(mask, (*lead, math.prod(sizes), math.prod(key_sizes)))
    while len(mask.shape) < rank:
        mask = ops.expand_dims(mask, -3)
    return mask
