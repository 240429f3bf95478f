"""`Attention` as a layer of Keras: shapes, masks, dropout, dtypes, files."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops
from keras.src.testing import TestCase

from keras_seq.layers import Attention

to_numpy = keras.ops.convert_to_numpy
BACKEND = keras.config.backend()
SCORES = ["dot", "scaled_dot", "general", "additive", "concat", "location", "location_aware"]
SAME_WIDTH = ["dot", "scaled_dot"]
# Normalizers know nothing of scores: the second one with a parallel score and one in order.
KINDS = [(score, "softmax") for score in SCORES]
KINDS += [("scaled_dot", "sparsemax"), ("location_aware", "sparsemax")]
ANY_WIDTH = [score for score in SCORES if score not in SAME_WIDTH]
SIZES = {"units": 3, "max_source_length": 6, "filters": 2, "kernel_size": 3}
ALL = {
    **SIZES,
    "use_bias": True,
    "normalizer": "sparsemax",
    "dropout": 0.5,
    "seed": 7,
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "max_norm",
    "use_scale": True,
    "implementation": "reference",
}
WEIGHTS = {
    "dot": [],
    "scaled_dot": [],
    "general": [("kernel", (4, 5))],
    "additive": [("query_kernel", (4, 3)), ("key_kernel", (5, 3)), ("score_kernel", (3,))],
    "concat": [("kernel", (9, 3)), ("score_kernel", (3,))],
    "location": [("kernel", (4, 6))],
    "location_aware": [
        ("query_kernel", (4, 3)),
        ("key_kernel", (5, 3)),
        ("convolution_kernel", (3, 1, 2)),
        ("location_kernel", (2, 3)),
        ("score_kernel", (3,)),
        ("bias", (3,)),
    ],
}
RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=(2, 3, 4)).astype("float32")
VALUE = RANDOM.normal(size=(2, 5, 4)).astype("float32")
# The second row sees no key at all.
QUERY_MASK = np.array([[True, True, False], [True, False, True]])
VALUE_MASK = np.array([[True, False, True, True, False], [False] * 5])

harness = TestCase()


def outputs_of(layer, inputs=(QUERY, VALUE), **call):
    return [to_numpy(x) for x in layer(list(inputs), return_attention_scores=True, **call)]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("options", "training"), [(SIZES, False), (ALL, True)], ids=["defaults", "all_in_training"]
)
def test_harness_of_keras(score, options, training):
    key_width = 4 if score in SAME_WIDTH else 5

    harness.run_layer_test(
        Attention,
        init_kwargs={"score": score, **options},
        input_shape=[(2, 3, 4), (2, 5, key_width)],
        call_kwargs={"training": True} if training else None,
        expected_output_shape=(2, 3, key_width),
        expected_num_seed_generators=int(options is ALL),
        supports_masking=True,
        # The harness cannot train on a list of inputs with TensorFlow; tests below train.
        run_training_check=False,
    )


@pytest.mark.parametrize("score", SCORES)
def test_names_and_order_of_the_weights(score):
    layer = Attention(score, **SIZES)
    layer.build([(2, 3, 4), (2, 5, 4 if score in SAME_WIDTH else 5)])

    assert [(weight.name, tuple(weight.shape)) for weight in layer.weights] == WEIGHTS[score]


@pytest.mark.parametrize("score", ANY_WIDTH)
def test_width_of_the_projection_is_that_of_the_query_unless_given(score):
    layer = Attention(score, max_source_length=6)
    layer.build([(2, 3, 4), (2, 5, 5)])

    shapes = {weight.name: tuple(weight.shape) for weight in layer.weights}
    assert shapes.get("score_kernel", (4,)) == (4,)


def test_every_argument_is_in_the_configuration():
    layer = Attention("additive", **ALL)

    config = layer.get_config()

    parameters = inspect.signature(Attention).parameters.values()
    assert {p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD} <= set(config)
    assert {key: config[key] for key in SIZES} == SIZES
    assert Attention.from_config(config).get_config() == config


def test_equal_shapes_do_not_start_equal():
    layer = Attention("additive", units=4)
    layer.build([(2, 3, 4), (2, 5, 4)])

    first, second, _ = layer.get_weights()
    assert (first != second).any()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("lengths", [(3, 5), (None, None)])
def test_symbolic_shapes_are_those_of_the_outputs(score, lengths):
    layer = Attention(score, **SIZES)
    key = RANDOM.normal(size=(2, 5, 4 if score in SAME_WIDTH else 3)).astype("float32")
    value = RANDOM.normal(size=(2, 5, 7)).astype("float32")

    symbolic = layer(
        [
            keras.Input((lengths[0], 4)),
            *(keras.Input((lengths[1], x.shape[-1])) for x in (value, key)),
        ],
        return_attention_scores=True,
    )
    eager = layer([QUERY, value, key], return_attention_scores=True)

    assert [x.shape for x in symbolic] == [(None, lengths[0], 7), (None, *lengths)]
    assert [tuple(x.shape) for x in eager] == [(2, 3, 7), (2, 3, 5)]
    assert layer.compute_output_shape([QUERY.shape, value.shape, key.shape]) == (2, 3, 7)
    assert [keras.backend.standardize_dtype(x.dtype) for x in eager] == [x.dtype for x in symbolic]


@pytest.mark.parametrize(("score", "normalizer"), KINDS)
def test_query_without_keys_gives_exactly_zero(score, normalizer, gradients):
    layer = Attention(score, **SIZES, normalizer=normalizer, dropout=0.5, seed=1)
    masks = [None, VALUE_MASK]

    output, weights = outputs_of(layer, mask=masks)

    assert (output[1] == 0).all()
    assert (weights[1] == 0).all()
    assert (weights[:, :, ~VALUE_MASK[0]] == 0).all()
    assert (output[0] != 0).any()
    np.testing.assert_array_equal(output, to_numpy(layer([QUERY, VALUE], mask=masks)))
    trained = to_numpy(layer([QUERY, VALUE], mask=masks, training=True))
    assert (trained[1] == 0).all()

    def f(query, value, *tensors):
        output, _ = layer.stateless_call(
            list(tensors), layer.non_trainable_variables, [query, value], mask=masks
        )
        return ops.sum(output * output)

    found = gradients(f, [QUERY, VALUE, *layer.get_weights()])
    assert all(np.isfinite(gradient).all() for gradient in found)
    assert (found[0][1] == 0).all()
    assert (found[1][1] == 0).all()


@pytest.mark.parametrize("score", SCORES)
def test_nan_in_masked_values_reaches_nothing(score, gradients):
    layer = Attention(score, **SIZES)
    layer.build([QUERY.shape, VALUE.shape])
    broken = np.where(VALUE_MASK[..., None], VALUE, np.nan).astype("float32")
    masks = [QUERY_MASK, VALUE_MASK]

    for a, b in zip(
        outputs_of(layer, mask=masks), outputs_of(layer, (QUERY, broken), mask=masks), strict=True
    ):
        np.testing.assert_array_equal(a, b)

    def f(query, value, *tensors):
        output, _ = layer.stateless_call(list(tensors), [], [query, value], mask=masks)
        return ops.sum(output * output)

    found = gradients(f, [QUERY, broken, *layer.get_weights()])
    assert all(np.isfinite(gradient).all() for gradient in found)


@pytest.mark.parametrize("score", SCORES)
def test_causal_attention_does_not_see_the_future(score):
    layer = Attention(score, **SIZES)
    changed = VALUE.copy()
    changed[:, 2:] = 7.0

    before, after = (to_numpy(layer([x, x], use_causal_mask=True)) for x in (VALUE, changed))
    _, weights = outputs_of(layer, (VALUE, VALUE), use_causal_mask=True)

    np.testing.assert_allclose(before[:, :2], after[:, :2], atol=1e-6)
    assert (np.triu(weights, 1) == 0).all()


def test_masks_of_keys_and_values_both_count():
    value_mask, key_mask = (
        np.array([[1, 1, 0, 1, 1]] * 2),
        np.array([[0.0, 1.0, 1.0, 1.0, 0.0]] * 2),
    )

    _, weights = outputs_of(Attention(), (QUERY, VALUE, VALUE), mask=[None, value_mask, key_mask])

    assert ((weights != 0) == (value_mask * key_mask)[:, None]).all()


def embedded_twice():
    tokens = [keras.Input((None,), dtype="int32") for _ in range(2)]
    embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    return tokens, [embedding(x) for x in tokens]


@pytest.mark.parametrize("score", SCORES)
def test_masks_of_the_inputs_are_used_and_that_of_the_query_goes_on(score):
    tokens, embedded = embedded_twice()
    layer = Attention(score, **SIZES)
    output, weights = layer(embedded, return_attention_scores=True)
    model = keras.Model(tokens, [output, weights, keras.layers.LSTM(2)(output)])
    lone = keras.Model(tokens, keras.layers.LSTM(2)(layer(embedded)))

    short = model([np.array([[1, 2]]), np.array([[3, 4]])])
    long = model([np.array([[1, 2, 0]]), np.array([[3, 4, 0, 0]])])

    np.testing.assert_allclose(to_numpy(long[0])[:, :2], to_numpy(short[0]), atol=1e-6)
    assert (to_numpy(long[0])[:, 2] == 0).all()
    assert (to_numpy(long[1])[:, :, 2:] == 0).all()
    np.testing.assert_allclose(to_numpy(long[2]), to_numpy(short[2]), atol=1e-6)
    found = [lone([np.array([[1, 2, *pad]]), np.array([[3, 4, *pad]])]) for pad in ([], [0, 0])]
    np.testing.assert_allclose(*map(to_numpy, found), atol=1e-6)


def test_masks_of_the_inputs_are_used_beside_previous_alignments():
    tokens, embedded = embedded_twice()
    previous = keras.Input((None,))
    layer = Attention("location_aware", **SIZES)
    model = keras.Model([*tokens, previous], layer(embedded, previous_alignments=previous))

    short = model([np.array([[1, 2]]), np.array([[3, 4]]), np.array([[0.2, 0.8]])])
    long = model([np.array([[1, 2, 0]]), np.array([[3, 4, 0]]), np.array([[0.2, 0.8, 0.0]])])

    np.testing.assert_allclose(to_numpy(long)[:, :2], to_numpy(short), atol=1e-6)
    assert (to_numpy(long)[:, 2] == 0).all()


def test_explicit_mask_wins():
    embedded = keras.layers.Embedding(9, 4, mask_zero=True)(np.array([[1, 2, 0], [3, 0, 0]]))
    mask = np.array([[False, True, True], [True, True, True]])

    _, weights = outputs_of(Attention(), (embedded, embedded), mask=[mask, mask])

    assert ((weights != 0) == mask[:, None]).all()


def test_masked_query_carries_the_weights_of_location_aware_attention():
    layer = Attention("location_aware", **SIZES)
    mask = np.array([[True, False, True]] * 2)

    _, weights = outputs_of(layer, mask=[mask, None])
    _, without = outputs_of(layer, (QUERY[:, [0, 2]], VALUE))

    np.testing.assert_allclose(weights[:, [0, 2]], without, atol=1e-6)
    np.testing.assert_array_equal(weights[:, 1], weights[:, 0])


def test_dropout_only_in_training_and_reproducible():
    first, second = (Attention(dropout=0.5, seed=3) for _ in range(2))
    plain = to_numpy(Attention()([QUERY, VALUE]))

    np.testing.assert_array_equal(to_numpy(first([QUERY, VALUE])), plain)
    state = to_numpy(first.seed_generator.state)
    np.testing.assert_array_equal(state, to_numpy(second.seed_generator.state))
    output, weights = outputs_of(first, training=True)

    assert 0 < (weights == 0).mean() < 1
    np.testing.assert_allclose(output, weights @ VALUE, atol=1e-6)
    np.testing.assert_array_equal(output, to_numpy(second([QUERY, VALUE], training=True)))
    assert not Attention().variables


@pytest.mark.parametrize(("score", "normalizer"), KINDS)
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(score, normalizer, dtype):
    layer = Attention(score, **SIZES, normalizer=normalizer, dtype=dtype)

    found = layer(
        [30 * QUERY, 30 * VALUE], mask=[QUERY_MASK, VALUE_MASK], return_attention_scores=True
    )

    for x in found:
        assert keras.backend.standardize_dtype(x.dtype) == layer.compute_dtype
        assert np.isfinite(to_numpy(ops.cast(x, "float32"))).all()
    assert all(weight.dtype == "float32" for weight in layer.weights)


@pytest.mark.parametrize(("score", "normalizer"), KINDS)
def test_no_steps_at_all(score, normalizer):
    layer = Attention(score, **SIZES, normalizer=normalizer)
    layer.build([QUERY.shape, VALUE.shape])

    without_keys, weights = outputs_of(layer, (QUERY, VALUE[:, :0]))
    without_queries = to_numpy(layer([QUERY[:, :0], VALUE]))

    assert without_queries.shape == (2, 0, 4)
    assert weights.shape == (2, 3, 0)
    np.testing.assert_array_equal(without_keys, np.zeros((2, 3, 4)))


@pytest.mark.parametrize("score", SCORES)
def test_saved_model_gives_the_same_output(score, tmp_path):
    tokens, embedded = embedded_twice()
    model = keras.Model(tokens, Attention(score, **ALL)(embedded))
    batch = [np.array([[1, 2, 0], [3, 0, 0]]), np.array([[4, 5, 6, 0], [7, 8, 0, 0]])]
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(to_numpy(model(batch)), to_numpy(loaded(batch)))
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()


@pytest.mark.parametrize("score_mode", ["dot", "concat"])
@pytest.mark.parametrize("use_scale", [False, True])
def test_takes_the_place_of_the_layer_of_keras(score_mode, use_scale, tmp_path):
    inputs = [keras.Input((3, 4)), keras.Input((5, 4))]
    theirs = keras.layers.Attention(use_scale=use_scale, score_mode=score_mode, name="attention")
    ours = Attention.from_config(theirs.get_config())
    models = [keras.Model(inputs, layer(inputs)) for layer in (theirs, ours)]
    theirs.set_weights([np.array(0.3 + n) for n in range(len(theirs.weights))])
    models[0].save_weights(tmp_path / "attention.weights.h5")

    models[1].load_weights(tmp_path / "attention.weights.h5")

    masks = [QUERY_MASK, np.array([[True, False, True, True, False]] * 2)]
    for call in ({}, {"use_causal_mask": True}, {"mask": masks}):
        expected = theirs([QUERY, VALUE], return_attention_scores=True, **call)
        for a, b in zip(outputs_of(ours, **call), expected, strict=True):
            np.testing.assert_allclose(a, to_numpy(b), atol=1e-6)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow has unknown lengths")
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(("score", "normalizer"), KINDS)
def test_unknown_length_has_exact_gradients(score, normalizer, jit_compile):
    import tensorflow as tf

    zero = tf.UnconnectedGradients.ZERO
    layer = Attention(score, **SIZES, normalizer=normalizer)
    layer.build([(None, None, 4), (None, None, 4)])

    def loss_and_gradients(query, value, mask):
        with tf.GradientTape() as tape:
            tape.watch([query, value])
            output = layer([query, value], mask=[None, mask], use_causal_mask=True)
            loss = tf.reduce_sum(output**2)
        sources = [query, value, *(weight.value for weight in layer.weights)]
        return loss, tape.gradient(loss, sources, unconnected_gradients=zero)

    sequences = tf.TensorSpec((None, None, 4), tf.float32)
    compiled = tf.function(
        loss_and_gradients,
        input_signature=[sequences, sequences, tf.TensorSpec((None, None), tf.bool)],
        jit_compile=jit_compile,
    )

    for queries, keys in ((3, 5), (1, 2), (2, 0), (0, 2)):
        arguments = (
            tf.constant(RANDOM.normal(size=(2, queries, 4)), tf.float32),
            tf.constant(RANDOM.normal(size=(2, keys, 4)), tf.float32),
            tf.constant(RANDOM.random((2, keys)) > 0.3),
        )
        found, expected = (tf.nest.flatten(f(*arguments)) for f in (compiled, loss_and_gradients))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("score", ["additive", "location_aware"])
def test_trains_on_one_length_and_runs_on_another(score):
    tokens, embedded = embedded_twice()
    model = keras.Model(tokens, Attention(score, **SIZES)(embedded))
    model.compile("sgd", "mse", jit_compile=BACKEND != "torch")
    model.fit([np.ones((4, 3), int), np.ones((4, 2), int)], np.zeros((4, 3, 4)), verbose=0)
    batch = [RANDOM.integers(0, 9, (2, 4)), RANDOM.integers(0, 9, (2, 6))]

    output = model.predict(batch, verbose=0)

    np.testing.assert_allclose(output, to_numpy(model(batch)), atol=1e-5)
