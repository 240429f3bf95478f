"""Gradients against differences of a NumPy loop in float64, and against an op of TensorFlow."""

import keras
import numpy as np
import numpy_reference
import pytest
from keras import ops

from keras_seq.layers import PeepholeLSTM
from keras_seq.ops import attention, gru, lstm

BATCH, TIME, FEATURES, UNITS = 2, 4, 2, 3
HOLES = np.array([[False, True, False, True], [True, False, False, False]])
FULL = np.ones((BATCH, TIME), "bool")
FUSED = pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="BlockLSTMV2 and BlockLSTMGradV2 are ops of TensorFlow",
)


def central_differences(f, arrays, epsilon=1e-6):
    found = []
    for index, array in enumerate(arrays):
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            values = []
            for sign in (1, -1):
                changed = [entry.copy() for entry in arrays]
                changed[index][place] += sign * epsilon
                values.append(f(*changed))
            gradient[place] = (values[0] - values[1]) / (2 * epsilon)
        found.append(gradient)
    return found


def weighted_sum(outputs, others, total, convert=np.asarray):
    """Make a scalar in which every entry counts differently."""
    scalar = 0.0
    for number, tensor in enumerate([outputs, *others]):
        size = int(np.prod(tensor.shape))
        weights = np.cos(np.arange(size) + number).reshape(tuple(tensor.shape))
        scalar = scalar + total(tensor * convert(weights, "float64"))
    return scalar


def check(op, reference, shapes, gradients):
    """Compare the gradients of `op` with the differences of `reference`, a NumPy function."""
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape) for shape in shapes]
    expected = central_differences(lambda *x: weighted_sum(*reference(*x), np.sum), arrays)

    found = gradients(
        lambda *x: weighted_sum(*op(*x), ops.sum, ops.convert_to_tensor),
        arrays,
    )

    for gradient, expected_gradient in zip(found, expected, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, atol=1e-7)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mask", [None, HOLES], ids=["full", "holes"])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"unroll": True}], ids=str)
