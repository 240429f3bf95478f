"""Training with `jit_compile=True`: XLA on TensorFlow and JAX, `torch.compile` on PyTorch."""

import os
import shutil

import keras
import numpy as np
import pytest

from keras_seq import layers

RANDOM = np.random.default_rng(0)
# Few steps: `torch.compile` unrolls a loop over them.
INPUTS, TARGETS = RANDOM.normal(size=(2, 3, 2, 4)).astype("float32")
LAYERS = {
    "lstm": lambda: layers.LSTM(4, return_sequences=True),
    "attention": lambda: layers.MultiHeadSelfAttention(2, 2),
    "block": lambda: layers.TransformerBlock(3, 2),
}


def train(make, jit_compile):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input(INPUTS.shape[1:]), make()])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    losses = [float(model.train_on_batch(INPUTS, TARGETS)) for _ in range(2)]
    return [losses, *model.get_weights()]


# PyTorch compiles the first for about 20 seconds, and one Dense layer for as long.
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    keras.config.backend() == "torch" and not shutil.which(os.environ.get("CXX", "g++")),
    reason="`torch.compile` needs a compiler of C++",
)
@pytest.mark.parametrize("name", LAYERS)
def test_trains_as_without(name):
    expected = train(LAYERS[name], jit_compile=False)

    found = train(LAYERS[name], jit_compile=True)

    for value, expected_value in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, expected_value, rtol=1e-5, atol=1e-5)
