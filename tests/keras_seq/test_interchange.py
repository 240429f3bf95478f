"""Weights and models that move between Keras's layers and ours."""

import keras
import numpy as np
import numpy_reference
import pytest

from keras_seq import layers

INPUTS = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], "bool")
to_numpy = keras.ops.convert_to_numpy


def rnn(kind, **kwargs):
    def build(source):
        return getattr(source, kind)(3, return_sequences=True, **kwargs)

    return build


def bidirectional(source):
    return source.Bidirectional(source.GRU(3, return_sequences=True))


def attention(**kwargs):
    class SelfAttention(keras.layers.Layer):
        def __init__(self, source):
            super().__init__()
            self.attention = source.MultiHeadAttention(2, 3, **kwargs)

        def build(self, shape):
            self.attention.build(shape, shape)

        def call(self, inputs):
            return self.attention(inputs, inputs)

    return SelfAttention


PAIRS = {
    "lstm": rnn("LSTM"),
    "lstm without bias": rnn("LSTM", use_bias=False),
    "lstm with dropout": rnn("LSTM", dropout=0.1, recurrent_dropout=0.2),
    "gru": rnn("GRU"),
    "gru reset before": rnn("GRU", reset_after=False),
    "bidirectional": bidirectional,
    "attention": attention(),
    "attention with gate": attention(use_gate=True, value_dim=2, dropout=0.1),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("to_keras", [True, False], ids=["to keras", "from keras"])
def test_weight_files(name, to_keras, tmp_path):
    ours, theirs = (
        keras.Sequential([keras.Input((5, 4)), PAIRS[name](source)])
        for source in (layers, keras.layers)
    )
    saved, loaded = (ours, theirs) if to_keras else (theirs, ours)
    saved.save_weights(tmp_path / "model.weights.h5")

    loaded.load_weights(tmp_path / "model.weights.h5")

    np.testing.assert_allclose(to_numpy(ours(INPUTS)), to_numpy(theirs(INPUTS)), atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_weights_have_the_same_shapes_and_order(name):
    ours, theirs = (PAIRS[name](source) for source in (layers, keras.layers))
    ours.build((2, 5, 4))
    theirs.build((2, 5, 4))

    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, w.shape) for w in theirs.weights]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "Bidirectional", "MultiHeadAttention"])
def test_takes_every_argument_of_keras(kind):
    import inspect

    ours, theirs = (
        [
            (parameter.name, parameter.default)
            for parameter in inspect.signature(getattr(source, kind)).parameters.values()
            if parameter.kind is not parameter.VAR_KEYWORD
        ]
        for source in (layers, keras.layers)
    )
    assert ours[: len(theirs)] == theirs


def test_weights_of_keras_lstm_fit_behind_the_peephole_lstm():
    ours = layers.PeepholeLSTM(3, use_peephole=False)
    theirs = keras.layers.LSTM(3)
    theirs.build((2, 5, 4))
    ours.build((2, 5, 4))

    ours.set_weights(theirs.get_weights())

    np.testing.assert_allclose(
        to_numpy(ours(INPUTS, mask=MASK)), to_numpy(theirs(INPUTS, mask=MASK)), atol=1e-6
    )


def from_addons(weights):
    """Do what the docstring of `PeepholeLSTM` says."""
    return [*weights[:-3], np.stack(weights[-3:])]


def test_weights_of_tensorflow_addons_give_its_reference_numbers():
    # Its only test: kernels of ones, which it takes for the peepholes too, and one step.
    units, ones = 5, np.ones
    forget_bias = np.repeat([0.0, 1.0, 0.0, 0.0], units)
    weights = [ones((4, 4 * units)), np.eye(units, 4 * units), forget_bias, *ones((3, units))]
    layer = layers.PeepholeLSTM(units)
    layer.build((None, None, 4))
    inputs = np.eye(5, 4, k=1).astype("float32")[:4]
    inputs[3] = 0.0

    layer.set_weights(from_addons(weights))

    expected = np.repeat([[0.417551], [0.417551], [0.417551], [0.0]], units, axis=1)
    np.testing.assert_allclose(to_numpy(layer(inputs[:, None])), expected, atol=1e-6)


