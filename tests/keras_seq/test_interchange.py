"""Weights and models that move between Keras's layers and ours."""

import keras
import numpy as np
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
        [(p.name, p.default) for p in inspect.signature(getattr(source, kind)).parameters.values()]
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


def test_old_implementation_argument_changes_nothing():
    config = {**layers.GRU(3).get_config(), "implementation": 1}

    assert (
        layers.GRU.from_config(config).get_config()
        == layers.GRU(3, name=config["name"]).get_config()
    )
