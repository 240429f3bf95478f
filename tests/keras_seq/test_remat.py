"""Layers under `keras.RematScope`: less memory, the same training."""

import contextlib
import os
import shutil

import keras
import numpy as np
import pytest
from test_layer_gradients import CASES, scalar

from keras_seq import layers

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(4, 6, 3)).astype("float32")
TARGETS = RANDOM.normal(size=(4, 4)).astype("float32")
to_numpy = keras.ops.convert_to_numpy
MASK = RANDOM.random((4, 6)) > 0.3
LAYERS = {
    "lstm": lambda: layers.LSTM(4, dropout=0.3, recurrent_dropout=0.3, seed=1),
    "peephole": lambda: layers.PeepholeLSTM(4, peephole_initializer="ones"),
    "gru": lambda: layers.GRU(4, stateful=True),
    "bidirectional": lambda: layers.Bidirectional(layers.LSTM(2)),
}


STEPS = RANDOM.normal(size=(4, 6, 4)).astype("float32")


def products(x, place):
    """Return a bias of the scores, or weights of earlier keys, that have gradients."""
    # Without a scope that the layer is called in: it would hold for these operations too.
    with keras.RematScope(mode=None):
        return keras.ops.matmul(x, keras.ops.swapaxes(x, 1, 2))[place]


# How to make a layer, how to call it with a sequence and a mask, and whether it has something to
# compute again.
OTHERS = {
    "attention": (
        lambda **kwargs: layers.Attention(use_scale=True, dropout=0.3, seed=1, **kwargs),
        lambda layer, x, mask: layer([x, x], mask=[mask, mask], use_causal_mask=True),
        True,
    ),
    "location_aware": (
        lambda **kwargs: layers.Attention("location_aware", filters=2, kernel_size=3, **kwargs),
        lambda layer, x, mask: layer(
            [x, x], mask=[mask, None], previous_alignments=products(x, np.s_[:, 0])
        ),
        True,
    ),
    "heads": (
        lambda **kwargs: layers.MultiHeadAttention(2, 2, dropout=0.3, seed=1, **kwargs),
        lambda layer, x, mask: layer(x, x, value_mask=mask, use_causal_mask=True),
        True,
    ),
    "extended_heads": (
        lambda **kwargs: layers.MultiHeadAttention(
            2, 2, use_gate=True, qk_norm=True, num_key_value_heads=1, position="rotary", **kwargs
        ),
        lambda layer, x, mask: layer(x, x, attention_bias=products(x, np.s_[:, None])),
        True,
    ),
    "self_attention": (
        lambda **kwargs: layers.MultiHeadSelfAttention(2, 2, dropout=0.3, seed=1, **kwargs),
        lambda layer, x, mask: layer(x, mask=mask),
        True,
    ),
    "block": (
        lambda **kwargs: layers.TransformerBlock(8, 2, dropout=0.3, seed=1, **kwargs),
        lambda layer, x, mask: layer(x, padding_mask=mask, return_attention_scores=True)[0],
        True,
    ),
    "attention_rnn": (
        lambda **kwargs: layers.AttentionRNN(
            layers.LSTMCell(4, dropout=0.3, recurrent_dropout=0.3, seed=2),
            layers.Attention("location_aware", filters=2, kernel_size=3, dropout=0.3, seed=1),
            "luong",
            **kwargs,
        ),
        lambda layer, x, mask: layer(x, x, sequences_mask=mask, memory_mask=mask),
        True,
    ),
    "gated_block": (
        lambda **kwargs: layers.TransformerBlock(
            8, 2, gated_feedforward=True, normalization="rms", **kwargs
        ),
        lambda layer, x, mask: layer(x, padding_mask=mask),
        True,
    ),
    "decoder_block": (
        lambda **kwargs: layers.TransformerDecoderBlock(8, 2, dropout=0.3, seed=1, **kwargs),
        lambda layer, x, mask: layer(x, x, encoder_padding_mask=mask),
        True,
    ),
    "rotary": (layers.RotaryEmbedding, lambda layer, x, mask: layer(x, start_index=3), False),
    "sines": (
        layers.SinusoidalPositionEncoding,
        lambda layer, x, mask: layer(x, start_index=3),
        False,
    ),
    "positions": (
        lambda **kwargs: layers.PositionEmbedding(9, **kwargs),
        lambda layer, x, mask: layer(x, start_index=3),
        False,
    ),
}


