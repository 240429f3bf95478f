"""Loops of TensorFlow without a gradient of their own."""

import keras
import tensorflow as tf


def repeat(lower, upper, body, carry):
    """Return the carry after `body(number, carry)` for all numbers from `lower` to `upper - 1`."""

    def step(number, *flat):
        new = keras.tree.flatten(body(number, keras.tree.pack_sequence_as(carry, list(flat))))
        for tensor, old in zip(new, flat, strict=True):
            tensor.set_shape(old.shape)
        return number + 1, *new

    _, *flat = tf.while_loop(
        lambda number, *_: number < upper,
        step,
        (tf.convert_to_tensor(lower, "int32"), *keras.tree.flatten(carry)),
        # Steps that run ahead would hold their memory at the same time.
        parallel_iterations=1,
    )
    return keras.tree.pack_sequence_as(carry, flat)


def add_at(x, index, y):
    """Return `x` with `y` added to the entry at `index` of its first axis."""
    return tf.tensor_scatter_nd_add(x, [[index]], tf.expand_dims(y, 0))
