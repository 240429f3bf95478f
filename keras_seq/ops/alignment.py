"""Attention weights that depend on those of the query before."""

from keras import ops

from keras_seq.ops.dispatch import scan
from keras_seq.ops.shapes import can_be_equal


def align_in_order(align, query, alignment, mask=None, query_mask=None):
    """Return the attention weights of queries, one after the other.

    A masked query changes nothing: the weights of the query before are carried over.

    Args:
        align: Function `(query, alignment, mask) -> alignment` of one step, of tensors of shape
            `(batch, width)`, `(batch, S)` and `(batch, S)`.
        query: Tensor of shape `(batch, T, width)`.
        alignment: Tensor of shape `(batch, S)`, the weights of the query before the first.
        mask: Optional boolean tensor that can be broadcast to `(batch, T, S)`, true where the
            query may attend to the key.
        query_mask: Optional boolean tensor of shape `(batch, T)`, true where a query is valid.

    Returns:
        Tensor of shape `(batch, T, S)`.
    """
    pairs = (*ops.shape(query)[:2], ops.shape(alignment)[1])
    if query.shape[1] == 0:
        return ops.zeros(pairs, alignment.dtype)
    mask = ops.broadcast_to(True if mask is None else mask, pairs)
    query_mask = ops.broadcast_to(True if query_mask is None else query_mask, pairs[:2])

    def step(carry, x):
        query, mask, is_valid = x
        alignment = align(query, carry[0], mask)
        alignment = ops.where(ops.expand_dims(is_valid, -1), alignment, carry[0])
        return (alignment,), alignment

    xs = tuple(ops.swapaxes(x, 0, 1) for x in (query, mask, query_mask))
    _, alignments = scan(step, (alignment,), xs)
    return ops.swapaxes(alignments, 0, 1)


def check_alignment(shape, key_shape):
    """Refuse the weights of the query before, where they are not one for each key of a row."""
    if not can_be_equal(shape, key_shape[:2]):
        raise ValueError(
            "`previous_alignments` must hold the weights of one query a row, in the shape "
            f"(batch, keys). Received: previous_alignments.shape={tuple(shape)} for a key of "
            f"shape {tuple(key_shape)}"
        )
