"""Recurrent loops on the CPU: compiled by XLA, with gradients by hand, a part per core."""

import functools
import os

import keras
import tensorflow as tf
from keras import ops
from tensorflow.python.eager import record
from tensorflow.python.ops import control_flow_util

from keras_seq.ops.refusal import Refusal

# A part of the batch has at least so many rows: with fewer, the cores read the recurrent kernel
# for too little work each.
MIN_ROWS = 8
# What an unknown batch size is taken for.
USUAL_ROWS = 32


def prepared(inputs, weights, mask, go_backwards, unroll, is_standard):
    """Return inputs and mask as the loops want them, or raise a refusal.

    Args:
        inputs: Tensor of shape `(batch, time, features)`.
        weights: List of tensors.
        mask: Optional tensor of shape `(batch, time)` or `(batch, time, 1)`.
        go_backwards: Whether to start at the last step.
        unroll: Whether the call wants no loop.
        is_standard: Whether the activations are those that the loops know.

    Returns:
        The inputs, with zeros at masked steps, and the boolean mask `(batch, time)` or `None`,
        both in the order of processing.
    """
    if any(isinstance(x, keras.KerasTensor) for x in (inputs, *weights)):
        raise Refusal("the inputs are symbols without values")
    if any(device.device_type != "CPU" for device in tf.config.get_visible_devices()):
        raise Refusal("it is for the CPU, and TensorFlow sees another device")
    if unroll:
        raise Refusal("it has a loop, and `unroll=True` wants none")
    if not is_standard:
        raise Refusal("it knows the usual activations alone")
    inputs = tf.convert_to_tensor(inputs)
    dtypes = {keras.backend.standardize_dtype(x.dtype) for x in (inputs, *weights)}
    if dtypes not in ({"float32"}, {"float64"}):
        raise Refusal("it computes in float32 or float64, with inputs and weights of one dtype")
    batch, time, features = inputs.shape
    if batch == 0 or not time or features is None:
        raise Refusal("it needs a known number of steps, one at least, and sequences")
    if mask is not None:
        mask = ops.reshape(ops.cast(mask, "bool"), ops.shape(inputs)[:2])
        inputs = tf.where(mask[:, :, None], inputs, tf.zeros_like(inputs))
    if go_backwards:
        inputs = tf.reverse(inputs, [1])
        mask = None if mask is None else tf.reverse(mask, [1])
    return inputs, mask