@pytest.mark.parametrize("use_bias", [True, False])
def test_weights_of_tensorflow_addons_reach_their_gates(use_bias):
    random = np.random.default_rng(1)
    kernel, recurrent_kernel = random.normal(size=(4, 12)), random.normal(size=(3, 12))
    bias = random.normal(size=12) if use_bias else np.zeros(12)
    # In the order in which its cell creates them: input, forget and output gate.
    peepholes = list(random.normal(size=(3, 3)))
    layer = layers.PeepholeLSTM(3, use_bias=use_bias, return_sequences=True)
    layer.build((None, None, 4))

    weights = [kernel, recurrent_kernel, *([bias] if use_bias else []), *peepholes]
    layer.set_weights(from_addons(weights))

    expected, _ = numpy_reference.run(
        lambda x, state: numpy_reference.lstm_step(
            x, state, kernel, recurrent_kernel, bias, peepholes, np.tanh
        ),
        INPUTS,
        (np.zeros((2, 3)), np.zeros((2, 3))),
        np.ones((2, 5), "bool"),
    )
    np.testing.assert_allclose(to_numpy(layer(INPUTS)), expected, atol=1e-5)


def test_peephole_weights_survive_a_weight_file(tmp_path):
    def build():
        return keras.Sequential([keras.Input((5, 4)), layers.PeepholeLSTM(3)])

    saved, loaded = build(), build()
    saved.set_weights([np.full(weight.shape, 0.3) for weight in saved.weights])
    saved.save_weights(tmp_path / "model.weights.h5")

    loaded.load_weights(tmp_path / "model.weights.h5")

    np.testing.assert_array_equal(to_numpy(saved(INPUTS)), to_numpy(loaded(INPUTS)))


@pytest.mark.parametrize("cell", ["LSTMCell", "PeepholeLSTMCell", "GRUCell"])
@pytest.mark.parametrize("unroll", [False, True])
def test_cell_in_the_rnn_of_keras_equals_our_layer(cell, unroll):
    layer = getattr(layers, cell.removesuffix("Cell"))(3, return_sequences=True)
    layer.build(INPUTS.shape)
    in_keras = keras.layers.RNN(getattr(layers, cell)(3), return_sequences=True, unroll=unroll)
    in_keras.build(INPUTS.shape)
    in_keras.set_weights(layer.get_weights())

    np.testing.assert_allclose(to_numpy(layer(INPUTS)), to_numpy(in_keras(INPUTS)), atol=1e-6)


def test_cells_stack_and_train_with_dropout():
    cells = [
        getattr(layers, name)(3, dropout=0.5, recurrent_dropout=0.5, seed=1)
        for name in ("LSTMCell", "PeepholeLSTMCell", "GRUCell")
    ]
    model = keras.Sequential([keras.Input((5, 4)), keras.layers.RNN(cells)])
    model.compile("sgd", "mse")

    model.fit(INPUTS, np.zeros((2, 3)), epochs=2, verbose=0)

    restored = keras.layers.RNN.from_config(model.layers[0].get_config())
    assert [type(cell) for cell in restored.cell.cells] == [type(cell) for cell in cells]


def test_layer_runs_in_the_wrappers_of_keras():
    inner = layers.GRU(3, return_sequences=True)
    both = keras.layers.Bidirectional(layers.PeepholeLSTM(3))
    model = keras.Sequential(
        [
            keras.Input((2, 5, 4)),
            keras.layers.TimeDistributed(inner),
            keras.layers.TimeDistributed(both),
        ]
    )

    assert model(np.ones((1, 2, 5, 4))).shape == (1, 2, 6)
    assert isinstance(inner, keras.layers.RNN)


@pytest.mark.parametrize("kind", ["LSTM", "PeepholeLSTM", "GRU"])
@pytest.mark.parametrize("wrapper", [keras.layers.Bidirectional, layers.Bidirectional])
def test_cell_in_both_directions_equals_the_layer(kind, wrapper):
    ours = layers.Bidirectional(getattr(layers, kind)(3))
    cell = wrapper(keras.layers.RNN(getattr(layers, f"{kind}Cell")(3)))
    ours.build(INPUTS.shape)
    cell.build(INPUTS.shape)
    cell.set_weights(ours.get_weights())

    found, expected = cell(INPUTS, mask=MASK), ours(INPUTS, mask=MASK)

    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), atol=1e-6)


def test_stacked_cells_equal_stacked_layers():
    stack = keras.layers.RNN(
        keras.layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(2)]),
        return_sequences=True,
    )
    first, second = (
        layer(n, return_sequences=True)
        for layer, n in zip((layers.LSTM, layers.GRU), (3, 2), strict=True)
    )
    stack.build(INPUTS.shape)
    first.build(INPUTS.shape)
    second.build((2, 5, 3))
    first.set_weights(stack.get_weights()[:3])
    second.set_weights(stack.get_weights()[3:])

    expected = second(first(INPUTS))

    np.testing.assert_allclose(to_numpy(stack(INPUTS)), to_numpy(expected), atol=1e-6)


def test_old_implementation_argument_changes_nothing():
    config = {**layers.GRU(3).get_config(), "implementation": 1}

    assert (
        layers.GRU.from_config(config).get_config()
        == layers.GRU(3, name=config["name"]).get_config()
    )