def test_peephole_lstm(mask, options, gradients):
    shapes = [
        (BATCH, TIME, FEATURES),
        (BATCH, UNITS),
        (BATCH, UNITS),
        (FEATURES, 4 * UNITS),
        (UNITS, 4 * UNITS),
        (4 * UNITS,),
        (3, UNITS),
    ]

    def reference(inputs, h, c, *weights):
        return numpy_reference.run(
            lambda x, state: numpy_reference.lstm_step(x, state, *weights, np.tanh),
            inputs,
            (h, c),
            FULL if mask is None else mask,
            options.get("go_backwards", False),
        )

    check(
        lambda x, h, c, *weights: lstm(x, (h, c), *weights, mask=mask, **options),
        reference,
        shapes,
        gradients,
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mask", [None, HOLES], ids=["full", "holes"])
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru(mask, reset_after, gradients):
    shapes = [
        (BATCH, TIME, FEATURES),
        (BATCH, UNITS),
        (FEATURES, 3 * UNITS),
        (UNITS, 3 * UNITS),
        (2, 3 * UNITS) if reset_after else (3 * UNITS,),
    ]

    def reference(inputs, h, kernel, recurrent_kernel, bias):
        bias, recurrent_bias = bias if reset_after else (bias, np.zeros_like(bias))
        return numpy_reference.run(
            lambda x, state: numpy_reference.gru_step(
                x, state, kernel, recurrent_kernel, bias, recurrent_bias, reset_after
            ),
            inputs,
            (h,),
            FULL if mask is None else mask,
        )

    check(
        lambda x, h, *weights: gru(x, (h,), *weights, mask=mask, reset_after=reset_after),
        reference,
        shapes,
        gradients,
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("blocked_query", [None, 1])
def test_attention(blocked_query, gradients):
    mask = np.random.default_rng(2).random((2, 3, 4)) > 0.3
    mask[:, :, 0] = True
    if blocked_query is not None:
        mask[:, blocked_query] = False

    def reference(query, key, value):
        exponentials = np.exp(query @ key.swapaxes(1, 2) / np.sqrt(5)) * mask
        weights = exponentials / np.maximum(exponentials.sum(-1, keepdims=True), 1e-30)
        return weights @ value, [weights]

    def op(query, key, value):
        output, weights = attention(query, key, value, mask=mask)
        return output, [weights]

    check(op, reference, [(2, 3, 5), (2, 4, 5), (2, 4, 2)], gradients)


@pytest.mark.usefixtures("float64")
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
        return weighted_sum(
            *op(inputs, zeros, *weights, mask=HOLES), ops.sum, ops.convert_to_tensor
        )

    for gradient in gradients(f, [inputs, *weights]):
        assert np.isfinite(gradient).all()


def fused_lstm(inputs, h, c, kernel, recurrent_kernel, bias, peephole_kernel):
    """Return the gates, states and outputs of TensorFlow's op, and all it took but a cell clip."""
    import tensorflow as tf

    taken = {
        "seq_len_max": tf.constant(inputs.shape[1], tf.int64),
        "x": tf.transpose(inputs, (1, 0, 2)),
        "cs_prev": c,
        "h_prev": h,
        "w": np.concatenate([kernel, recurrent_kernel]),
        "wci": peephole_kernel[0],
        "wcf": peephole_kernel[1],
        "wco": peephole_kernel[2],
        "b": bias,
        "use_peephole": True,
    }
    return tf.raw_ops.BlockLSTMV2(cell_clip=0.0, **taken), taken


def random_peephole_lstm(batch, time, features, units):
    """Return inputs, both states and all weights, in the order of `keras_seq.ops.lstm`."""
    random = np.random.default_rng(4)
    shapes = [
        (batch, time, features),
        (batch, units),
        (batch, units),
        (features, 4 * units),
        (units, 4 * units),
        (4 * units,),
        (3, units),
    ]
    return [random.normal(size=shape).astype("float32") for shape in shapes]


@FUSED
def test_peephole_lstm_equals_the_fused_op_of_tensorflow():
    import tensorflow as tf

    arrays = random_peephole_lstm(BATCH, TIME, FEATURES, UNITS)
    fused, _ = fused_lstm(*arrays)

    inputs, h, c, *weights = arrays
    outputs, (_, c) = lstm(inputs, (h, c), *weights)

    np.testing.assert_allclose(outputs, tf.transpose(fused.h, (1, 0, 2)), atol=1e-6)
    np.testing.assert_allclose(c, fused.cs[-1], atol=1e-6)


@FUSED
@pytest.mark.parametrize("sizes", [(BATCH, TIME, FEATURES, UNITS), (3, 12, 5, 4), (1, 1, 1, 1)])
@pytest.mark.parametrize("options", [{}, {"unroll": True}], ids=str)
@pytest.mark.parametrize("by_layer", [False, True])
def test_peephole_lstm_has_the_gradients_of_the_fused_op(sizes, options, by_layer, gradients):
    import tensorflow as tf

    arrays = random_peephole_lstm(*sizes)
    random = np.random.default_rng(5)
    batch, time, features, units = sizes
    h_gradient = random.normal(size=(batch, time, units)).astype("float32")
    c_gradient = random.normal(size=(batch, units)).astype("float32")
    fused, taken = fused_lstm(*arrays)
    cs_gradient = np.zeros((time, batch, units), "float32")
    cs_gradient[-1] = c_gradient
    found = tf.raw_ops.BlockLSTMGradV2(
        **taken,
        **fused._asdict(),
        cs_grad=cs_gradient,
        h_grad=tf.transpose(h_gradient, (1, 0, 2)),
    )
    expected = [
        tf.transpose(found.x_grad, (1, 0, 2)),
        found.h_prev_grad,
        found.cs_prev_grad,
        found.w_grad[:features],
        found.w_grad[features:],
        found.b_grad,
        tf.stack([found.wci_grad, found.wcf_grad, found.wco_grad]),
    ]
    layer = PeepholeLSTM(units, return_sequences=True, return_state=True, **options)
    layer.build((batch, time, features))

    def loss(inputs, h, c, *weights):
        if by_layer:
            (outputs, _, c), _ = layer.stateless_call(
                list(weights), layer.non_trainable_variables, inputs, initial_state=[h, c]
            )
        else:
            outputs, (_, c) = lstm(inputs, (h, c), *weights, **options)
        return ops.sum(outputs * h_gradient) + ops.sum(c * c_gradient)

    for gradient, expected_gradient in zip(gradients(loss, arrays), expected, strict=True):
        assert np.abs(expected_gradient).max() > 1e-3
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-5)