def run(cell, rows, mask, weights):
    """Run the loop of a cell over a batch.

    Args:
        cell: Hashable object with the equations, in two functions.
            `forward(rows, mask, weights, keeps)` returns a tuple of the outputs
            `(batch, time, units)` and the last states, and a tuple of what `backward` wants
            again, which is empty unless it `keeps`.
            `backward(rows, mask, weights, kept, gradients)` returns, from the gradients of the
            former, that of the projected inputs `(time, batch, width)`, a tuple of those of all
            rows but the inputs, and a tuple of those of the weights.
        rows: Tuple of tensors whose first axis is the batch: the inputs `(batch, time, features)`,
            the states, and what else the cell wants.
        mask: Optional boolean tensor `(batch, time)`, true where a step is valid.
        weights: Tuple of tensors, the first of which is the kernel `(features, width)`.

    Returns:
        What `cell.forward` returns first.
    """
    batch = rows[0].shape[0]
    shards = max(1, min(_threads(), (USUAL_ROWS if batch is None else batch) // MIN_ROWS))
    if control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        shards = 1  # XLA would run the parts one after the other.
    masks = () if mask is None else (mask,)
    signature = (_specs(rows), _specs(masks), _specs(weights, has_batch=False))
    # Without a tape nobody can ask for gradients, except of a graph that was traced without one.
    keeps = record.could_possibly_record()
    forward, _ = _compiled(cell, shards, signature, keeps)
    count = len(rows)

    @tf.custom_gradient
    def loop(*tensors):
        # A tape would else prepare gradients of its own of what happens in here.
        constants = [tf.stop_gradient(x) for x in tensors]
        outputs, kept = forward(tuple(constants[:count]), masks, tuple(constants[count:]))

        def gradient(*gradients):
            return differentiate(*tensors, *gradients)

        @tf.custom_gradient
        def differentiate(*arguments):
            constants = tuple(tf.stop_gradient(x) for x in arguments)
            rows, weights = constants[:count], constants[count : len(tensors)]
            again_forward, backward = _compiled(cell, shards, signature, True)
            all_kept = kept if keeps else again_forward(rows, masks, weights)[1]
            found = backward(rows, masks, weights, all_kept, constants[len(tensors) :])
            # Outside of what XLA compiles, where it is left out when nobody asks for it.
            inputs = [
                tf.transpose(tf.tensordot(shard, weights[0], [[2], [1]]), [1, 0, 2])
                for shard in found[0]
            ]
            found = (_join(inputs, tf.shape(rows[0])[0]), *found[1], *found[2])
            return found, lambda *upstream: again(arguments, upstream)

        def again(arguments, upstream):
            # What was kept is constant there. So once more from the start, with TensorFlow's own
            # gradients of the plain loop.
            with tf.GradientTape() as outer:
                outer.watch(arguments)
                with tf.GradientTape() as inner:
                    inner.watch(arguments)
                    tensors_again = arguments[: len(tensors)]
                    rows, weights = tensors_again[:count], tensors_again[count:]
                    outputs, _ = cell.forward(rows, mask, weights, False)
                found = inner.gradient(outputs, tensors_again, arguments[len(tensors) :], "zero")
            return outer.gradient(found, arguments, upstream, "zero")

        return outputs, gradient

    return loop(*rows, *weights)


def scan(step, carry, xs, widths, reverse=False):
    """Carry a state along the first axis of tensors.

    Args:
        step: Function `(carry, x) -> (carry, y)` of tuples of tensors.
        carry: Tuple of tensors `(batch, ...)`.
        xs: Tuple of tensors `(time, batch, ...)` with a known number of steps.
        widths: Tuple of integers, the last axes of the entries of `y`.
        reverse: Whether to start at the last step.

    Returns:
        The last carry, and a tuple of all `y` in shape `(time, batch, width)`.
    """
    steps = xs[0].shape[0]
    first, last, move = (steps - 1, 0, -1) if reverse else (0, steps - 1, 1)
    # The last part is read twice.
    arrays = [tf.TensorArray(x.dtype, steps, clear_after_read=False).unstack(x) for x in xs]
    dtype, batch = carry[0].dtype, carry[0].shape[0]
    outputs = [tf.TensorArray(dtype, steps, element_shape=(batch, width)) for width in widths]

    # XLA makes vector instructions of operations on whole tensors, but not of those on a part
    # whose position only the running loop knows. So every step finds its part read already.
    def body(t, carry, x, outputs):
        carry, ys = step(carry, x)
        outputs = [array.write(t, y) for array, y in zip(outputs, ys, strict=True)]
        after = tf.clip_by_value(t + move, 0, steps - 1)
        return t + move, carry, tuple(array.read(after) for array in arrays), outputs

    _, carry, _, outputs = tf.while_loop(
        lambda t, *_: (t >= last) if reverse else (t <= last),
        body,
        (tf.constant(first), carry, tuple(x[first] for x in xs), outputs),
        maximum_iterations=steps,
    )
    return carry, tuple(array.stack() for array in outputs)


def time_major(x):
    """Swap the first two axes."""
    return tf.transpose(x, [1, 0, *range(2, len(x.shape))])


def valid(mask):
    """Return a tuple of the mask as the steps want it, or an empty one."""
    return () if mask is None else (time_major(mask)[:, :, None],)


def outer_sum(x, y):
    """Return the sum over all steps and rows of the outer products, shape `(x width, y width)`."""
    return tf.tensordot(x, y, [[0, 1], [0, 1]])


def _threads():
    """Return how many parts of a graph TensorFlow runs at the same time."""
    counts = (
        tf.config.threading.get_inter_op_parallelism_threads(),
        tf.config.threading.get_intra_op_parallelism_threads(),
    )
    return min(count or os.cpu_count() or 1 for count in counts)


def _specs(tensors, has_batch=True):
    """Return the shapes and dtypes, with any number of rows where the first axis is the batch."""
    shapes = [(None, *x.shape[1:]) if has_batch else x.shape for x in tensors]
    return tuple(tf.TensorSpec(shape, x.dtype) for shape, x in zip(shapes, tensors, strict=True))


# The functions are kept: XLA compiles each once for every number of rows.
@functools.lru_cache(maxsize=256)
def _compiled(cell, shards, signature, keeps):
    """Return the functions that run a cell forward and backward, a part of the batch per core."""
    compiled = functools.partial(tf.function, jit_compile=True, autograph=False)

    @compiled
    def forward_part(rows, masks, weights):
        return cell.forward(rows, masks[0] if masks else None, weights, keeps)

    @compiled
    def backward_part(rows, masks, weights, kept, gradients):
        return cell.backward(rows, masks[0] if masks else None, weights, kept, gradients)

    @functools.partial(tf.function, autograph=False, input_signature=signature)
    def forward(rows, masks, weights):
        parts = zip(_split(rows, shards), _split(masks, shards), strict=True)
        found = [forward_part(*part, weights) for part in parts]
        outputs, kept = zip(*found, strict=True)
        batch = tf.shape(rows[0])[0]
        return tuple(_join(x, batch) for x in zip(*outputs, strict=True)), kept

    @functools.partial(tf.function, autograph=False)
    def backward(rows, masks, weights, kept, gradients):
        parts = zip(
            _split(rows, shards),
            _split(masks, shards),
            kept,
            _split(gradients, shards),
            strict=True,
        )
        found = [backward_part(r, m, weights, k, g) for r, m, k, g in parts]
        projected, own, shared = zip(*found, strict=True)
        batch = tf.shape(rows[0])[0]
        return (
            projected,
            tuple(_join(x, batch) for x in zip(*own, strict=True)),
            tuple(tf.add_n(x) for x in zip(*shared, strict=True)),
        )

    return forward, backward


def _split(tensors, shards):
    """Return a tuple of tensors for each of several parts, all of the same number of rows."""
    if shards == 1 or not tensors:
        return [tensors] * shards
    batch = tf.shape(tensors[0])[0]
    # Rows of zeros are added, which change no sum, so that XLA compiles one part and not two.
    added = -batch % shards
    padded = [tf.pad(x, [[0, added]] + [[0, 0]] * (len(x.shape) - 1)) for x in tensors]
    return list(zip(*[tf.split(x, shards) for x in padded], strict=True))


def _join(parts, batch):
    """Return the rows of several parts, without those that were added."""
    return parts[0] if len(parts) == 1 else tf.concat(parts, 0)[:batch]
