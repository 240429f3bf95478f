"""Layers under `keras.RematScope`: less memory, the same training."""

import contextlib

import keras
import numpy as np
import pytest

from keras_seq import layers

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(4, 6, 3)).astype("float32")
TARGETS = RANDOM.normal(size=(4, 4)).astype("float32")
MASK = RANDOM.random((4, 6)) > 0.3
LAYERS = {
    "lstm": lambda: layers.LSTM(4, dropout=0.3, recurrent_dropout=0.3, seed=1),
    "peephole": lambda: layers.PeepholeLSTM(4, peephole_initializer="ones"),
    "gru": lambda: layers.GRU(4, stateful=True),
    "bidirectional": lambda: layers.Bidirectional(layers.LSTM(2)),
}


def train(make, scope=None, jit_compile="auto"):
    keras.utils.set_random_seed(2)
    inputs = keras.Input(batch_shape=(4, 6, 3))
    mask = keras.Input(batch_shape=(4, 6), dtype="bool")
    with scope or contextlib.nullcontext():
        layer = make()
    model = keras.Model([inputs, mask], layer(inputs, mask=mask))
    model.compile("sgd", "mse", jit_compile=jit_compile)
    model.fit([INPUTS, MASK], TARGETS, epochs=2, verbose=0)
    return layer.get_weights()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mode", ["full", "activations"])
def test_trains_as_without(name, mode, monkeypatch):
    expected = train(LAYERS[name])
    wrapped = []
    remat = keras.remat
    monkeypatch.setattr(keras, "remat", lambda f: wrapped.append(f) or remat(f))

    found = train(LAYERS[name], keras.RematScope(mode=mode))

    assert wrapped
    for weight, expected_weight in zip(found, expected, strict=True):
        np.testing.assert_allclose(weight, expected_weight, atol=1e-6)


@pytest.mark.skipif(keras.config.backend() == "torch", reason="compiles for minutes")
def test_trains_as_without_when_compiled():
    expected = train(LAYERS["lstm"], jit_compile=True)

    found = train(LAYERS["lstm"], keras.RematScope(mode="full"), jit_compile=True)

    for weight, expected_weight in zip(found, expected, strict=True):
        np.testing.assert_allclose(weight, expected_weight, atol=1e-6)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"mode": "larger_than", "output_size_threshold": 10**6}, False),
        ({"mode": "list_of_layers", "layer_names": ["this"]}, True),
        ({"mode": "list_of_layers", "layer_names": ["that"]}, False),
    ],
)
def test_only_the_layers_of_the_scope(scope, expected):
    with keras.RematScope(**scope):
        layer = layers.GRU(4, name="this")

    layer(INPUTS)

    assert layer.rematerialize is expected


@pytest.mark.skipif(keras.config.backend() == "torch", reason="an error on TensorFlow and JAX")
def test_lstm_of_keras_cannot_be_trained_under_it():
    with pytest.raises((ValueError, RuntimeError)):
        train(lambda: keras.layers.LSTM(4), keras.RematScope(mode="full"))


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="an error on TensorFlow")
def test_no_model_that_is_itself_made_under_it_can_be_trained():
    # Keras then rematerializes the call of the whole model, whatever its layers are.
    with keras.RematScope(mode="full"):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("sgd", "mse")

    with pytest.raises((ValueError, RuntimeError)):
        model.fit(INPUTS[:, 0], TARGETS, verbose=0)
