"""Attention in several heads in use: precision, shapes, files, training and errors."""

import keras
import numpy as np
import pytest
from keras import ops
from test_multi_head_attention import EVERYTHING, QUERY, RANDOM, VALUE, compiled_on_jax, weights_of

from keras_seq.layers import MultiHeadAttention, MultiHeadSelfAttention, TransformerBlock

to_numpy = keras.ops.convert_to_numpy


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("position", ["none", "rotary", "alibi"])
def test_half_precision_stays_finite_and_near(dtype, position):
    arguments = {**EVERYTHING, "position": position}
    layer, exact = MultiHeadAttention(**arguments, dtype=dtype), MultiHeadAttention(**arguments)
    for each in (layer, exact):
        each.build(QUERY.shape, VALUE.shape)
        weights_of(each)
    bias = np.zeros((3, 5), "float32")
    bias[:, 4] = -1e9

    output = compiled_on_jax(layer)(QUERY, VALUE, attention_bias=bias)

    assert {weight.dtype for weight in layer.weights} == {"float32"}
    assert keras.backend.standardize_dtype(output.dtype) == dtype.removeprefix("mixed_")
    expected = to_numpy(compiled_on_jax(exact)(QUERY, VALUE, attention_bias=bias))
    np.testing.assert_allclose(
        to_numpy(ops.cast(output, "float32")), expected, atol=5e-2, rtol=5e-2
    )


def test_numbers_of_keras_in_half_precision():
    layer = MultiHeadAttention(8, 8, dtype="float16")
    identity = np.eye(8)[None]
    layer.build(identity.shape, identity.shape)
    to_heads = [np.repeat(np.eye(8)[:, None], 8, axis=1), np.zeros((8, 8))]
    from_heads = [to_heads[0], np.zeros(8)]
    layer.set_weights([*to_heads * 3, *from_heads])
    value = np.arange(64).reshape(1, 8, 8) / 100

    output, scores = layer(identity, value, identity, return_attention_scores=True)

    rows = np.array([2.406, 2.440, 2.473, 2.504, 2.535, 2.568, 2.602, 2.633])
    expected = np.where(np.eye(8, dtype="bool"), 0.1691, 0.1187)
    np.testing.assert_allclose(to_numpy(output)[0], np.stack([rows] * 8, -1), atol=1e-2)
    np.testing.assert_allclose(to_numpy(scores)[0], np.stack([expected] * 8), atol=1e-3)


def test_scores_are_those_before_dropout():
    layer = MultiHeadAttention(2, 3, dropout=0.5, seed=1)

    (dropped, found), (output, expected) = (
        layer(QUERY, VALUE, return_attention_scores=True, training=training)
        for training in (True, False)
    )

    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), atol=1e-6)
    np.testing.assert_allclose(to_numpy(found).sum(-1), 1, atol=1e-6)
    assert np.abs(to_numpy(dropped) - to_numpy(output)).max() > 1e-2


@pytest.mark.parametrize("grouped", [False, True])
def test_symbolic_shapes_are_those_of_the_output(grouped):
    extra = {"num_key_value_heads": 1, "position": "alibi"} if grouped else {}
    layer = MultiHeadAttention(2, 3, value_dim=5, **extra)
    query, value = keras.Input((None, 4)), keras.Input((None, 6))
    symbolic = layer(query, value, return_attention_scores=True)
    model = keras.Model([query, value], symbolic)

    assert [x.shape for x in symbolic] == [(None, None, 4), (None, 2, None, None)]
    for steps, length in ((3, 5), (0, 5), (3, 0), (1, 1)):
        found = model([np.ones((2, steps, 4)), np.ones((2, length, 6))])
        assert [tuple(x.shape) for x in found] == [(2, steps, 4), (2, 2, steps, length)]
        assert np.isfinite(to_numpy(found[0])).all()


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="only TensorFlow has unknown lengths"
)
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("position", ["rotary", "alibi"])
def test_unknown_batch_and_lengths(position, jit_compile):
    import tensorflow as tf

    layer = MultiHeadAttention(**{**EVERYTHING, "position": position})
    layer.build((None, None, 4), (None, None, 4))
    weights_of(layer)
    bias = RANDOM.normal(size=(4, 1, 1)).astype("float32")

    def run(query, value, mask):
        return layer(query, value, value_mask=mask, use_causal_mask=True, attention_bias=bias)

    anything = tf.TensorSpec((None, None, 4))
    compiled = tf.function(
        run,
        input_signature=[anything, anything, tf.TensorSpec((None, None), tf.bool)],
        jit_compile=jit_compile,
    )

    mask = np.array([[True] * 5, [True, False] * 2 + [False]])
    for length in (5, 1, 0):
        arrays = QUERY, VALUE[:, :length], mask[:, :length]
        np.testing.assert_allclose(compiled(*arrays), run(*arrays), atol=1e-5)


def test_saved_model_with_every_argument(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(5, 4, mask_zero=True),
            MultiHeadSelfAttention(**EVERYTHING),
        ]
    )
    weights_of(model.layers[-1])
    model.save(tmp_path / "model.keras")
    tokens = np.array([[1, 2, 3, 0], [4, 0, 0, 0]])

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(to_numpy(model(tokens)), to_numpy(loaded(tokens)))
    config = loaded.layers[-1].get_config()
    numbers = {key: value for key, value in EVERYTHING.items() if key != "kernel_initializer"}
    assert {name: config[name] for name in numbers} == numbers


