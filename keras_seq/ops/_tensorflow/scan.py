"""TensorFlow's version of `keras.ops.scan`."""

import keras
import tensorflow as tf


def scan(f, init, xs):
    """Carry a state along the first axis of tensors.

    Any number of steps works: known, known only at run time, or zero; with gradients and under
    XLA.

    Args:
        f: Function `(carry, x) -> (carry, y)` of one step; `y` is a tensor, or a tuple of
            tensors, with the shapes and dtypes of the first entry of the carry.
        init: Tuple of tensors, the first carry, of which the first entry may be a tuple of
            tensors; every step keeps their shapes and dtypes.
        xs: Tensor or tuple of tensors of shape `(steps, ...)`.

    Returns:
        The last carry, and all `y` stacked into shape `(steps, ...)`.
    """
    flat_xs = [tf.convert_to_tensor(x) for x in keras.tree.flatten(xs)]
    flat_init = [tf.convert_to_tensor(state) for state in keras.tree.flatten(init)]
    kept = flat_init[: len(keras.tree.flatten(init[0]))]
    static_steps = flat_xs[0].shape[0]
    steps = tf.shape(flat_xs[0])[0] if static_steps is None else static_steps
    # Lists must not be empty: one whose entries have a partly unknown shape cannot be stacked,
    # and XLA cannot compile the reading of one. So where the number of steps is unknown, and may
    # be zero, every list gets one entry more.
    spare = int(static_steps is None)
    if spare:
        flat_xs = [tf.pad(x, [[0, 1]] + [[0, 0]] * (len(x.shape) - 1)) for x in flat_xs]

    inputs = [
        tf.TensorArray(x.dtype, size=steps + spare, element_shape=x.shape[1:]).unstack(x)
        for x in flat_xs
    ]
    outputs = [tf.TensorArray(y.dtype, size=steps + spare, element_shape=y.shape) for y in kept]
    if spare:
        outputs = [array.write(0, y) for array, y in zip(outputs, kept, strict=True)]

    def body(step, outputs, carry):
        x = keras.tree.pack_sequence_as(xs, [array.read(step) for array in inputs])
        new_carry, y = f(keras.tree.pack_sequence_as(init, carry), x)
        new_carry = keras.tree.flatten(new_carry)
        for new, old in zip(new_carry, carry, strict=True):
            new.set_shape(old.shape)
        ys = zip(outputs, keras.tree.flatten(y), strict=True)
        return step + 1, [array.write(step + spare, y) for array, y in ys], new_carry

    _, outputs, carry = tf.while_loop(
        lambda step, *_: step < steps,
        body,
        (tf.constant(0), outputs, flat_init),
        # XLA sizes the list of intermediate values that the gradient needs by this bound.
        maximum_iterations=steps + spare,
    )
    ys = [array.stack()[spare:] for array in outputs]
    return keras.tree.pack_sequence_as(init, carry), keras.tree.pack_sequence_as(init[0], ys)