def train_between(make, call, scope=None, builds=False):
    """Train a layer behind another, whose weights need its gradient, and return all weights."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input(batch_shape=(4, 6, 4))
    mask = keras.Input(batch_shape=(4, 6), dtype="bool")
    hidden = keras.layers.Dense(4)(inputs)
    with scope or contextlib.nullcontext():
        layer = make()
        outputs = call(layer, hidden, mask) if builds else None
    outputs = call(layer, hidden, mask) if outputs is None else outputs
    model = keras.Model([inputs, mask], outputs)
    model.compile("sgd", "mse")
    model.fit([STEPS, MASK], STEPS[::-1], epochs=2, verbose=0)
    return [to_numpy(keras.ops.cast(weight, "float32")) for weight in model.weights]


def masked(layer, x, mask):
    return layer(x, mask=mask)


def assert_close(found, expected, atol=1e-6):
    for weight, expected_weight in zip(found, expected, strict=True):
        np.testing.assert_allclose(weight, expected_weight, atol=atol)


def train(make, scope=None, jit_compile="auto", steps=6):
    keras.utils.set_random_seed(2)
    inputs = keras.Input(batch_shape=(4, steps, 3))
    mask = keras.Input(batch_shape=(4, steps), dtype="bool")
    with scope or contextlib.nullcontext():
        layer = make()
    model = keras.Model([inputs, mask], layer(inputs, mask=mask))
    model.compile("sgd", "mse", jit_compile=jit_compile)
    model.fit([INPUTS[:, :steps], MASK[:, :steps]], TARGETS, epochs=2, verbose=0)
    return layer.get_weights()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mode", ["full", "activations"])
def test_trains_as_without(name, mode, wrapped):
    expected = train(LAYERS[name])
    assert not wrapped

    found = train(LAYERS[name], keras.RematScope(mode=mode))

    assert wrapped
    assert_close(found, expected)


@pytest.fixture
def wrapped(monkeypatch):
    """Return the list of what is rematerialized from now on."""
    found, remat = [], keras.remat
    monkeypatch.setattr(keras, "remat", lambda f: found.append(f) or remat(f))
    return found


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("builds", [False, True], ids=["made", "called"])
def test_attention_and_positions_train_as_without(name, builds, wrapped):
    make, call, computes_again = OTHERS[name]
    expected = train_between(make, call)
    assert not wrapped

    found = train_between(make, call, keras.RematScope(mode="full"), builds)

    assert bool(wrapped) is computes_again
    assert_close(found, expected)


@pytest.mark.parametrize("name", [name for name in OTHERS if OTHERS[name][2]])
def test_a_layer_of_the_scope_brings_its_parts(name, wrapped):
    make, call, _ = OTHERS[name]
    expected = train_between(make, call)

    for listed in ("this", "that"):
        scope = keras.RematScope(mode="list_of_layers", layer_names=[listed])
        found = train_between(lambda: make(name="this"), call, scope)
        assert_close(found, expected)
        assert bool(wrapped) is (listed == "this")
        wrapped.clear()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("peephole", "float32"),
        ("gru", "float32"),
        ("both_joined", "float32"),
        ("location_aware", "float32"),
        ("heads_extended", "float32"),
        ("block", "float32"),
        ("block", "mixed_bfloat16"),
        ("peephole", "mixed_bfloat16"),
    ],
)
def test_gradients_of_a_stateless_call_are_as_without(name, dtype, differentiate, wrapped):
    f, arrays = scalar(CASES[name], dtype)
    arrays = [array.astype("float32") for array in arrays]
    value, gradients = differentiate(f)(*arrays)
    assert not wrapped

    f, _ = scalar(CASES[name], dtype, keras.RematScope(mode="full"))
    again, found = differentiate(f)(*arrays)

    assert wrapped
    # In half precision, what XLA fuses in another order rounds differently.
    tolerance = 1e-5 if dtype == "float32" else 0.05
    np.testing.assert_allclose(again, value, rtol=tolerance, atol=tolerance)
    for gradient, expected in zip(found, gradients, strict=True):
        difference = np.linalg.norm(gradient - expected)
        assert difference <= tolerance * max(1, np.linalg.norm(expected))


@pytest.mark.parametrize("name", ["lstm", "gru", "location_aware", "heads", "block"])
def test_mixed_precision_trains_as_without(name, wrapped):
    make, call, _ = {
        "lstm": (lambda **kwargs: layers.LSTM(4, return_sequences=True, **kwargs), masked, True),
        "gru": (lambda **kwargs: layers.GRU(4, return_sequences=True, **kwargs), masked, True),
        **OTHERS,
    }[name]

    def make_mixed():
        return make(dtype="mixed_bfloat16")

    expected = train_between(make_mixed, call)

    found = train_between(make_mixed, call, keras.RematScope(mode="full"))

    assert wrapped
    # Compiled in another order, it rounds differently.
    assert_close(found, expected, atol=5e-3)


@pytest.mark.slow  # On PyTorch, where `torch.compile` takes about 20 seconds.
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    keras.config.backend() == "torch" and not shutil.which(os.environ.get("CXX", "g++")),
    reason="`torch.compile` needs a compiler of C++",
)
def test_trains_as_without_when_compiled():
    # What TensorFlow drops depends on whether it compiles; what PyTorch drops does not.
    compiled = keras.config.backend() != "torch"
    # Few steps: `torch.compile` unrolls a loop over them.
    expected = train(LAYERS["lstm"], jit_compile=compiled, steps=2)

    found = train(LAYERS["lstm"], keras.RematScope(mode="full"), jit_compile=True, steps=2)

    assert_close(found, expected)


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


@pytest.mark.parametrize("name", ["Dense", "Attention", "MultiHeadAttention"])
def test_layers_of_keras_under_it(name):
    make, call = {
        "Dense": (lambda: keras.layers.Dense(4), lambda layer, x, mask: layer(x)),
        "Attention": (keras.layers.Attention, lambda layer, x, mask: layer([x, x])),
        "MultiHeadAttention": (
            lambda: keras.layers.MultiHeadAttention(2, 2),
            lambda layer, x, mask: layer(x, x),
        ),
    }[name]
    scope = keras.RematScope(mode="full")
    fails = {"tensorflow": True, "jax": name == "Attention", "torch": False}

    if fails[keras.config.backend()]:
        with pytest.raises((ValueError, RuntimeError)):
            train_between(make, call, scope)
    else:
        assert_close(train_between(make, call, scope), train_between(make, call))


@pytest.mark.skipif(keras.config.backend() != "torch", reason="an error on TensorFlow and JAX")
def test_dropout_of_keras_has_other_gradients_under_it():
    def make():
        return keras.layers.Dropout(0.3, seed=1)

    def call(layer, x, mask):
        return layer(x)

    found = train_between(make, call, keras.RematScope(mode="full"))

    # Computed again, it drops other values.
    expected = train_between(make, call)
    assert max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True)) > 1e-3


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="an error on TensorFlow")
def test_no_model_that_is_itself_made_under_it_can_be_trained():
    # Keras then rematerializes the call of the whole model, whatever its layers are.
    with keras.RematScope(mode="full"):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("sgd", "mse")

    with pytest.raises((ValueError, RuntimeError)):
        model.fit(INPUTS[:, 0], TARGETS, verbose=0)
