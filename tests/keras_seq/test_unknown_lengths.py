"""Lengths known only at run time, compiled and not."""

import inspect

import keras
import numpy as np
import pytest

from keras_seq import layers

pytestmark = pytest.mark.slow

to_numpy = keras.ops.convert_to_numpy
LAYERS = {
    "lstm": lambda: layers.LSTM(4, return_sequences=True),
    "peephole": lambda: layers.PeepholeLSTM(4, return_sequences=True, go_backwards=True),
    "gru": lambda: layers.GRU(4, return_sequences=True),
    "bidirectional": lambda: layers.Bidirectional(layers.GRU(2, return_sequences=True)),
    "attention": lambda: layers.MultiHeadSelfAttention(2, 3),
    "block": lambda: layers.TransformerBlock(6, 2),
    "decoder block": lambda: layers.TransformerDecoderBlock(6, 2, position="rotary"),
    "sinusoidal": lambda: layers.SinusoidalPositionEncoding(),
    "embedding": lambda: layers.PositionEmbedding(9),
}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_trains_on_one_length_and_runs_on_another(name, jit_compile):
    if jit_compile and keras.config.backend() == "torch":
        pytest.skip("compiles 15 to 20 seconds for each; test_compiled.py has three")
    random = np.random.default_rng(0)
    model = keras.Sequential(
        [keras.Input((None,), dtype="int32"), keras.layers.Embedding(5, 4, mask_zero=True)]
    )
    model.add(LAYERS[name]())
    model.compile("sgd", "mse", jit_compile=jit_compile)
    model.fit(random.integers(0, 5, (4, 3)), np.zeros((4, 3, 4)), verbose=0)
    tokens = random.integers(1, 5, (2, 6))

    output = model.predict(tokens, verbose=0)

    np.testing.assert_allclose(output, to_numpy(model(tokens)), atol=1e-5)


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="only TensorFlow has unknown lengths"
)
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_unknown_length_has_exact_gradients(name, masked, jit_compile):
    import tensorflow as tf

    layer = LAYERS[name]()
    layer.build((None, None, 4))
    takes_mask = "mask" in inspect.signature(layer.call).parameters
    random = np.random.default_rng(0)

    def loss_and_gradients(inputs, mask):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            arguments = {"mask": mask} if masked and takes_mask else {}
            loss = tf.reduce_sum(layer(inputs, **arguments) ** 2)
        return loss, tape.gradient(loss, [inputs, *layer.trainable_variables])

    compiled = tf.function(
        loss_and_gradients,
        input_signature=[
            tf.TensorSpec((None, None, 4), tf.float32),
            tf.TensorSpec((None, None), tf.bool),
        ],
        jit_compile=jit_compile,
    )

    for length in (4, 1):
        inputs = tf.constant(random.normal(size=(3, length, 4)), tf.float32)
        mask = tf.constant(random.random((3, length)) > 0.4)
        found = tf.nest.flatten(compiled(inputs, mask))
        expected = tf.nest.flatten(loss_and_gradients(inputs, mask))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)

    nothing = compiled(tf.zeros((3, 0, 4)), tf.zeros((3, 0), tf.bool))
    assert float(nothing[0]) == 0.0


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="only TensorFlow has unknown lengths"
)
@pytest.mark.parametrize("cls", [layers.LSTM, layers.GRU])
def test_unroll_needs_a_known_length(cls):
    import tensorflow as tf

    layer = cls(2, unroll=True)
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 4), tf.float32)])

    with pytest.raises(ValueError, match=r"`unroll=True` needs a known number of steps"):
        run(tf.ones((2, 3, 4)))
