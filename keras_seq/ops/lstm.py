"""Long short-term memory, with and without peephole connections."""

from keras import activations, ops

from keras_seq.ops import dispatch
from keras_seq.ops.recurrence import project, recurrence


def lstm_gates(
    x,
    state,
    recurrent_kernel,
    peephole_kernel=None,
    activation=ops.tanh,
    recurrent_activation=ops.sigmoid,
    recurrent_mask=None,
):
    """Return the gates `i`, `f`, `o`, the candidate `g` and the cell state `c` of one step."""
    h, c = state
    h = h if recurrent_mask is None else h * recurrent_mask
    i, f, g, o = ops.split(x + ops.matmul(h, recurrent_kernel), 4, axis=-1)
    if peephole_kernel is not None:
        p_i, p_f, p_o = ops.unstack(ops.convert_to_tensor(peephole_kernel), 3)
        i = i + p_i * c
        f = f + p_f * c
    i = recurrent_activation(i)
    f = recurrent_activation(f)
    g = activation(g)
    c = f * c + i * g
    if peephole_kernel is not None:
        o = o + p_o * c
    return i, f, recurrent_activation(o), g, c


def lstm_step(
    x,
    state,
    recurrent_kernel,
    peephole_kernel=None,
    activation=ops.tanh,
    recurrent_activation=ops.sigmoid,
    output_activation=ops.tanh,
    recurrent_mask=None,
):
    """Do one step of an LSTM; `x` is the projected input `x_t W + b`. See `lstm`."""
    _, _, o, _, c = lstm_gates(
        x,
        state,
        recurrent_kernel,
        peephole_kernel,
        activation,
        recurrent_activation,
        recurrent_mask,
    )
    return o * output_activation(c), c


def lstm(
    inputs,
    initial_state,
    kernel,
    recurrent_kernel,
    bias=None,
    peephole_kernel=None,
    mask=None,
    recurrent_mask=None,
    activation="tanh",
    recurrent_activation="sigmoid",
    output_activation=None,
    go_backwards=False,
    unroll=False,
    implementation="auto",
):
    """Run a long short-term memory over sequences, optionally with peephole connections.

    With `σ` the recurrent activation, `g` the activation, `φ` the output activation and `⊙` the
    elementwise product:

        i_t = σ(x_t W_i + h_{t-1} U_i + p_i ⊙ c_{t-1} + b_i)
        f_t = σ(x_t W_f + h_{t-1} U_f + p_f ⊙ c_{t-1} + b_f)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g(x_t W_c + h_{t-1} U_c + b_c)
        o_t = σ(x_t W_o + h_{t-1} U_o + p_o ⊙ c_t + b_o)
        h_t = o_t ⊙ φ(c_t)

    Args:
        inputs: Tensor of shape `(batch, time, features)`.
        initial_state: Pair `(h, c)` of tensors of shape `(batch, units)`.
        kernel: `W`, tensor of shape `(features, 4 * units)`, gates in the order
            input, forget, cell, output.
        recurrent_kernel: `U`, tensor of shape `(units, 4 * units)`, same order.
        bias: `b`, optional tensor of shape `(4 * units,)`, same order.
        peephole_kernel: `p`, optional tensor of shape `(3, units)`, in the order input, forget,
            output. Without it the gates do not see the cell state.
        mask: Optional tensor of shape `(batch, time)`, true where a step is valid. A masked step
            carries `h` and `c` over and repeats the output before it.
        recurrent_mask: Optional tensor of shape `(batch, units)` that multiplies `h_{t-1}` in
            every step before it meets `U`: dropout that is the same for the whole sequence.
        activation: `g`, name or function. Defaults to `"tanh"`.
        recurrent_activation: `σ`, name or function. Defaults to `"sigmoid"`.
        output_activation: `φ`, name or function. Defaults to `None`, the same as `activation`;
            `"linear"` gives the `h_t = o_t ⊙ c_t` of the first papers.
        go_backwards: Whether to process the steps from last to first. Outputs are in the order
            of processing. Defaults to `False`.
        unroll: Whether to repeat the step in the graph instead of looping. Defaults to `False`.
        implementation: `"reference"`, the equations step by step; `"fast"`, a version for the
            backend at hand, or an error where there is none for the call; `"auto"`, the fast
            version where there is one and it is faster. TensorFlow has one for the CPU, compiled
            by XLA for each number of steps, for the default activations and a known number of
            steps; it is taken where steps times units are at least 1024.
            JAX and PyTorch have one for the same activations, faster to train from a few steps
            on and always taken; it is not for `jax.jvp`, which raises an error, and not for
            `torch.compile` and `torch.func`, where the plain one runs.
            Defaults to `"auto"`.

    Returns:
        Tuple `(outputs, (h, c))`: all `h_t` in a tensor `(batch, time, units)`, and the last
        state.

    Example:

    >>> import numpy as np
    >>> from keras_seq.ops import lstm
    >>> state = np.zeros((2, 3), "float32"), np.zeros((2, 3), "float32")
    >>> outputs, (h, c) = lstm(
    ...     np.ones((2, 5, 4), "float32"),
    ...     state,
    ...     kernel=np.full((4, 12), 0.1, "float32"),
    ...     recurrent_kernel=np.full((3, 12), 0.1, "float32"),
    ... )
    >>> tuple(outputs.shape)
    (2, 5, 3)

    References:
        - Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997.
        - Gers, Schraudolph and Schmidhuber, Learning precise timing with LSTM recurrent
          networks, JMLR 3, 2002 (peephole connections).
        - Graves, Generating sequences with recurrent neural networks, arXiv:1308.0850,
          equations 7 to 11.
    """
    return dispatch.run(
        "lstm",
        dispatch.by_size("lstm", implementation, inputs.shape[1], recurrent_kernel.shape[0]),
        _lstm,
        inputs,
        initial_state,
        kernel,
        recurrent_kernel,
        bias=bias,
        peephole_kernel=peephole_kernel,
        mask=mask,
        recurrent_mask=recurrent_mask,
        activation=activation,
        recurrent_activation=recurrent_activation,
        output_activation=output_activation,
        go_backwards=go_backwards,
        unroll=unroll,
    )


def _lstm(
    inputs,
    initial_state,
    kernel,
    recurrent_kernel,
    bias,
    peephole_kernel,
    mask,
    recurrent_mask,
    activation,
    recurrent_activation,
    output_activation,
    go_backwards,
    unroll,
):
    """Do what `lstm` says, step by step."""
    activation = activations.get(activation)
    recurrent_activation = activations.get(recurrent_activation)
    output_activation = (
        activation if output_activation is None else activations.get(output_activation)
    )
    recurrent_kernel = ops.convert_to_tensor(recurrent_kernel)
    peephole_kernel = None if peephole_kernel is None else ops.convert_to_tensor(peephole_kernel)

    def step(x, state):
        return lstm_step(
            x,
            state,
            recurrent_kernel,
            peephole_kernel,
            activation,
            recurrent_activation,
            output_activation,
            recurrent_mask,
        )

    return recurrence(
        lambda xs: project(xs, kernel, bias),
        step,
        inputs,
        initial_state,
        mask,
        go_backwards,
        unroll,
    )
