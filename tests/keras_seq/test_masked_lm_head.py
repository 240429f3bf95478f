"""The head for masked tokens: the loop, one weight for both ends, files and bad input."""

import keras
import numpy as np
import pytest
from keras.src.testing import TestCase

from keras_seq.layers import MaskedLMHead

RANDOM = np.random.default_rng(0)
HIDDEN = RANDOM.normal(size=(2, 5, 3)).astype("float32")
POSITIONS = np.array([[4, 0, 0], [1, 2, 3]])
to_numpy = keras.ops.convert_to_numpy


def embedding(**kwargs):
    return keras.layers.ReversibleEmbedding(7, 4, name="tokens", **kwargs)


def weights_of(layer):
    """Give the layer random weights, and return them by their path."""
    found = {}
    for weight in layer.weights:
        value = RANDOM.normal(size=weight.shape).astype("float32")
        weight.assign(value)
        found["/".join(weight.path.split("/")[-2:])] = value.astype("float64")
    return found


def softmax(x):
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("activation", [None, "softmax"])
def test_equals_the_loop(tied, activation):
    token_embedding = embedding() if tied else None
    layer = MaskedLMHead(
        7, token_embedding, "tanh", activation, layer_norm_epsilon=0.5, name="head"
    )
    layer.build(HIDDEN.shape, POSITIONS.shape)
    weights = weights_of(layer)
    table = token_embedding.get_weights()[0].T if tied else weights["head/output_kernel"]

    output = to_numpy(layer(HIDDEN, POSITIONS))

    for row, place in np.ndindex(POSITIONS.shape):
        x = HIDDEN[row, POSITIONS[row, place]].astype("float64")
        h = np.tanh(x @ weights["intermediate_dense/kernel"] + weights["intermediate_dense/bias"])
        h = (h - h.mean()) / np.sqrt(h.var() + 0.5) * weights["intermediate_layer_norm/gamma"]
        h = h + weights["intermediate_layer_norm/beta"]
        expected = h @ table + weights["head/output_bias"]
        expected = softmax(expected) if activation else expected
        np.testing.assert_allclose(output[row, place], expected, atol=1e-5)


def model_of(token_embedding):
    """Return a model that embeds tokens and predicts them by the same embedding."""
    tokens = keras.Input((5,), dtype="int32")
    positions = keras.Input((None,), dtype="int32")
    head = MaskedLMHead(None, token_embedding, intermediate_activation="tanh", name="head")
    return keras.Model([tokens, positions], head(token_embedding(tokens), positions))


