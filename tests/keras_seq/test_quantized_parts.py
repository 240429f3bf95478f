"""Layers made of quantized parts, in files."""

import keras
import numpy as np
import pytest

from keras_seq import layers, models

to_numpy = keras.ops.convert_to_numpy
pytestmark = [
    # Keras warns of every layer that has nothing to quantize by itself.
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method"),
    # Its quantized embedding in the words of an older PyTorch.
    pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors"),
]

RANDOM = np.random.default_rng(0)
STEPS = RANDOM.normal(size=(2, 5, 8)).astype("float32")
TOKENS = RANDOM.integers(1, 5, (2, 5)).astype("int32")
HALF = "mixed_bfloat16"


def of_steps(make):
    def model():
        inputs = keras.Input((None, 8))
        return keras.Model(inputs, make(inputs)), STEPS

    return model


def bert_with_head():
    tokens, positions = (keras.Input((None,), dtype="int32") for _ in range(2))
    encoder = models.BertEncoder(9, 1, 2, 8, 8, use_pooler=False)
    head = layers.MaskedLMHead(token_embedding=encoder.token_embedding)
    predictions = head(encoder(tokens)["sequence_output"], positions)
    return keras.Model([tokens, positions], predictions), [TOKENS, TOKENS[:, :2] - 1]


def seq2seq():
    model = models.Seq2Seq(
        [layers.SinusoidalPositionEncoding(), layers.TransformerBlock(8, 2)],
        [layers.SinusoidalPositionEncoding(), layers.TransformerDecoderBlock(8, 2)],
        *(9, 9, 8),
    )
    model([TOKENS, TOKENS])
    return model, [TOKENS, TOKENS]


MODELS = {
    "heads": of_steps(lambda x: layers.MultiHeadAttention(2, 4, use_gate=True)(x, x)),
    "self attention": of_steps(lambda x: layers.MultiHeadSelfAttention(2, 4)(x)),
    "half precision": of_steps(lambda x: layers.TransformerBlock(8, 2, dtype=HALF)(x)),
    "block": of_steps(lambda x: layers.TransformerBlock(8, 2, gated_feedforward=True)(x)),
    "decoder block": of_steps(lambda x: layers.TransformerDecoderBlock(8, 2)(x, x)),
    "inside": of_steps(lambda x: keras.Sequential([layers.TransformerBlock(8, 2)])(x)),
    "bert": bert_with_head,
    "seq2seq": seq2seq,
}


def to_float(x):
    return to_numpy(keras.ops.cast(x, "float32"))


@pytest.mark.parametrize("name", MODELS)
def test_file_of_a_quantized_model(name, tmp_path):
    model, inputs = MODELS[name]()
    exact = to_float(model(inputs))
    model.quantize("int8")
    expected = to_float(model(inputs))
    assert 0 < np.abs(expected - exact).max() < 0.2

    # A loaded model is saved as any other.
    for name in ("first.keras", "second.keras"):
        model.save(tmp_path / name)
        model = keras.saving.load_model(tmp_path / name)

        np.testing.assert_allclose(to_float(model(inputs)), expected, atol=1e-4)
        assert any(weight.dtype == "int8" for weight in model.weights)


def test_heads_of_keras_cannot_be_loaded(tmp_path):
    model, _ = of_steps(lambda x: keras.layers.MultiHeadAttention(2, 4)(x, x))()
    model.quantize("int8")
    model.save(tmp_path / "model.keras")

    with pytest.raises(ValueError, match="could not be loaded"):
        keras.saving.load_model(tmp_path / "model.keras")


def test_parts_stay_floats_where_they_were(tmp_path):
    model, _ = MODELS["block"]()
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert {weight.dtype for weight in loaded.weights} == {"float32"}
    assert set(loaded.layers[-1].get_build_config()) == {"input_shape"}
