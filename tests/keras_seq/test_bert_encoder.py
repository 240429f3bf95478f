"""The encoder of BERT: the equations, its size, what sees what, files and bad input."""

import math

import keras
import numpy as np
import pytest
from keras.src.testing import TestCase

from keras_seq.layers import MaskedLMHead
from keras_seq.models import BertEncoder

RANDOM = np.random.default_rng(0)
# No token comes twice, so that each row of the embedding belongs to one step.
TOKENS = np.array([[2, 7, 9, 5, 3, 0], [4, 8, 6, 1, 11, 10]])
SEGMENTS = np.array([[0, 0, 1, 1, 0, 1], [1, 0, 0, 0, 1, 2]])
SIZES = {
    "vocabulary_size": 12,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 4,
    "intermediate_dim": 6,
    "max_sequence_length": 9,
    "num_segments": 3,
}
to_numpy = keras.ops.convert_to_numpy


def encoder_of(**arguments):
    return BertEncoder(**{**SIZES, **arguments})


def weights_of(encoder):
    """Give the encoder random weights, and return them by their path inside of it."""
    found = {}
    for weight in encoder.weights:
        if weight.dtype == "float32":
            value = RANDOM.normal(size=weight.shape).astype("float32")
            weight.assign(value)
            found[weight.path.split("/", 1)[1]] = value.astype("float64")
    return found


def sequence_output(encoder, inputs):
    encode = encoder
    if not encoder.built:
        encoder.build(TOKENS.shape)
    # Compiled as a whole: JAX would else compile every operation for every shape.
    if keras.config.backend() == "jax":
        import jax

        encode = jax.jit(encoder)
    return to_numpy(encode(inputs)["sequence_output"])


def norm(x, name, weights):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def gelu(x):
    return x * np.vectorize(lambda z: (1 + math.erf(z / math.sqrt(2))) / 2)(x)


def block(x, mask, weights, name):
    """Run one sequence through a block, head by head and query by query."""

    def dense(x, layer):
        return x @ weights[f"{name}/{layer}/kernel"] + weights[f"{name}/{layer}/bias"]

    attention = f"{name}/self_attention_layer"
    attended = np.zeros_like(x)
    for head, t in np.ndindex(2, len(x)):
        q, k, v = (
            x @ weights[f"{attention}/{part}/kernel"][:, head]
            + weights[f"{attention}/{part}/bias"][head]
            for part in ("query", "key", "value")
        )
        exponentials = np.exp(k @ q[t] / np.sqrt(q.shape[-1])) * mask
        scores = exponentials / exponentials.sum()
        attended[t] += scores @ v @ weights[f"{attention}/attention_output/kernel"][head]
    attended += weights[f"{attention}/attention_output/bias"]
    x = norm(x + attended, f"{name}/self_attention_layer_norm", weights)
    hidden = dense(gelu(dense(x, "feedforward_intermediate_dense")), "feedforward_output_dense")
    return norm(x + hidden, f"{name}/feedforward_layer_norm", weights)


def test_equals_the_equations():
    encoder = encoder_of()
    encoder.build(TOKENS.shape)
    weights = weights_of(encoder)
    mask = np.array([[1, 1, 1, 1, 1, 0], [1, 0, 1, 1, 1, 1]])

    outputs = encoder({"token_ids": TOKENS, "segment_ids": SEGMENTS, "padding_mask": mask})

    for row in range(2):
        x = weights["token_embedding/embeddings"][TOKENS[row]]
        x = x + weights["segment_embedding/embeddings"][SEGMENTS[row]]
        x = norm(x + weights["position_embedding/embeddings"][:6], "embeddings_layer_norm", weights)
        for name in ("block_0", "block_1"):
            x = block(x, mask[row], weights, name)
        pooled = np.tanh(x[0] @ weights["pooled_dense/kernel"] + weights["pooled_dense/bias"])
        valid = mask[row] > 0
        found = to_numpy(outputs["sequence_output"])[row]
        np.testing.assert_allclose(found[valid], x[valid], atol=2e-4)
        np.testing.assert_allclose(to_numpy(outputs["pooled_output"])[row], pooled, atol=2e-4)


def number_of_parameters(vocabulary, layers, width, hidden, positions, segments):
    embeddings = (vocabulary + positions + segments) * width + 2 * width
    attention = 4 * (width * width + width)
    feed_forward = width * hidden + hidden + hidden * width + width
    pooler = width * width + width
    return embeddings + layers * (attention + feed_forward + 2 * 2 * width) + pooler


