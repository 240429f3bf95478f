"""Gradients against central differences in float64."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seq.ops import attention, gru, lstm

pytestmark = pytest.mark.usefixtures("float64")

BATCH, TIME, FEATURES, UNITS = 2, 4, 2, 3
HOLES = np.array([[False, True, False, True], [True, False, False, False]])


def central_differences(f, arrays, epsilon=1e-6):
    found = []
    for index, array in enumerate(arrays):
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            values = []
            for sign in (1, -1):
                changed = [entry.copy() for entry in arrays]
                changed[index][place] += sign * epsilon
                values.append(float(f(*(ops.convert_to_tensor(entry) for entry in changed))))
            gradient[place] = (values[0] - values[1]) / (2 * epsilon)
        found.append(gradient)
    return found


def weighted_sum(outputs, states):
    """Make a scalar in which every output and state counts differently."""
    total = 0.0
    for number, tensor in enumerate([outputs, *states]):
        size = int(np.prod(tensor.shape))
        weights = np.cos(np.arange(size) + number).reshape(tuple(tensor.shape))
        total = total + ops.sum(tensor * ops.convert_to_tensor(weights))
    return total


def check(f, arrays, gradients):
    exact = gradients(f, arrays)
    for gradient, expected in zip(exact, central_differences(f, arrays), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-7)


@pytest.mark.parametrize("mask", [None, HOLES], ids=["full", "holes"])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"unroll": True}], ids=str)
def test_peephole_lstm(mask, options, gradients):
    random = np.random.default_rng(0)
    shapes = [
        (BATCH, TIME, FEATURES),
        (BATCH, UNITS),
        (BATCH, UNITS),
        (FEATURES, 4 * UNITS),
        (UNITS, 4 * UNITS),
        (4 * UNITS,),
        (3, UNITS),
    ]

    def f(inputs, h, c, *weights):
        return weighted_sum(*lstm(inputs, (h, c), *weights, mask=mask, **options))

    check(f, [random.normal(size=shape) for shape in shapes], gradients)


@pytest.mark.parametrize("mask", [None, HOLES], ids=["full", "holes"])
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru(mask, reset_after, gradients):
    random = np.random.default_rng(1)
    shapes = [
        (BATCH, TIME, FEATURES),
        (BATCH, UNITS),
        (FEATURES, 3 * UNITS),
        (UNITS, 3 * UNITS),
        (2, 3 * UNITS) if reset_after else (3 * UNITS,),
    ]

    def f(inputs, h, *weights):
        return weighted_sum(*gru(inputs, (h,), *weights, mask=mask, reset_after=reset_after))

    check(f, [random.normal(size=shape) for shape in shapes], gradients)


@pytest.mark.parametrize("blocked_query", [None, 1])
def test_attention(blocked_query, gradients):
    random = np.random.default_rng(2)
    mask = random.random((2, 3, 4)) > 0.3
    mask[:, :, 0] = True
    if blocked_query is not None:
        mask[:, blocked_query] = False

    def f(query, key, value):
        output, weights = attention(query, key, value, mask=mask)
        return weighted_sum(output, [weights])

    arrays = [random.normal(size=shape) for shape in ((2, 3, 5), (2, 4, 5), (2, 4, 2))]
    check(f, arrays, gradients)


@pytest.mark.parametrize("op", [lstm, gru])
def test_nan_in_masked_steps_reaches_nothing(op, gradients):
    random = np.random.default_rng(3)
    gates, states = (4, 2) if op is lstm else (3, 1)
    inputs = np.where(HOLES[..., None], random.normal(size=(BATCH, TIME, FEATURES)), np.nan)
    weights = [
        random.normal(size=(FEATURES, gates * UNITS)),
        random.normal(size=(UNITS, gates * UNITS)),
    ]

    def f(inputs, *weights):
        zeros = [np.zeros((BATCH, UNITS))] * states
        return weighted_sum(*op(inputs, zeros, *weights, mask=HOLES))

    for gradient in gradients(f, [inputs, *weights]):
        assert np.isfinite(gradient).all()


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="BlockLSTMV2 is an op of TensorFlow"
)
def test_peephole_lstm_equals_the_fused_op_of_tensorflow():
    import tensorflow as tf

    random = np.random.default_rng(4)
    inputs = random.normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    kernel = random.normal(size=(FEATURES, 4 * UNITS)).astype("float32")
    recurrent_kernel = random.normal(size=(UNITS, 4 * UNITS)).astype("float32")
    bias = random.normal(size=(4 * UNITS,)).astype("float32")
    peephole_kernel = random.normal(size=(3, UNITS)).astype("float32")
    zeros = np.zeros((BATCH, UNITS), "float32")
    fused = tf.raw_ops.BlockLSTMV2(
        seq_len_max=tf.constant(TIME, tf.int64),
        x=tf.transpose(inputs, (1, 0, 2)),
        cs_prev=zeros,
        h_prev=zeros,
        w=np.concatenate([kernel, recurrent_kernel]),
        wci=peephole_kernel[0],
        wcf=peephole_kernel[1],
        wco=peephole_kernel[2],
        b=bias,
        cell_clip=0.0,
        use_peephole=True,
    )

    outputs, (_, c) = lstm(inputs, (zeros, zeros), kernel, recurrent_kernel, bias, peephole_kernel)

    np.testing.assert_allclose(outputs, tf.transpose(fused.h, (1, 0, 2)), atol=1e-6)
    np.testing.assert_allclose(c, fused.cs[-1], atol=1e-6)
