"""The loop over time that all recurrent layers share, with one rule for masks."""

import keras
from keras import ops

from keras_seq.ops.dispatch import scan


def project(inputs, kernel, bias=None):
    """Return `inputs @ kernel + bias` for inputs of shape `(..., features)`."""
    outputs = ops.matmul(inputs, kernel)
    return outputs if bias is None else ops.add(outputs, bias)


def recurrence(project, step, inputs, initial_state, mask=None, go_backwards=False, unroll=False):
    """Run a recurrent step along the time axis.

    A masked step changes nothing: the state is carried over and the output of the step before is
    repeated. Masked steps before the first valid one therefore give the initial state, and the
    last output is the last valid one. What the masked steps contain, even NaN, has no influence.

    Args:
        project: Function applied once to the inputs of all steps, `(time, batch, features)` to
            `(time, batch, width)`: the part of the step that does not depend on the state.
        step: Function `(x, state) -> state` of one step, from a tensor `(batch, width)` and a
            tuple of tensors `(batch, units)` to a tuple of the same shapes. The first entry is
            the output of the step: a tensor, or a tuple of several.
        inputs: Tensor of shape `(batch, time, features)`.
        initial_state: Tuple of tensors of shape `(batch, units)`, of which the first entry may be
            a tuple of tensors.
        mask: Optional tensor of shape `(batch, time)` or `(batch, time, 1)`, true (or not zero)
            where a step is valid.
        go_backwards: Whether to start at the last step. The outputs are in the order in which
            the steps were processed.
        unroll: Whether to repeat the step in the graph instead of looping. Needs a known number
            of steps.

    Returns:
        Tuple `(outputs, state)`: tensor `(batch, time, units)`, or a tuple of them, and the tuple
        of last states.
    """
    inputs = ops.convert_to_tensor(inputs)
    if mask is not None:
        mask = ops.cast(mask, "bool")
        mask = mask if len(mask.shape) == 3 else ops.expand_dims(mask, -1)
        inputs = ops.where(mask, inputs, ops.zeros_like(inputs))
        mask = ops.swapaxes(mask, 0, 1)
    xs = ops.swapaxes(inputs, 0, 1)
    if go_backwards:
        xs = ops.flip(xs, axis=0)
        mask = None if mask is None else ops.flip(mask, axis=0)
    xs = project(xs)
    state = keras.tree.map_structure(lambda x: ops.cast(x, xs.dtype), tuple(initial_state))

    def masked_step(state, x):
        x, is_valid = x if mask is not None else (x, None)
        new_state = step(x, state)
        if is_valid is not None:
            new_state = keras.tree.map_structure(
                lambda new, old: ops.where(is_valid, new, old), new_state, state
            )
        return new_state, new_state[0]

    time = xs.shape[0]
    if time == 0:
        return keras.tree.map_structure(lambda x: ops.expand_dims(x, 1)[:, :0], state[0]), state
    if unroll:
        outputs = []
        for t in range(time):
            state, output = masked_step(state, xs[t] if mask is None else (xs[t], mask[t]))
            outputs.append(output)
        return keras.tree.map_structure(lambda *x: ops.stack(x, axis=1), *outputs), state
    state, outputs = scan(masked_step, state, xs if mask is None else (xs, mask))
    return keras.tree.map_structure(lambda x: ops.swapaxes(x, 0, 1), outputs), state