def test_base_size_is_the_published_one(monkeypatch):
    # Zeros, since drawing a hundred million numbers takes its time.
    zeros = keras.initializers.Zeros.__call__
    monkeypatch.setattr(keras.initializers.TruncatedNormal, "__call__", zeros)
    encoder = BertEncoder(30522, 12, 12, 768, 3072)

    encoder.build((None, None))

    assert encoder.count_params() == number_of_parameters(30522, 12, 768, 3072, 512, 2)
    assert encoder.count_params() == pytest.approx(110e6, rel=0.01)


def test_number_of_parameters():
    encoder = encoder_of()
    encoder.build((None, None))
    assert encoder.count_params() == number_of_parameters(12, 2, 4, 6, 9, 3)


def test_first_weights_are_those_of_the_paper():
    encoder = BertEncoder(1000, 1, 2, 32, 64)
    encoder.build((None, None))

    for weight in encoder.trainable_weights:
        value = to_numpy(weight)
        if weight.name in ("kernel", "embeddings") and "segment" not in weight.path:
            # Without what is beyond two deviations, 0.8796 of the deviation is left.
            np.testing.assert_allclose(value.std(), 0.8796 * 0.02, rtol=0.1)
            np.testing.assert_allclose(value.mean(), 0.0, atol=0.002)
        elif weight.name != "embeddings":
            assert (value == (weight.name == "gamma")).all()


def test_every_step_depends_on_both_sides_and_none_on_padding(gradients):
    encoder = encoder_of()
    encoder.build(TOKENS.shape)
    weights = weights_of(encoder)
    factors = RANDOM.normal(size=4).astype("float32")
    table = weights["token_embedding/embeddings"].astype("float32")

    def f(table):
        variable = encoder.token_embedding.embeddings
        with keras.StatelessScope(state_mapping=[(variable, table)]):
            output = encoder(TOKENS)["sequence_output"][:, 3]
        return keras.ops.sum(output * keras.ops.convert_to_tensor(factors))

    (gradient,) = gradients(f, [table])

    sizes = np.abs(gradient).sum(-1)[TOKENS]
    assert (sizes[TOKENS != 0] > 1e-4).all()
    assert sizes[0, 5] == 0


@pytest.mark.parametrize("names_the_mask", [True, False])
def test_padded_steps_change_no_other_output(names_the_mask):
    encoder = encoder_of()
    inputs = {"token_ids": TOKENS[:, :4], "segment_ids": SEGMENTS[:, :4]}
    short = sequence_output(encoder, inputs)
    padding = np.full((2, 3), 0)
    long = {
        "token_ids": np.concatenate([TOKENS[:, :4], padding], axis=1),
        "segment_ids": np.concatenate([SEGMENTS[:, :4], padding], axis=1),
    }
    other = {**long, "segment_ids": long["segment_ids"].copy()}
    other["segment_ids"][:, 4:] = 2
    if names_the_mask:
        mask = np.arange(7) < 4
        long, other = ({**x, "padding_mask": np.stack([mask, mask])} for x in (long, other))
        other["token_ids"] = long["token_ids"].copy()
        other["token_ids"][:, 4:] = 5

    found, changed = (sequence_output(encoder, x)[:, :4] for x in (long, other))

    np.testing.assert_array_equal(found, changed)
    np.testing.assert_allclose(found, short, atol=1e-6)


def test_defaults_of_the_inputs():
    encoder = encoder_of()
    named = {
        "token_ids": TOKENS,
        "segment_ids": np.zeros_like(TOKENS),
        "padding_mask": (TOKENS != 0).astype("int32"),
    }

    for inputs in (TOKENS, {"token_ids": TOKENS}, {**named, "segment_ids": None}):
        np.testing.assert_array_equal(
            sequence_output(encoder, inputs), sequence_output(encoder, named)
        )


@pytest.mark.parametrize("time", [None, 6])
@pytest.mark.parametrize("use_pooler", [True, False])
def test_symbolic_shapes(time, use_pooler):
    encoder = encoder_of(use_pooler=use_pooler, dtype="mixed_bfloat16")
    names = ("token_ids", "segment_ids", "padding_mask")

    outputs = encoder({name: keras.Input((time,), dtype="int32") for name in names})

    expected = {"sequence_output": (None, time, 4), "pooled_output": (None, 4)}
    expected = {name: expected[name] for name in expected if use_pooler or name[0] == "s"}
    assert {name: output.shape for name, output in outputs.items()} == expected
    found = encoder(TOKENS)
    assert set(found) == set(expected)
    for name, output in found.items():
        assert keras.backend.standardize_dtype(output.dtype) == outputs[name].dtype == "bfloat16"
        assert np.isfinite(to_numpy(keras.ops.cast(output, "float32"))).all()


