"""Long short-term memory on JAX, with a gradient of our own."""

import functools

import jax
import jax.numpy as jnp
from keras import activations

from keras_seq.ops._jax.recurrence import (
    before,
    projected_steps,
    state_of,
    tensors_of,
    weight_gradient,
    where_valid,
)
from keras_seq.ops.activation import check_activation


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
):
    """Run a long short-term memory. See `keras_seq.ops.lstm`."""
    output_activation = activations.get(
        activation if output_activation is None else output_activation
    )
    check_activation("activation", activation, ["tanh"])
    check_activation("recurrent_activation", recurrent_activation, ["sigmoid"])
    check_activation("output_activation", output_activation, ["tanh", "linear"])
    inputs, kernel, recurrent_kernel, bias, peephole, drop = tensors_of(
        inputs, kernel, recurrent_kernel, bias, peephole_kernel, recurrent_mask
    )
    units = recurrent_kernel.shape[0]
    h, c = (state_of(state, inputs, units) for state in initial_state)
    drop = None if drop is None else jnp.broadcast_to(drop, h.shape)
    xs, mask = projected_steps(inputs, mask, go_backwards, kernel, bias)
    is_linear = output_activation is activations.linear
    hs, h, c = _lstm((is_linear, unroll), xs, h, c, recurrent_kernel, peephole, drop, mask)
    return jnp.swapaxes(hs, 0, 1), (h, c)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _lstm(options, xs, h, c, recurrent_kernel, peephole, drop, mask):
    """Return all outputs and the last states.

    Going back, the gradients of a step are linear in those of its `h` and `c`, with factors that
    depend only on what the loop forward has stored. They are computed for all steps at once, and
    little is left to do one step after another.
    """
    arguments = xs, h, c, recurrent_kernel, peephole, drop, mask
    (h, c), (hs,) = _run(options, *arguments, keeps=False)
    return hs, h, c


def _run(options, xs, h, c, recurrent_kernel, peephole, drop, mask, keeps=True):
    is_linear, unroll = options

    def step(state, x):
        h, c = state
        x, valid = x
        x = x + (h if drop is None else h * drop) @ recurrent_kernel
        i, f, g, o = jnp.split(x, 4, axis=-1)
        if peephole is not None:
            i = i + peephole[0] * c
            f = f + peephole[1] * c
        i, f, g = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g)
        new_c = f * c + i * g
        if peephole is not None:
            o = o + peephole[2] * new_c
        o = jax.nn.sigmoid(o)
        new_h = o * (new_c if is_linear else jnp.tanh(new_c))
        h, c = where_valid(valid, new_h, h), where_valid(valid, new_c, c)
        return (h, c), (h, c, i, f, g, o) if keeps else (h,)

    return jax.lax.scan(step, (h, c), (xs, mask), unroll=unroll)


def _forward(options, xs, h, c, recurrent_kernel, peephole, drop, mask):
    last, kept = _run(options, xs, h, c, recurrent_kernel, peephole, drop, mask)
    return (kept[0], *last), (h, c, kept, recurrent_kernel, peephole, drop, mask)


def _backward(options, residuals, gradients):
    is_linear, unroll = options
    h, c, (hs, cs, i, f, g, o), recurrent_kernel, peephole, drop, mask = residuals
    outputs_gradient, dh, dc = gradients
    old_hs, old_cs = before(h, hs), before(c, cs)
    out = cs if is_linear else jnp.tanh(cs)
    # What the gradient of `c` is multiplied with on its way to the gates, and that of `h`.
    to_i, to_f, to_g = g * i * (1 - i), old_cs * f * (1 - f), i * (1 - g * g)
    to_o = out * o * (1 - o)
    h_to_c, c_to_c = o if is_linear else o * (1 - out * out), f
    if peephole is not None:
        h_to_c = h_to_c + peephole[2] * to_o
        c_to_c = c_to_c + peephole[0] * to_i + peephole[1] * to_f
    to_gates = [where_valid(mask, factor) for factor in (to_i, to_f, to_g, to_o)]
    h_to_c, c_to_c = where_valid(mask, h_to_c), where_valid(mask, c_to_c, 1)
    transposed = recurrent_kernel.T

    def step(carry, x):
        dh, dc = carry
        outputs_gradient, valid, (to_i, to_f, to_g, to_o), h_to_c, c_to_c = x
        dh = dh + outputs_gradient
        dc = dc + dh * h_to_c
        dgates = jnp.concatenate([dc * to_i, dc * to_f, dc * to_g, dh * to_o], axis=-1)
        old_dh = dgates @ transposed
        old_dh = old_dh if drop is None else old_dh * drop
        if valid is not None:
            old_dh = old_dh + jnp.where(valid, 0, dh)
        return (old_dh, dc * c_to_c), dgates

    xs = outputs_gradient, mask, to_gates, h_to_c, c_to_c
    (dh, dc), dgates = jax.lax.scan(step, (dh, dc), xs, reverse=True, unroll=unroll)
    drecurrent = weight_gradient(old_hs if drop is None else old_hs * drop, dgates)
    dpeephole = ddrop = None
    if peephole is not None:
        di, df, _, do = jnp.split(dgates, 4, axis=-1)
        pairs = (di, old_cs), (df, old_cs), (do, cs)
        dpeephole = jnp.stack([jnp.sum(a * b, axis=(0, 1)) for a, b in pairs])
    if drop is not None:
        ddrop = jnp.sum(dgates @ transposed * old_hs, axis=0)
    return dgates, dh, dc, drecurrent, dpeephole, ddrop, None


_lstm.defvjp(_forward, _backward)