@pytest.mark.parametrize("position", ["rotary", "alibi"])
def test_trains(position):
    model = keras.Sequential(
        [
            keras.Input((None, 4)),
            MultiHeadSelfAttention(**{**EVERYTHING, "position": position}, dropout=0.1, seed=1),
        ]
    )
    weights_of(model.layers[-1])
    model.compile("adam", "mse")
    before = model.get_weights()

    model.fit(VALUE, np.zeros_like(VALUE), verbose=0)

    pairs = zip(before, model.get_weights(), strict=True)
    changed = [not np.array_equal(a, b) for a, b in pairs]
    assert all(changed)


def call(*shapes, **arguments):
    options = {name: arguments.pop(name) for name in EVERYTHING if name in arguments}
    layer = MultiHeadAttention(**{"num_heads": 2, "key_dim": 2, **options})
    return layer(*(np.ones(shape) for shape in shapes), **arguments)


LAYER = MultiHeadAttention
SHAPES = (2, 3, 4), (2, 5, 4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LAYER(4, 2, num_key_value_heads=3), "multiple of `num_key_value_heads`"),
        (lambda: LAYER(4, 2, num_key_value_heads=0), "Received: num_key_value_heads=0"),
        (lambda: LAYER(2, 3, position="rotary"), "even. Received: key_dim=3"),
        (lambda: LAYER(2, 2, position="rope"), "'none', 'rotary', 'alibi'. Received: .*'rope'"),
        (lambda: LAYER(2, 2, sliding_window=0), "Received: sliding_window=0"),
        (lambda: LAYER(2, 2, rope_scaling_factor=0), "Received: rope_scaling_factor=0"),
        (lambda: LAYER(2, 2, positon="rotary"), "positon"),
        (lambda: LAYER(2, 2, position="alibi", flash_attention=True), "`flash_attention=None`"),
        (
            lambda: call(*SHAPES, attention_bias=np.ones((2, 3, 5))[:, :, :4]),
            r"attention_bias.shape=\(2, 3, 4\), for scores of shape \(2, 2, 3, 5\)",
        ),
        (lambda: call(*SHAPES, attention_bias=np.ones((3, 3, 5))), "broadcastable"),
        (lambda: call(*SHAPES, attention_mask=np.ones((2, 5, 3))), r"\.shape=\(2, 5, 3\)"),
        (lambda: call(*SHAPES, attention_mask=np.ones(5)), r"\.shape=\(5,\)"),
        (lambda: call(*SHAPES, value_mask=np.ones((2, 3))), r"value_mask.shape=\(2, 3\)"),
        (lambda: call(*SHAPES, key_mask=np.ones((2, 3))), r"key_mask.shape=\(2, 3\)"),
        (lambda: call(*SHAPES, query_mask=np.ones(2)), r"query_mask.shape=\(2,\)"),
        (lambda: call((2, 3, 4, 4), (2, 3, 4, 4), position="alibi"), "exactly one axis"),
        (lambda: call((2, 4), (2, 4)), r"must be equal in rank, at least 3.*query_shape=\(2, 4\)"),
        (lambda: call((2, 3, 4), (2, 4)), r"must be equal in rank.*value_shape=\(2, 4\)"),
        (lambda: LAYER(2, 2, attention_axes=-1)(VALUE, VALUE), r"axes=\(-1,\) for .* 3 axes"),
        (lambda: LAYER(2, 2, attention_axes=(1, 1))(VALUE, VALUE), "must be different axes"),
        (lambda: LAYER(2, 2, dropout="0.1"), "between 0 and 1. Received: dropout=0.1"),
        (lambda: call((2, 3, 4), (3, 5, 4)), "same batch size"),
    ],
)
def test_errors(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("changed", [0, 1, 2])
def test_other_widths_than_it_was_built_for(changed, symbolic):
    # Keras's layer returns a batch of another size.
    layer = MultiHeadAttention(2, 3)
    shapes = [(4, 3, 8), (4, 5, 6), (4, 5, 10)]
    layer.build(*shapes)
    shapes[changed] = (*shapes[changed][:-1], 2)
    tensors = [keras.KerasTensor(shape) if symbolic else np.ones(shape) for shape in shapes]

    with pytest.raises(ValueError, match=r"query width 8, value width 6, key width 10. .* width 2"):
        layer(*tensors)


@pytest.mark.parametrize("width", [6, 2])
def test_values_that_are_not_read_may_have_any_width(width):
    layer = MultiHeadAttention(2, 3)
    layer.build((4, 3, 8), (4, 5, 6))
    cache = layer.get_initial_cache(4, 5)

    output, _ = layer(np.ones((4, 3, 8)), np.ones((4, 5, width)), cache=cache)

    assert tuple(output.shape) == (4, 3, 8)


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (lambda f: MultiHeadAttention(2, 3, kernel_initializer=f), [(3, 5, 4), (3, 6, 4)]),
        (lambda f: TransformerBlock(5, 2, kernel_initializer=f), [(3, 5, 4)]),
    ],
)
def test_initializer_may_be_a_function(make, shapes):
    layer = make(lambda shape, dtype=None: ops.full(shape, 0.25, dtype))

    layer.build(*shapes)

    kernels = [to_numpy(weight) for weight in layer.weights if weight.name == "kernel"]
    assert len(kernels) >= 4
    assert all((kernel == 0.25).all() for kernel in kernels)