def test_mask_goes_on():
    encoder = encoder_of()
    tokens = keras.Input((None,), dtype="int32")
    mean = keras.layers.GlobalAveragePooling1D()(encoder(tokens)["sequence_output"])

    found = to_numpy(keras.Model(tokens, mean)(TOKENS))

    steps = sequence_output(encoder, TOKENS)
    expected = [steps[0, :5].mean(0), steps[1].mean(0)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_dropout_is_that_of_its_seed():
    first, second, other = (encoder_of(dropout=0.5, seed=seed) for seed in (1, 1, 2))
    without = encoder_of(dropout=0.0)
    encoders = (first, second, other, without)
    for encoder in encoders:
        encoder.build(TOKENS.shape)
    values = [RANDOM.normal(size=weight.shape) for weight in first.trainable_weights]
    for encoder in encoders:
        for weight, value in zip(encoder.trainable_weights, values, strict=True):
            weight.assign(value)

    drawn = [to_numpy(encoder(TOKENS, training=True)["pooled_output"]) for encoder in encoders]
    plain = [to_numpy(encoder(TOKENS)["pooled_output"]) for encoder in encoders]

    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0] - drawn[2]).max() > 0.01
    assert np.abs(drawn[0] - drawn[3]).max() > 0.01
    np.testing.assert_array_equal(plain[0], plain[2])
    np.testing.assert_array_equal(plain[0], drawn[3])


def test_configuration_of_a_copy_is_the_same():
    encoder = encoder_of(
        dropout=0.2, use_pooler=False, initializer_stddev=0.1, seed=3, dtype="mixed_bfloat16"
    )

    TestCase().run_class_serialization_test(encoder)
    copy = BertEncoder.from_config(encoder.get_config())
    assert copy.token_embedding is not encoder.token_embedding


def test_embedding_can_be_that_of_another():
    first = encoder_of()

    second = encoder_of(token_embedding=first.token_embedding)

    first.build(TOKENS.shape)
    second.build(TOKENS.shape)
    shared = {id(weight) for weight in first.weights} & {id(weight) for weight in second.weights}
    assert shared == {id(first.token_embedding.embeddings)}


def test_saved_model_shares_the_embedding_with_its_head(tmp_path):
    encoder = encoder_of()
    tokens, positions = (keras.Input((None,), dtype="int32") for _ in range(2))
    head = MaskedLMHead(token_embedding=encoder.token_embedding, name="head")
    hidden = encoder({"token_ids": tokens})["sequence_output"]
    model = keras.Model([tokens, positions], head(hidden, positions))
    inputs = [TOKENS, np.array([[1, 3], [5, 0]])]
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    table = loaded.get_layer(encoder.name).token_embedding
    assert loaded.get_layer("head").token_embedding is table
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    np.testing.assert_array_equal(to_numpy(loaded(inputs)), to_numpy(model(inputs)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_layers": 0}, "num_layers=0"),
        ({"num_heads": 3}, "hidden_dim=4, num_heads=3"),
        ({"dropout": 1.5}, "dropout=1.5"),
        ({"dropout": "0.1"}, "dropout=0.1"),
        ({"initializer_stddev": 0}, "initializer_stddev=0"),
        ({"token_embedding": keras.layers.Embedding(12, 4)}, "ReversibleEmbedding"),
        (
            {"token_embedding": keras.layers.ReversibleEmbedding(11, 4)},
            "11 tokens and width 4, vocabulary_size=12, hidden_dim=4",
        ),
    ],
)
def test_errors_of_arguments_say_what_was_received(arguments, message):
    with pytest.raises(ValueError, match=message):
        encoder_of(**arguments)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (TOKENS + 1, "token_ids from 1 to 12, vocabulary_size=12"),
        (TOKENS - 1, "token_ids from -1 to 10"),
        ({"token_ids": TOKENS, "segment_ids": SEGMENTS + 1}, "segment_ids from 1 to 3, num_segm"),
        ({"token_ids": TOKENS, "segment_ids": SEGMENTS - 1}, "segment_ids from -1 to 1"),
        (np.ones((1, 10), "int32"), "10 tokens, max_sequence_length=9"),
        (keras.Input((10,), dtype="int32"), "10 tokens, max_sequence_length=9"),
        ({"segment_ids": SEGMENTS}, r"\['segment_ids'\]"),
        ({"token_ids": TOKENS, "mask": TOKENS}, r"\['mask', 'token_ids'\]"),
        ([TOKENS, SEGMENTS], "a list of 2"),
        (TOKENS[0], r"token_ids of shape \(6,\)"),
        ({"token_ids": TOKENS, "padding_mask": TOKENS[:, :5]}, r"padding_mask of shape \(2, 5\)"),
    ],
)
def test_errors_of_inputs_say_what_was_received(inputs, message):
    with pytest.raises(ValueError, match=message):
        encoder_of()(inputs)
