"""Loops of TensorFlow without a gradient of their own."""

import keras
import tensorflow as tf

# Every operation is a pass over its tensors.
IS_FUSED = False


def repeat(lower, upper, body, carry):
    """Return the carry after `body(number, carry)` for all numbers from `lower` to `upper - 1`."""

    def step(number, *flat):
        new = keras.tree.flatten(body(number, keras.tree.pack_sequence_as(carry, list(flat))))
        for tensor, old in zip(new, flat, strict=True):
            if not isinstance(tensor, tf.TensorArray):
                tensor.set_shape(old.shape)
        return number + 1, *new

    _, *flat = tf.while_loop(
        lambda number, *_: number < upper,
        step,
        (tf.convert_to_tensor(lower, "int32"), *keras.tree.flatten(carry)),
        # More steps at the same time are a few percent faster, and hold their memory all at once.
        parallel_iterations=4,
    )
    return keras.tree.pack_sequence_as(carry, flat)


def zeros(count, shape, dtype):
    """Return `count` sums, one for each index, all of them zero."""
    # A tensor would be copied whole for each entry that changes. The list must not be empty: one
    # whose entries have a partly unknown shape cannot be stacked.
    count = count if isinstance(count, int) and count > 0 else tf.maximum(count, 1)
    start = tf.zeros((count, *shape), dtype)
    return tf.TensorArray(
        start.dtype, count, element_shape=start.shape[1:], clear_after_read=False
    ).unstack(start)


def add_at(sums, index, y):
    """Return the sums with `y` added to the one at `index`."""
    return sums.write(index, sums.read(index) + y)


def stacked(sums, count):
    """Return all sums as one tensor, along its first axis."""
    sums = sums.stack()
    return sums if sums.shape[0] is not None and sums.shape[0] == count else sums[:count]
