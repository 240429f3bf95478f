"""Numbers that other implementations gave."""

import keras
import numpy as np
import pytest

from keras_seq.layers import GRU, LSTM, LSTMCell, PeepholeLSTM, PeepholeLSTMCell

SEQUENCE = np.arange(72).reshape(3, 6, 4).astype("float32")
SHORT = np.arange(24).reshape(2, 4, 3).astype("float32")
STATE = np.arange(4).reshape(2, 2).astype("float32")
to_numpy = keras.ops.convert_to_numpy


def constant(cls, units, peephole=None, **kwargs):
    if cls is PeepholeLSTM:
        kwargs["peephole_initializer"] = keras.initializers.Constant(peephole)
    return cls(
        units,
        kernel_initializer=keras.initializers.Constant(0.01),
        recurrent_initializer=keras.initializers.Constant(0.02),
        bias_initializer=keras.initializers.Constant(0.03),
        **kwargs,
    )


def first_column(output):
    return to_numpy(output)[..., 0]


@pytest.mark.parametrize(
    ("cls", "peephole", "kwargs", "expected"),
    [
        (PeepholeLSTM, 0.0, {}, [0.62886867, 0.86899145, 0.94607728]),
        (PeepholeLSTM, 0.05, {}, [0.64500630, 0.88948809, 0.95783777]),
        (PeepholeLSTM, 0.05, {"go_backwards": True}, [0.37499968, 0.78044364, 0.91022641]),
        (PeepholeLSTM, 0.05, {"unit_forget_bias": False}, [0.58453726, 0.88407141, 0.95688767]),
        (PeepholeLSTM, 0.05, {"use_bias": False}, [0.56342748, 0.88030239, 0.95554933]),
        (PeepholeLSTM, 0.05, {"use_peephole": False}, [0.6288687, 0.86899155, 0.9460773]),
        (LSTM, None, {}, [0.6288687, 0.86899155, 0.9460773]),
        (LSTM, None, {"go_backwards": True}, [0.35622165, 0.74789524, 0.8872726]),
        (LSTM, None, {"unit_forget_bias": False}, [0.57019705, 0.8661914, 0.9459622]),
        (LSTM, None, {"use_bias": False}, [0.54986924, 0.86226785, 0.9443936]),
        (LSTM, None, {"unroll": True}, [0.6288687, 0.86899155, 0.9460773]),
        (GRU, None, {}, [0.5217289, 0.6371659, 0.39384964]),
        (GRU, None, {"go_backwards": True}, [0.24406259, 0.611516, 0.3928808]),
        (GRU, None, {"reset_after": False}, [0.51447755, 0.6426879, 0.40208298]),
        (GRU, None, {"use_bias": False}, [0.49988455, 0.64701194, 0.4103359]),
        (GRU, None, {"unroll": True}, [0.5217289, 0.6371659, 0.39384964]),
    ],
)
def test_last_output(cls, peephole, kwargs, expected):
    layer = constant(cls, 3, peephole, **kwargs)

    np.testing.assert_allclose(first_column(layer(SEQUENCE)), expected, atol=1e-5)


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize(
    ("cls", "peephole", "mask", "expected"),
    [
        (
            PeepholeLSTM,
            0.05,
            [[1, 1, 1, 0], [1, 1, 0, 0]],
            [
                [0.0159010, 0.0556890, 0.1183552, 0.1183552],
                [0.1425288, 0.2890819, 0.2890819, 0.2890819],
            ],
        ),
        (
            LSTM,
            None,
            [[1, 1, 1, 0], [1, 1, 0, 0]],
            [
                [0.01588910, 0.05552048, 0.11755939, 0.11755939],
                [0.14185596, 0.28556206, 0.28556206, 0.28556206],
            ],
        ),
        (
            GRU,
            None,
            [[1, 1, 0, 1], [1, 0, 0, 1]],
            [
                [0.03606692, 0.09497581, 0.09497581, 0.19393763],
                [0.16051409, 0.16051409, 0.16051409, 0.30818558],
            ],
        ),
    ],
)
def test_masked_sequence(cls, peephole, mask, expected, unroll):
    layer = constant(cls, 2, peephole, return_sequences=True, unroll=unroll)

    output = layer(SHORT, mask=np.array(mask, "bool"))

    np.testing.assert_allclose(first_column(output), expected, atol=1e-5)


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize(
    ("cls", "mask", "expected"),
    [
        (LSTM, [[0, 1, 1, 1], [0, 0, 1, 1]], [0.15341201, 0.3844719]),
        (GRU, [[1, 1, 0, 1], [1, 0, 0, 1]], [0.11669192, 0.28380975]),
    ],
)
def test_masked_backwards(cls, mask, expected, unroll):
    layer = constant(cls, 2, go_backwards=True, unroll=unroll)

    output = layer(SHORT, mask=np.array(mask, "bool"))

    np.testing.assert_allclose(first_column(output), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("cls", "peephole", "kwargs", "expected"),
    [
        (PeepholeLSTM, 0.05, {}, [[0.2084190, 0.3690134], [0.6772399, 0.6952013]]),
        (LSTM, None, {}, [[0.20574439, 0.3558822], [0.64930826, 0.66276]]),
        (
            LSTM,
            None,
            {"go_backwards": True},
            [[0.13281618, 0.2790356], [0.5839337, 0.5992567]],
        ),
        (GRU, None, {}, [[0.23774096, 0.33508456], [0.83659905, 1.0227708]]),
        (
            GRU,
            None,
            {"go_backwards": True},
            [[0.13486053, 0.23261218], [0.78257304, 0.9691353]],
        ),
    ],
)
def test_initial_state(cls, peephole, kwargs, expected):
    layer = constant(cls, 2, peephole, **kwargs)
    state = STATE if cls is GRU else [STATE, STATE]

    np.testing.assert_allclose(to_numpy(layer(SHORT, initial_state=state)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("cls", "expected"),
    [(LSTM, [0.3124785, 0.6863672]), (GRU, [0.29542392, 0.5885018])],
)
def test_second_call_of_a_stateful_layer(cls, expected):
    sequence = np.arange(24).reshape(2, 3, 4).astype("float32")
    layer = constant(cls, 4, stateful=True)
    layer(sequence)

    np.testing.assert_allclose(first_column(layer(sequence)), expected, atol=1e-5)


def test_peephole_of_the_output_gate_sees_the_new_cell_state():
    inputs = np.eye(5, 4, k=1).astype("float32")[:4]
    inputs[3] = 0.0
    cell = PeepholeLSTMCell(
        5,
        kernel_initializer="ones",
        recurrent_initializer="orthogonal",
        peephole_initializer="ones",
    )
    state = [np.zeros((4, 5), "float32")] * 2

    output, _ = cell(inputs, state)

    # TensorFlow Addons' only test of its cell; 0.369606 if the gate saw the old cell state.
    expected = np.repeat([[0.417551], [0.417551], [0.417551], [0.0]], 5, axis=1)
    np.testing.assert_allclose(to_numpy(output), expected, atol=1e-6)


def test_peepholes_of_zero_equal_the_lstm_of_keras():
    ours = PeepholeLSTM(5, return_sequences=True, return_state=True)
    theirs = keras.layers.LSTM(5, return_sequences=True, return_state=True)
    ours.build(SEQUENCE.shape)
    theirs.build(SEQUENCE.shape)
    theirs.set_weights(ours.get_weights()[:3])

    for a, b in zip(ours(SEQUENCE / 72), theirs(SEQUENCE / 72), strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


@pytest.mark.parametrize("cls", [LSTM, LSTMCell, PeepholeLSTM, PeepholeLSTMCell])
@pytest.mark.parametrize(("unit_forget_bias", "forget"), [(True, 1.0), (False, 0.5)])
def test_unit_forget_bias_leaves_the_other_gates_to_the_initializer(cls, unit_forget_bias, forget):
    initializer = keras.initializers.Constant(0.5)
    layer = cls(2, bias_initializer=initializer, unit_forget_bias=unit_forget_bias)

    layer.build((None, None, 3) if cls in (LSTM, PeepholeLSTM) else (None, 3))

    expected = np.repeat([0.5, forget, 0.5, 0.5], 2)
    np.testing.assert_array_equal(to_numpy(layer.weights[2]), expected)


def test_linear_output_activation_leaves_the_cell_state_unsquashed():
    layer = constant(PeepholeLSTM, 2, 0.05, output_activation="linear", return_state=True)
    same = constant(PeepholeLSTM, 2, 0.05, return_state=True)

    (h, _, c), (tanh_h, _, tanh_c) = layer(SHORT[:, :1]), same(SHORT[:, :1])

    np.testing.assert_allclose(to_numpy(c), to_numpy(tanh_c), atol=1e-6)
    np.testing.assert_allclose(
        to_numpy(h) * np.tanh(to_numpy(c)), to_numpy(tanh_h) * to_numpy(c), atol=1e-6
    )
