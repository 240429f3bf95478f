"""TensorFlow's version of the LSTM."""

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
    """Do what `keras_seq.ops.lstm` does, where the activations are sigmoid and tanh."""
    activation = activations.get(activation)
    output_activation = activations.get(output_activation or activation)
    is_standard = (
        activation is activations.tanh
        and activations.get(recurrent_activation) is activations.sigmoid
        and output_activation in (activations.tanh, activations.linear)
    )
    weights = [kernel, recurrent_kernel]
    weights += [x for x in (bias, peephole_kernel) if x is not None]
    inputs, mask = prepared(inputs, weights, mask, go_backwards, unroll, is_standard)
    kernel, recurrent_kernel = map(tf.convert_to_tensor, (kernel, recurrent_kernel))
    bias = tf.zeros(kernel.shape[1], kernel.dtype) if bias is None else bias
    has_peepholes, has_recurrent_mask = peephole_kernel is not None, recurrent_mask is not None
    cell = LSTMLoop(has_peepholes, has_recurrent_mask, output_activation is activations.linear)
    outputs, *state = run(
        cell,
        (
            inputs,
            *(ops.cast(state, inputs.dtype) for state in initial_state),
            *([ops.cast(recurrent_mask, inputs.dtype)] if has_recurrent_mask else []),
        ),
        mask,
        (
            kernel,
            recurrent_kernel,
            tf.convert_to_tensor(bias),
            *([tf.convert_to_tensor(peephole_kernel)] if has_peepholes else []),
        ),
    )
    return outputs, tuple(state)


@dataclass(frozen=True)
class LSTMLoop:
    """The equations of `keras_seq.ops.lstm`, and their gradients."""

    has_peepholes: bool
    has_recurrent_mask: bool
    is_output_linear: bool

    def forward(self, rows, mask, weights, keeps):
        """Return the outputs and last states, and the outputs, cell states and gates. See `run`."""
        inputs, h, c, *recurrent_mask = rows
        kernel, recurrent_kernel, bias, *peepholes = weights
        units = recurrent_kernel.shape[0]
        # A sigmoid is half a tanh of half its argument, and a half: so one function does for all
        # gates, and XLA makes vector instructions of it.
        scale = tf.repeat(tf.constant([0.5, 0.5, 1, 0.5], h.dtype), units)
        shift = tf.repeat(tf.constant([0.5, 0.5, 0, 0.5], h.dtype), units)
        if peepholes:
            p_i, p_f, p_o = tf.unstack(peepholes[0])
            zeros = tf.zeros(units, h.dtype)
            scale, shift = scale[: 3 * units], shift[: 3 * units]

        def step(state, x):
            h, c = state
            z = x[0] + (h * recurrent_mask[0] if recurrent_mask else h) @ recurrent_kernel
            if peepholes:
                # The output gate waits for the new cell state.
                z, z_o = tf.split(z, [3 * units, units], -1)
                z = z + tf.concat([c * p_i, c * p_f, c * zeros], -1)
            gates = tf.tanh(z * scale) * scale + shift
            i, f, g, *o = tf.split(gates, 3 if peepholes else 4, -1)
            new_c = f * c + i * g
            if peepholes:
                o = [0.5 * tf.tanh(0.5 * (z_o + new_c * p_o)) + 0.5]
                gates = tf.concat([gates, *o], -1)
            new_h = o[0] * self._output(new_c)
            if mask is not None:
                new_h, new_c = tf.where(x[1], new_h, h), tf.where(x[1], new_c, c)
            return (new_h, new_c), (new_h, new_c, gates)[: len(widths)]

        xs = (tf.tensordot(time_major(inputs), kernel, 1) + bias, *valid(mask))
        widths = (units, units, 4 * units) if keeps else (units,)
        state, kept = scan(step, (h, c), xs, widths)
        return (time_major(kept[0]), *state), kept if keeps else ()

    def backward(self, rows, mask, weights, kept, gradients):
        """Return the gradients. See `run`."""
        inputs, h_0, c_0, *recurrent_mask = rows
        _, recurrent_kernel, _, *peepholes = weights
        outputs, cs, gates = kept
        units = recurrent_kernel.shape[0]
        transposed = tf.transpose(recurrent_kernel)
        old_hs = tf.concat([h_0[None], outputs[:-1]], 0)
        old_cs = tf.concat([c_0[None], cs[:-1]], 0)
        if peepholes:
            p_i, p_f, p_o = tf.unstack(peepholes[0])

        def step(carry, x):
            dh, dc, *d_mask = carry
            dy, gates, c, old_c, *x = x
            i, f, g, o = tf.split(gates, 4, -1)
            dh = dh + dy
            output = self._output(c)
            dz_o = dh * output * o * (1 - o)
            d_old_c = dc + dh * o * (1 if self.is_output_linear else 1 - output * output)
            if peepholes:
                d_old_c = d_old_c + dz_o * p_o
            dz = [d_old_c * g * i * (1 - i), d_old_c * old_c * f * (1 - f)]
            dz = [*dz, d_old_c * i * (1 - g * g), dz_o]
            d_old_c = d_old_c * f
            if peepholes:
                d_old_c = d_old_c + dz[0] * p_i + dz[1] * p_f
            dz = tf.concat(dz, -1)
            if mask is not None:
                dz = tf.where(x[0], dz, tf.zeros_like(dz))
            d_old_h = dz @ transposed
            if recurrent_mask:
                d_mask = [d_mask[0] + d_old_h * x[-1]]
                d_old_h = d_old_h * recurrent_mask[0]
            if mask is not None:
                # A masked step hands its gradients on as it handed on its state.
                d_old_h = tf.where(x[0], d_old_h, dh)
                d_old_c = tf.where(x[0], d_old_c, dc)
            return (d_old_h, d_old_c, *d_mask), (dz,)

        dy, dh, dc = gradients
        zeros = [tf.zeros_like(x) for x in recurrent_mask]
        xs = (time_major(dy), gates, cs, old_cs, *valid(mask), *([old_hs] if zeros else []))
        carry, (dz,) = scan(step, (dh, dc, *zeros), xs, (4 * units,), reverse=True)

        masked_hs = old_hs * recurrent_mask[0] if recurrent_mask else old_hs
        found = [outer_sum(time_major(inputs), dz), outer_sum(masked_hs, dz)]
        found.append(tf.reduce_sum(dz, [0, 1]))
        if peepholes:
            dz_i, dz_f, _, dz_o = tf.split(dz, 4, -1)
            found.append(tf.reduce_sum([dz_i * old_cs, dz_f * old_cs, dz_o * cs], [1, 2]))
        return dz, carry, tuple(found)

    def _output(self, c):
        return c if self.is_output_linear else tf.tanh(c)
