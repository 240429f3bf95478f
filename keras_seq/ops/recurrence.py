"""The loop over time that all recurrent layers share, with one rule for masks."""

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
            the output of the step.
        inputs: Tensor of shape `(batch, time, features)`.
        initial_state: Tuple of tensors of shape `(batch, units)`.
        mask: Optional tensor of shape `(batch, time)` or `(batch, time, 1)`, true (or not zero)
            where a step is valid.
        go_backwards: Whether to start at the last step. The outputs are in the order in which
            the steps were processed.
        unroll: Whether to repeat the step in the graph instead of looping. Needs a known number
            of steps.

    Returns:
        Tuple `(outputs, state)`: tensor `(batch, time, units)` and the tuple of last states.
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
    state = tuple(ops.cast(entry, xs.dtype) for entry in initial_state)

    def masked_step(state, x):
        x, is_valid = x if mask is not None else (x, None)
        new_state = step(x, state)
        if is_valid is not None:
            new_state = tuple(
                ops.where(is_valid, new, old) for new, old in zip(new_state, state, strict=True)
            )
        return new_state, new_state[0]

    time = xs.shape[0]
    if time == 0:
        return ops.zeros((ops.shape(inputs)[0], 0, state[0].shape[-1]), xs.dtype), state
    if unroll:
        outputs = []
        for t in range(time):
            state, output = masked_step(state, xs[t] if mask is None else (xs[t], mask[t]))
            outputs.append(output)
        return ops.stack(outputs, axis=1), state
    state, outputs = scan(masked_step, state, xs if mask is None else (xs, mask))
    return ops.swapaxes(outputs, 0, 1), state
