"""Models whose inputs are tokens: floats and integers, in use and exported."""

import keras
import numpy as np
import pytest

from keras_seq import layers, models

to_numpy = keras.ops.convert_to_numpy
BACKEND = keras.config.backend()


def tokens_to_write():
    return models.Seq2Seq(
        layers.GRU(3, return_state=True),
        layers.GRU(3, return_sequences=True),
        *(4000, 4000, 3),
        dtype="mixed_float16",
    )


MODELS_OF_TOKENS = {
    "bert": lambda: models.BertEncoder(4000, 1, 2, 4, 4, dtype="mixed_float16"),
    "seq2seq": tokens_to_write,
}


@pytest.mark.parametrize("name", MODELS_OF_TOKENS)
def test_tokens_given_as_floats_are_not_rounded(name):
    # As they come from `keras.Input` without a dtype. Half precision has no 3999.
    tokens = np.array([[3999, 3998, 3997]])
    model = MODELS_OF_TOKENS[name]()
    called_with = tokens if name == "bert" else [tokens, tokens]

    expected = to_numpy(keras.tree.flatten(model(called_with))[0])

    floats = keras.tree.map_structure(lambda x: x.astype("float32"), called_with)
    np.testing.assert_array_equal(to_numpy(keras.tree.flatten(model(floats))[0]), expected)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="an export of TensorFlow")
@pytest.mark.parametrize("name", MODELS_OF_TOKENS)
def test_exported_model_takes_integers(name, tmp_path):
    import tensorflow as tf

    tokens = np.array([[3999, 3998, 3997]], "int32")
    model = MODELS_OF_TOKENS[name]()
    called_with = tokens if name == "bert" else [tokens, tokens]
    expected = keras.tree.flatten(model(called_with))[0]
    model.export(tmp_path / "model", verbose=False)

    loaded = tf.saved_model.load(str(tmp_path / "model"))

    found = keras.tree.flatten(loaded.serve(called_with))[0]
    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), atol=1e-2)
