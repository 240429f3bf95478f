"""The recurrences as loops over steps and rows, to compare the layers with."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, state, kernel, recurrent_kernel, bias, peephole_kernel, output_activation):
    h, c = state
    z_i, z_f, z_c, z_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4)
    p_i, p_f, p_o = peephole_kernel
    i = sigmoid(z_i + p_i * c)
    f = sigmoid(z_f + p_f * c)
    c = f * c + i * np.tanh(z_c)
    o = sigmoid(z_o + p_o * c)
    return o * output_activation(c), c


def gru_step(x, state, kernel, recurrent_kernel, bias, recurrent_bias, reset_after):
    (h,) = state
    x_z, x_r, x_h = np.split(x @ kernel + bias, 3)
    u_z, u_r, u_h = np.split(recurrent_kernel, 3, axis=1)
    b_z, b_r, b_h = np.split(recurrent_bias, 3)
    z = sigmoid(x_z + h @ u_z + b_z)
    r = sigmoid(x_r + h @ u_r + b_r)
    inner = r * (h @ u_h + b_h) if reset_after else (r * h) @ u_h
    return (z * h + (1 - z) * np.tanh(x_h + inner),)


def run(step, inputs, initial_state, mask, go_backwards=False, zero_output_for_mask=False):
    """Return the outputs of all steps in the order of processing, and the last states."""
    batch, time, _ = inputs.shape
    rows, last = [], []
    for row in range(batch):
        state = tuple(entry[row] for entry in initial_state)
        outputs = []
        for t in reversed(range(time)) if go_backwards else range(time):
            state = step(inputs[row, t], state) if mask[row, t] else state
            hidden = zero_output_for_mask and not mask[row, t]
            outputs.append(np.zeros_like(state[0]) if hidden else state[0])
        rows.append(outputs)
        last.append(state)
    outputs = np.array(rows).reshape(batch, time, initial_state[0].shape[-1])
    return outputs, [np.array(entry) for entry in zip(*last, strict=True)]
