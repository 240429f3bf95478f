"""Gated recurrent unit on JAX, with a gradient of our own."""

import functools

import jax
import jax.numpy as jnp

from keras_seq.ops._jax.recurrence import (
    before,
    projected_steps,
    state_of,
    tensors_of,
    weight_gradient,
    where_valid,
)
from keras_seq.ops.activation import check_activation


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
):
    """Run a gated recurrent unit. See `keras_seq.ops.gru`."""
    check_activation("activation", activation, ["tanh"])
    check_activation("recurrent_activation", recurrent_activation, ["sigmoid"])
    inputs, kernel, recurrent_kernel, bias, drop = tensors_of(
        inputs, kernel, recurrent_kernel, bias, recurrent_mask
    )
    units = recurrent_kernel.shape[0]
    h = initial_state[0] if isinstance(initial_state, (list, tuple)) else initial_state
    h = state_of(h, inputs, units)
    drop = None if drop is None else jnp.broadcast_to(drop, h.shape)
    inner_bias = None
    if bias is not None and reset_after:
        # What the products of the gates need can be added before the loop.
        inner_bias = bias[1, 2 * units :]
        bias = bias[0].at[: 2 * units].add(bias[1, : 2 * units])
    xs, mask = projected_steps(inputs, mask, go_backwards, kernel, bias)
    hs, h = _gru((reset_after, unroll), xs, h, recurrent_kernel, inner_bias, drop, mask)
    return jnp.swapaxes(hs, 0, 1), (h,)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gru(options, xs, h, recurrent_kernel, inner_bias, drop, mask):
    """Return all outputs and the last state.

    Going back, the gradients of a step are linear in that of its `h`, with factors that depend
    only on what the loop forward has stored. They are computed for all steps at once, and little
    is left to do one step after another.
    """
    arguments = xs, h, recurrent_kernel, inner_bias, drop, mask
    h, (hs,) = _run(options, *arguments, keeps=False)
    return hs, h


def _run(options, xs, h, recurrent_kernel, inner_bias, drop, mask, keeps=True):
    reset_after, unroll = options
    units = h.shape[-1]

    def step(h, x):
        x, valid = x
        x_z, x_r, x_h = jnp.split(x, 3, axis=-1)
        dropped = h if drop is None else h * drop
        if reset_after:
            h_z, h_r, inner = jnp.split(dropped @ recurrent_kernel, 3, axis=-1)
            inner = inner if inner_bias is None else inner + inner_bias
            z, r = jax.nn.sigmoid(x_z + h_z), jax.nn.sigmoid(x_r + h_r)
            candidate = jnp.tanh(x_h + r * inner)
        else:
            h_z, h_r = jnp.split(dropped @ recurrent_kernel[:, : 2 * units], 2, axis=-1)
            z, r = jax.nn.sigmoid(x_z + h_z), jax.nn.sigmoid(x_r + h_r)
            inner = r * dropped
            candidate = jnp.tanh(x_h + inner @ recurrent_kernel[:, 2 * units :])
        h = where_valid(valid, z * h + (1 - z) * candidate, h)
        return h, (h, z, r, candidate, inner) if keeps else (h,)

    return jax.lax.scan(step, h, (xs, mask), unroll=unroll)


def _forward(options, xs, h, recurrent_kernel, inner_bias, drop, mask):
    last, kept = _run(options, xs, h, recurrent_kernel, inner_bias, drop, mask)
    return (kept[0], last), (h, kept, recurrent_kernel, inner_bias, drop, mask)


def _backward(options, residuals, gradients):
    reset_after, unroll = options
    h, (hs, z, r, candidate, inner), recurrent_kernel, inner_bias, drop, mask = residuals
    outputs_gradient, dh = gradients
    units = h.shape[-1]
    old_hs = before(h, hs)
    dropped = old_hs if drop is None else old_hs * drop
    # What the gradient of `h` is multiplied with on its way to the gates and to the `h` before.
    to_z = (old_hs - candidate) * z * (1 - z)
    to_candidate = (1 - z) * (1 - candidate * candidate)
    to_r = (to_candidate * inner if reset_after else dropped) * r * (1 - r)
    factors = [where_valid(mask, factor) for factor in (to_z, to_r, to_candidate)]
    transposed = recurrent_kernel.T

    def step_reset_after(dh, x):
        outputs_gradient, (to_z, to_r, to_candidate), r, carried = x
        dh = dh + outputs_gradient
        dz, dr, dcandidate = dh * to_z, dh * to_r, dh * to_candidate
        dproduct = jnp.concatenate([dz, dr, dcandidate * r], axis=-1)
        ddropped = dproduct @ transposed
        old_dh = dh * carried + (ddropped if drop is None else ddropped * drop)
        return old_dh, (dz, dr, dcandidate, dproduct)

    def step_reset_before(dh, x):
        outputs_gradient, (to_z, to_r, to_candidate), r, carried = x
        dh = dh + outputs_gradient
        dz, dcandidate = dh * to_z, dh * to_candidate
        dinner = dcandidate @ transposed[2 * units :]
        dr = dinner * to_r
        dproduct = jnp.concatenate([dz, dr], axis=-1)
        ddropped = dproduct @ transposed[: 2 * units] + dinner * r
        old_dh = dh * carried + (ddropped if drop is None else ddropped * drop)
        return old_dh, (dz, dr, dcandidate, ddropped)

    step = step_reset_after if reset_after else step_reset_before
    xs = outputs_gradient, factors, r, where_valid(mask, z, 1)
    dh, (dz, dr, dcandidate, kept) = jax.lax.scan(step, dh, xs, reverse=True, unroll=unroll)
    dgates = jnp.concatenate([dz, dr, dcandidate], axis=-1)
    if reset_after:
        drecurrent = weight_gradient(dropped, kept)
        ddropped = kept @ transposed
    else:
        of_gates = weight_gradient(dropped, dgates[..., : 2 * units])
        of_candidate = weight_gradient(inner, dcandidate)
        drecurrent = jnp.concatenate([of_gates, of_candidate], axis=-1)
        ddropped = kept
    dbias = None if inner_bias is None else jnp.sum(dcandidate * r, axis=(0, 1))
    ddrop = None if drop is None else jnp.sum(ddropped * old_hs, axis=0)
    return dgates, dh, drecurrent, dbias, ddrop, None


_gru.defvjp(_forward, _backward)
