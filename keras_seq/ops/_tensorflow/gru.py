"""TensorFlow's version of the GRU."""

from dataclasses import dataclass

import tensorflow as tf
from keras import activations, ops

from keras_seq.ops._tensorflow.sharded_loop import (
    outer_sum,
    prepared,
    run,
    scan,
    time_major,
    valid,
)
from keras_seq.ops.refusal import Refusal


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
    """Do what `keras_seq.ops.gru` does, where the activations are sigmoid and tanh."""
    is_standard = (
        activations.get(activation) is activations.tanh
        and activations.get(recurrent_activation) is activations.sigmoid
    )
    if not reset_after:
        raise Refusal("its reset gate acts after the product, as with `reset_after=True`")
    weights = [x for x in (kernel, recurrent_kernel, bias) if x is not None]
    inputs, mask = prepared(inputs, weights, mask, go_backwards, unroll, is_standard)
    kernel = tf.convert_to_tensor(kernel)
    bias = tf.zeros((2, kernel.shape[1]), kernel.dtype) if bias is None else bias
    has_recurrent_mask = recurrent_mask is not None
    (state,) = initial_state if isinstance(initial_state, (list, tuple)) else (initial_state,)
    rows = (inputs, ops.cast(state, inputs.dtype))
    if has_recurrent_mask:
        rows = (*rows, ops.cast(recurrent_mask, inputs.dtype))
    weights = (kernel, *map(tf.convert_to_tensor, (recurrent_kernel, bias)))
    outputs, state = run(GRULoop(has_recurrent_mask), rows, mask, weights)
    return outputs, (state,)


@dataclass(frozen=True)
class GRULoop:
    """The equations of `keras_seq.ops.gru` with `reset_after=True`, and their gradients."""

    has_recurrent_mask: bool

    def forward(self, rows, mask, weights, keeps):
        """Return the outputs and the last state, and what `backward` needs. See `run`."""
        inputs, h, *recurrent_mask = rows
        kernel, recurrent_kernel, bias = weights
        units = recurrent_kernel.shape[0]

        def step(state, x):
            (h,) = state
            masked_h = h * recurrent_mask[0] if recurrent_mask else h
            inner = masked_h @ recurrent_kernel + bias[1]
            # XLA makes vector instructions of a tanh, and a sigmoid is one.
            gates = 0.5 * tf.tanh(0.5 * (x[0][:, : 2 * units] + inner[:, : 2 * units])) + 0.5
            z, r = tf.split(gates, 2, -1)
            inner_h = inner[:, 2 * units :]
            candidate = tf.tanh(x[0][:, 2 * units :] + r * inner_h)
            new_h = z * h + (1 - z) * candidate
            if mask is not None:
                new_h = tf.where(x[1], new_h, h)
            return (new_h,), (new_h, gates, candidate, inner_h)[: len(widths)]

        xs = (tf.tensordot(time_major(inputs), kernel, 1) + bias[0], *valid(mask))
        widths = (units, 2 * units, units, units) if keeps else (units,)
        state, kept = scan(step, (h,), xs, widths)
        return (time_major(kept[0]), *state), kept if keeps else ()

    def backward(self, rows, mask, weights, kept, gradients):
        """Return the gradients. See `run`."""
        inputs, h_0, *recurrent_mask = rows
        _, recurrent_kernel, _ = weights
        outputs, gates, candidates, inner_hs = kept
        units = recurrent_kernel.shape[0]
        transposed = tf.transpose(recurrent_kernel)
        old_hs = tf.concat([h_0[None], outputs[:-1]], 0)

        def step(carry, x):
            dh, *d_mask = carry
            dy, gates, candidate, inner_h, old_h, *is_valid = x
            z, r = tf.split(gates, 2, -1)
            dh = dh + dy
            d_z = dh * (old_h - candidate) * z * (1 - z)
            d_candidate = dh * (1 - z) * (1 - candidate * candidate)
            d_r = d_candidate * inner_h * r * (1 - r)
            inner = tf.concat([d_z, d_r, d_candidate * r], -1)
            if is_valid:
                inner = tf.where(is_valid[0], inner, tf.zeros_like(inner))
                d_candidate = tf.where(is_valid[0], d_candidate, tf.zeros_like(d_candidate))
            d_masked_h = inner @ transposed
            if recurrent_mask:
                d_mask = [d_mask[0] + d_masked_h * old_h]
                d_masked_h = d_masked_h * recurrent_mask[0]
            d_old_h = d_masked_h + dh * z
            if is_valid:
                # A masked step hands its gradient on as it handed on its state.
                d_old_h = tf.where(is_valid[0], d_old_h, dh)
            return (d_old_h, *d_mask), (inner, d_candidate)

        dy, dh = gradients
        zeros = [tf.zeros_like(x) for x in recurrent_mask]
        xs = (time_major(dy), gates, candidates, inner_hs, old_hs, *valid(mask))
        carry, (inner, d_candidate) = scan(step, (dh, *zeros), xs, (3 * units, units), reverse=True)

        projected = tf.concat([inner[:, :, : 2 * units], d_candidate], -1)
        masked_hs = old_hs * recurrent_mask[0] if recurrent_mask else old_hs
        d_bias = tf.stack([tf.reduce_sum(x, [0, 1]) for x in (projected, inner)])
        found = (outer_sum(time_major(inputs), projected), outer_sum(masked_hs, inner), d_bias)
        return projected, carry, found
