"""Gated recurrent unit."""

from keras import activations, ops

from keras_seq.ops import dispatch
from keras_seq.ops.recurrence import project, recurrence


def gru_gates(
    x,
    state,
    recurrent_kernel,
    recurrent_bias=None,
    reset_after=True,
    activation=ops.tanh,
    recurrent_activation=ops.sigmoid,
    recurrent_mask=None,
):
    """Return the update gate `z`, the reset gate `r` and the candidate `ĥ` of one step."""
    (h,) = state
    units = h.shape[-1]
    x_z, x_r, x_h = ops.split(x, 3, axis=-1)
    masked_h = h if recurrent_mask is None else h * recurrent_mask
    if reset_after:
        inner = project(masked_h, recurrent_kernel, recurrent_bias)
        h_z, h_r, h_h = ops.split(inner, 3, axis=-1)
        z = recurrent_activation(x_z + h_z)
        r = recurrent_activation(x_r + h_r)
        candidate = activation(x_h + r * h_h)
    else:
        inner = ops.matmul(masked_h, recurrent_kernel[:, : 2 * units])
        h_z, h_r = ops.split(inner, 2, axis=-1)
        z = recurrent_activation(x_z + h_z)
        r = recurrent_activation(x_r + h_r)
        candidate = activation(x_h + ops.matmul(r * masked_h, recurrent_kernel[:, 2 * units :]))
    return z, r, candidate


def gru_step(x, state, *weights, **options):
    """Do one step of a GRU; `x` is the projected input `x_t W + b`. See `gru` and `gru_gates`."""
    (h,) = state
    z, _, candidate = gru_gates(x, state, *weights, **options)
    return (z * h + (1 - z) * candidate,)


def gru(
    inputs,
    initial_state,
    kernel,
    recurrent_kernel,
    bias=None,
    mask=None,
    recurrent_mask=None,
    reset_after=True,
    activation="tanh",
    recurrent_activation="sigmoid",
    go_backwards=False,
    unroll=False,
    implementation="auto",
):
    """Run a gated recurrent unit over sequences.

    With `σ` the recurrent activation, `g` the activation and `⊙` the elementwise product:

        z_t = σ(x_t W_z + h_{t-1} U_z + b_z)
        r_t = σ(x_t W_r + h_{t-1} U_r + b_r)
        ĥ_t = g(x_t W_h + (r_t ⊙ h_{t-1}) U_h + b_h)            reset_after=False
        ĥ_t = g(x_t W_h + b_h + r_t ⊙ (h_{t-1} U_h + b'_h))     reset_after=True
        h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ ĥ_t

    With `reset_after=True` the update and reset gates have a recurrent bias `b'` too.

    Args:
        inputs: Tensor of shape `(batch, time, features)`.
        initial_state: Tuple `(h,)` of a tensor of shape `(batch, units)`, or that tensor.
        kernel: `W`, tensor of shape `(features, 3 * units)`, in the order update `z`, reset `r`,
            candidate `h`.
        recurrent_kernel: `U`, tensor of shape `(units, 3 * units)`, same order.
        bias: Optional tensor: `b` of shape `(3 * units,)`, or, with `reset_after=True`, `b` and
            `b'` stacked into shape `(2, 3 * units)`.
        mask: Optional tensor of shape `(batch, time)`, true where a step is valid. A masked step
            carries `h` over and repeats the output before it.
        recurrent_mask: Optional tensor of shape `(batch, units)` that multiplies `h_{t-1}` in
            every step before it meets `U`: dropout that is the same for the whole sequence.
        reset_after: Whether the reset gate acts after the product with `U_h` (as cuDNN does) or
            before it. Defaults to `True`.
        activation: `g`, name or function. Defaults to `"tanh"`.
        recurrent_activation: `σ`, name or function. Defaults to `"sigmoid"`.
        go_backwards: Whether to process the steps from last to first. Outputs are in the order
            of processing. Defaults to `False`.
        unroll: Whether to repeat the step in the graph instead of looping. Defaults to `False`.
        implementation: `"reference"`, the equations step by step; `"fast"`, a version for the
            backend at hand, or an error where there is none for the call; `"auto"`, the fast
            version where there is one and it is faster. TensorFlow has one for the CPU, compiled
            by XLA for each number of steps, for the default activations, `reset_after=True` and
            a known number of steps; it is taken where steps times units are at least 1024.
            JAX and PyTorch have one for the same activations and any `reset_after`, faster to
            train from a few steps on and always taken; it is not for `jax.jvp`, which raises an
            error, and not for `torch.compile` and `torch.func`, where the plain one runs.
            Defaults to `"auto"`.

    Returns:
        Tuple `(outputs, (h,))`: all `h_t` in a tensor `(batch, time, units)`, and the last state.

    Example:

    >>> import numpy as np
    >>> from keras_seq.ops import gru
    >>> outputs, (h,) = gru(
    ...     np.ones((2, 5, 4), "float32"),
    ...     np.zeros((2, 3), "float32"),
    ...     kernel=np.full((4, 9), 0.1, "float32"),
    ...     recurrent_kernel=np.full((3, 9), 0.1, "float32"),
    ... )
    >>> tuple(outputs.shape)
    (2, 5, 3)

    Reference:
        - Cho et al., Learning phrase representations using RNN encoder-decoder for statistical
          machine translation, arXiv:1406.1078, equations 5 to 8 (with `1 - z` for `z`).
    """
    return dispatch.run(
        "gru",
        dispatch.by_size("gru", implementation, inputs.shape[1], recurrent_kernel.shape[0]),
        _gru,
        inputs,
        initial_state,
        kernel,
        recurrent_kernel,
        bias=bias,
        mask=mask,
        recurrent_mask=recurrent_mask,
        reset_after=reset_after,
        activation=activation,
        recurrent_activation=recurrent_activation,
        go_backwards=go_backwards,
        unroll=unroll,
    )


def _gru(
    inputs,
    initial_state,
    kernel,
    recurrent_kernel,
    bias,
    mask,
    recurrent_mask,
    reset_after,
    activation,
    recurrent_activation,
    go_backwards,
    unroll,
):
    """Do what `gru` says, step by step."""
    activation = activations.get(activation)
    recurrent_activation = activations.get(recurrent_activation)
    recurrent_kernel = ops.convert_to_tensor(recurrent_kernel)
    input_bias, recurrent_bias = split_bias(bias, reset_after)
    if not isinstance(initial_state, (list, tuple)):
        initial_state = (initial_state,)

    def step(x, state):
        return gru_step(
            x,
            state,
            recurrent_kernel,
            recurrent_bias,
            reset_after,
            activation,
            recurrent_activation,
            recurrent_mask,
        )

    return recurrence(
        lambda xs: project(xs, kernel, input_bias),
        step,
        inputs,
        initial_state,
        mask,
        go_backwards,
        unroll,
    )


def split_bias(bias, reset_after):
    """Return the bias of the inputs and the bias of the recurrent product."""
    if bias is None or not reset_after:
        return bias, None
    bias = ops.convert_to_tensor(bias)
    return bias[0], bias[1]