def test_shared_weight_gets_the_gradients_of_both_ends(gradients):
    tied, untied = model_of(embedding()), model_of(embedding(tie_weights=False))
    tokens = RANDOM.integers(0, 7, (2, 5))
    factors = RANDOM.normal(size=(2, 3, 7)).astype("float32")
    values = weights_of(tied)
    table = values["tokens/embeddings"]

    def gradients_of(model, *others):
        def f(*weights):
            scope = list(zip(model.weights, weights, strict=True))
            with keras.StatelessScope(state_mapping=scope):
                return keras.ops.sum(keras.ops.multiply(model([tokens, POSITIONS]), factors))

        arrays = [
            others[weight.name == "reverse_embeddings"]
            if "embeddings" in weight.name
            else values["/".join(weight.path.split("/")[-2:])]
            for weight in model.weights
        ]
        found = gradients(f, [array.astype("float32") for array in arrays])
        return {w.name: g for w, g in zip(model.weights, found, strict=True)}

    both = gradients_of(tied, table)["embeddings"]
    one = gradients_of(untied, table, table.T)

    assert np.abs(one["embeddings"]).max() > 0.01
    assert np.abs(one["reverse_embeddings"]).max() > 0.01
    expected = one["embeddings"] + one["reverse_embeddings"].T
    np.testing.assert_allclose(both, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_shared_weight_stays_one_in_a_file(name, tmp_path):
    model = model_of(embedding())
    weights_of(model)
    tokens = RANDOM.integers(0, 7, (2, 5))
    if name.endswith(".keras"):
        model.save(tmp_path / name)
        loaded = keras.saving.load_model(tmp_path / name)
    else:
        model.save_weights(tmp_path / name)
        loaded = model_of(embedding())
        loaded.load_weights(tmp_path / name)

    assert loaded.get_layer("head").token_embedding is loaded.get_layer("tokens")
    assert len({id(weight) for weight in loaded.weights}) == len(model.weights) == 6
    inputs = [tokens, POSITIONS]
    np.testing.assert_array_equal(to_numpy(loaded(inputs)), to_numpy(model(inputs)))


def test_copying_layer_by_layer_makes_two_of_a_shared_weight():
    copy = keras.models.clone_model(model_of(embedding()))

    assert len(copy.weights) == 7


@pytest.mark.parametrize("tied", [True, False])
def test_configuration_of_a_copy_is_the_same(tied):
    layer = MaskedLMHead(token_embedding=embedding()) if tied else MaskedLMHead(7)

    TestCase().run_class_serialization_test(layer)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_dtypes(tied, dtype):
    layer = MaskedLMHead(7, embedding(dtype=dtype) if tied else None, dtype=dtype)

    output = layer(HIDDEN, POSITIONS)

    assert keras.backend.standardize_dtype(output.dtype) == layer.compute_dtype
    assert layer(keras.Input((5, 3)), keras.Input((3,))).dtype == layer.compute_dtype
    assert np.isfinite(to_numpy(keras.ops.cast(output, "float32"))).all()


@pytest.mark.parametrize("time", [None, 5])
def test_symbolic_shape(time):
    layer = MaskedLMHead(7)

    output = layer(keras.Input((time, 3)), keras.Input((None,), dtype="int32"))

    assert output.shape == (None, None, 7)


def test_nothing_to_predict():
    assert tuple(MaskedLMHead(7)(HIDDEN, np.zeros((2, 0), "int32")).shape) == (2, 0, 7)


def test_mask_ends_here():
    tokens = keras.Input((5,), dtype="int32")
    hidden = keras.layers.Embedding(7, 3, mask_zero=True)(tokens)
    predictions = MaskedLMHead(7)(hidden, keras.Input((2,), dtype="int32"))

    # A layer that uses masks would refuse one of five steps for two predictions.
    assert keras.layers.LSTM(4)(predictions).shape == (None, 4)
    assert MaskedLMHead(7).compute_mask([hidden, predictions], [None, None]) is None


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MaskedLMHead(), "Received: vocabulary_size=None, token_embedding=None"),
        (lambda: MaskedLMHead(0), "Received: vocabulary_size=0"),
        (lambda: MaskedLMHead(True), "Received: vocabulary_size=True"),
        (lambda: MaskedLMHead(8, embedding()), r"vocabulary_size=8, token_embedding.input_dim=7"),
        (lambda: MaskedLMHead(7, keras.layers.Embedding(7, 4)), "ReversibleEmbedding"),
        (lambda: MaskedLMHead(7, layer_norm_epsilon="a"), "Received: layer_norm_epsilon=a"),
        (
            lambda: MaskedLMHead(7)(HIDDEN[:1], POSITIONS),
            r"inputs of shape \(1, 5, 3\), .*\(2, 3\)",
        ),
        (lambda: MaskedLMHead(7)(HIDDEN[0], POSITIONS), r"inputs of shape \(5, 3\)"),
        (lambda: MaskedLMHead(7)(HIDDEN, POSITIONS[0]), r"mask_positions of shape \(3,\)"),
        (lambda: MaskedLMHead(7)(HIDDEN, POSITIONS + 1), "mask_positions from 1 to 5, time=5"),
        (lambda: MaskedLMHead(7)(HIDDEN, POSITIONS - 1), "mask_positions from -1 to 3, time=5"),
    ],
)
def test_errors_say_what_was_received(build, message):
    with pytest.raises(ValueError, match=message):
        build()
