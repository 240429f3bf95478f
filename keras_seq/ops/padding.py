"""Masks of padding: of the steps of a sequence, or of all positions of a cache."""

from keras import ops

from keras_seq.ops.shapes import can_be_equal


def check_padding_mask(name, mask, sequence_shape, cache=None):
    """Refuse a mask that does not fit its sequence or, with a cache, the cache.

    Args:
        name: String, the name of the mask in the error.
        mask: Tensor or `None`.
        sequence_shape: Tuple, `(batch, time, ...)`.
        cache: Optional tensor of shape `(batch, 2, length, heads, d)`.
    """
    length = sequence_shape[1] if cache is None else cache.shape[2]
    expected = (sequence_shape[0], length)
    if mask is None or can_be_equal(mask.shape, expected):
        return
    of_cache = "; with a cache it covers all positions of the cache" if cache is not None else ""
    raise ValueError(
        f"`{name}` must be true where a step is valid and have the shape `(batch, time)`"
        f"{of_cache}. Received: {name}.shape={tuple(mask.shape)}, where {expected} was expected"
    )


def padding_of_steps(mask, index, inputs):
    """Return the part of the mask of a cache that belongs to the steps of the inputs.

    Args:
        mask: Tensor of shape `(batch, length)`, or `None`.
        index: Integer or tensor, the position of the first step in the cache.
        inputs: Tensor of shape `(batch, time, width)`.
    """
    if mask is None:
        return None
    steps = ops.arange(ops.shape(inputs)[1], dtype="int32") + ops.cast(index, "int32")
    last = ops.maximum(ops.shape(mask)[1] - 1, 0)
    # Steps behind the end of the cache are not written: any value does for them.
    return ops.take(mask, ops.clip(steps, 0, last), axis=1)
