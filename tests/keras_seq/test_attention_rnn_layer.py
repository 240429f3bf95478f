"""`AttentionRNN` as a layer of Keras: shapes, dtypes, lengths, files, training and errors."""

import itertools
import json

import keras
import numpy as np
import pytest
from attention_rnn_cases import PLACEMENTS, SCORES, ProjectedCell, built
from keras.src.testing import TestCase

from keras_seq.layers import LSTM, Attention, AttentionRNN, Bidirectional, GRUCell, LSTMCell

to_numpy = keras.ops.convert_to_numpy
BACKEND = keras.config.backend()
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(2, 3, 3)).astype("float32")
MEMORY = RANDOM.normal(size=(2, 5, 4)).astype("float32")
MASK = np.array([[1, 0, 1], [0, 1, 1]], "bool")
MEMORY_MASK = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0]], "bool")
SHAPES = {"sequences_shape": (2, 3, 3), "memory_shape": (2, 5, 4)}

harness = TestCase()


def make(placement="luong", score="general", cell=None, **kwargs):
    return AttentionRNN(
        cell or LSTMCell(4),
        Attention(score, units=3, max_source_length=6, filters=2, kernel_size=3),
        **PLACEMENTS[placement],
        **kwargs,
    )


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("training", [False, True])
def test_harness_of_keras(placement, training):
    config = make(placement, kernel_regularizer="l2").get_config()

    harness.run_layer_test(
        AttentionRNN,
        init_kwargs={
            **{name: config[name] for name in ("placement", "input_feeding", "attention_units")},
            "cell": LSTMCell(4),
            "attention": Attention("additive", units=3, dropout=0.5 * training, seed=1),
            "kernel_regularizer": "l2",
        },
        input_shape=SHAPES,
        call_kwargs={"training": True} if training else None,
        expected_output_shape=(2, 3, config["attention_units"] or 4),
        expected_num_trainable_weights=6 + ("luong" in placement or "output" in placement),
        expected_num_seed_generators=int(training),
        supports_masking=True,
        # The harness cannot train on two inputs; tests below train.
        run_training_check=False,
    )


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("return_state", [True, False])
@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_symbolic_shapes_are_those_of_the_outputs(
    placement, return_sequences, return_state, scores, known
):
    kwargs = {"return_sequences": return_sequences, "return_state": return_state}
    layer = make(placement, cell=ProjectedCell(), **kwargs)

    symbolic = layer(
        *(keras.Input((length if known else None, width)) for length, width in ((8, 3), (9, 4))),
        return_attention_scores=scores,
    )
    eager = layer(np.ones((2, 8, 3)), np.ones((2, 9, 4)), return_attention_scores=scores)

    unknown = {2: None} | ({} if known else {8: None, 9: None})
    symbolic, eager = (list(x) if isinstance(x, tuple) else [x] for x in (symbolic, eager))
    shapes = [tuple(x.shape) for x in eager]
    assert len(shapes) == 1 + scores + return_state * (3 + layer._keeps_query)
    # No width is one of the sizes that are not known.
    assert [tuple(unknown.get(n, n) for n in shape) for shape in shapes] == [
        x.shape for x in symbolic
    ]
    assert {keras.backend.standardize_dtype(x.dtype) for x in eager} == {"float32"}
    assert {x.dtype for x in symbolic} == {"float32"}
    computed = layer.compute_output_shape((2, 8, 3), (2, 9, 4))
    assert (computed if return_state else (computed,)) == (shapes[0], *shapes[1 + scores :])


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("score", ["dot", "location_aware"])
@pytest.mark.parametrize("cell", ["lstm", "simple_of_keras", "stacked"])
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(placement, score, cell, dtype):
    layer = built(score, placement, cell, RANDOM, dtype=dtype)
    memory = MEMORY if score == "dot" else np.concatenate([MEMORY, MEMORY[..., :1]], -1)
    call = {"sequences_mask": MASK, "memory_mask": MEMORY_MASK}

    found = layer(30 * INPUTS, 30 * memory, return_attention_scores=True, **call)
    states = layer.get_initial_state(2, 5)
    projected = layer.project_memory(memory)
    _, _, states = layer.step(INPUTS[:, 0], states, memory, projected, MEMORY_MASK)

    for x in (*found, *states):
        assert keras.backend.standardize_dtype(x.dtype) == layer.compute_dtype
        assert np.isfinite(to_numpy(keras.ops.cast(x, "float32"))).all()
    assert {weight.dtype for weight in layer.weights} == {"float32"}


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_integers_are_computed_in_the_dtype_of_the_layer(placement, dtype):
    layer = make(placement, dtype=dtype)
    integers = [np.arange(size).reshape(2, -1, width) % 3 for size, width in ((18, 3), (40, 4))]

    ours, floats = (layer(*(x.astype(kind) for x in integers)) for kind in ("int32", "float32"))

    assert keras.backend.standardize_dtype(ours.dtype) == layer.compute_dtype
    ours, floats = (to_numpy(keras.ops.cast(x, "float32")) for x in (ours, floats))
    np.testing.assert_array_equal(ours, floats)


# Keras, of the layers of a model that hold no kernel.
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("adaptation", ["lora", "int8"])
def test_cell_with_adapted_kernels(placement, adaptation):
    layer, expected = make(placement), make(placement)
    inputs = keras.Input(INPUTS.shape[1:]), keras.Input(MEMORY.shape[1:])
    model = keras.Model(inputs, layer(*inputs))
    expected(INPUTS, MEMORY)
    weights, cell = layer.get_weights(), layer.cell
    if adaptation == "lora":
        cell.enable_lora(2)
        for factor in (cell.lora_kernel_b, cell.lora_recurrent_kernel_b):
            factor.assign(RANDOM.normal(size=factor.shape))
    else:
        model.quantize("int8")
    expected.set_weights(weights)
    for name in ("kernel", "recurrent_kernel"):
        getattr(expected.cell, name).assign(cell.tensors()[name])

    output = to_numpy(model([INPUTS, MEMORY]))

    np.testing.assert_allclose(output, to_numpy(expected(INPUTS, MEMORY)), atol=1e-5)
    before = {variable.path: to_numpy(variable) for variable in layer.variables}
    model.compile("sgd", "mse")
    model.fit([INPUTS, MEMORY], np.zeros(output.shape), verbose=0)
    changed = {v.path for v in layer.variables if (to_numpy(v) != before[v.path]).any()}
    assert changed == {variable.path for variable in layer.trainable_variables}
    assert not changed & {cell.kernel.path, cell.recurrent_kernel.path}


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("score", ["dot", "location", "location_aware"])
def test_no_steps_at_all(placement, score):
    layer = make(placement, score, return_state=True)
    layer.build(INPUTS.shape, MEMORY.shape)
    start = [np.full((2, 4), 0.5, "float32")] * 2

    without, alignments, *states = layer(
        INPUTS[:, :0], MEMORY, initial_state=start, return_attention_scores=True
    )
    output, weights, *_ = layer(INPUTS, MEMORY[:, :0], return_attention_scores=True)

    assert tuple(without.shape) == (2, 0, *output.shape[2:])
    assert tuple(alignments.shape) == (2, 0, 5)
    assert tuple(weights.shape) == (2, 3, 0)
    expected = layer.get_initial_state(2, 5, start)
    for a, b in zip(states, expected, strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    # Nothing to attend to is a context of zero, as is a memory of zeros.
    zeros = layer(INPUTS, np.zeros_like(MEMORY))[0]
    np.testing.assert_allclose(to_numpy(output), to_numpy(zeros), atol=1e-6)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("cell", [GRUCell, keras.layers.LSTMCell, ProjectedCell])
def test_saved_model_gives_the_same_output(placement, cell, tmp_path):
    tokens = [keras.Input((None,), dtype="int32") for _ in range(2)]
    embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    layer = make(placement, "concat", cell() if cell is ProjectedCell else cell(4))
    model = keras.Model(tokens, layer(*map(embedding, tokens), return_attention_scores=True))
    batch = [np.array([[1, 2, 0], [3, 0, 0]]), np.array([[4, 5, 6, 0], [7, 8, 0, 0]])]
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    for a, b in zip(model(batch), loaded(batch), strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    # As a file holds them: it knows no tuples.
    found, expected = (json.dumps(x.get_config()) for x in (loaded.layers[-1], layer))
    assert found == expected


class UnknownCell(ProjectedCell):
    """A cell that is not registered."""


def test_configuration_takes_custom_objects_and_stays_as_it_was():
    config = make(cell=UnknownCell()).get_config()
    kept = keras.tree.map_structure(lambda x: x, config)

    layer = AttentionRNN.from_config(config, custom_objects={"UnknownCell": UnknownCell})

    assert type(layer.cell) is UnknownCell
    assert config == kept


@pytest.mark.parametrize(
    ("cell", "jit_compile"),
    [
        (LSTMCell, False),
        (keras.layers.SimpleRNNCell, False),
        (keras.layers.GRUCell, False),
        (LSTMCell, True),
        (keras.layers.SimpleRNNCell, True),
    ],
)
def test_decodes_a_source_in_training(cell, jit_compile):
    if jit_compile and BACKEND == "torch":
        pytest.skip("torch.compile takes minutes")
    source, target = keras.Input((None, 3)), keras.Input((None, 3))
    memory = Bidirectional(LSTM(2, return_sequences=True))(source)
    attention = Attention("location_aware", filters=2, kernel_size=3, dropout=0.2, seed=2)
    layer = AttentionRNN(cell(4, dropout=0.3, seed=1), attention, "luong")
    model = keras.Model([source, target], layer(target, memory))
    model.compile("sgd", "mse", jit_compile=jit_compile)
    before = [to_numpy(weight) for weight in layer.trainable_weights]

    model.fit([MEMORY[..., :3], INPUTS], np.ones((2, 3, 4)), epochs=2, verbose=0)
    # Another length of both.
    output = model.predict([MEMORY[:, :4, :3], INPUTS[:, :2]], verbose=0)

    expected = to_numpy(model([MEMORY[:, :4, :3], INPUTS[:, :2]]))
    np.testing.assert_allclose(output, expected, atol=1e-5)
    after = [to_numpy(weight) for weight in layer.trainable_weights]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow has unknown lengths")
@pytest.mark.parametrize(
    ("score", "placement", "jit_compile"),
    [
        *zip(
            SCORES,
            itertools.cycle(["luong", "bahdanau_with_output"]),
            itertools.repeat(False),
            strict=False,
        ),
        # XLA takes seconds: once for each use of the length of the memory.
        ("dot", "bahdanau_with_output", True),
        pytest.param("additive", "luong", True, marks=pytest.mark.slow),
        pytest.param("location", "luong", True, marks=pytest.mark.slow),
        ("location_aware", "bahdanau_with_output", True),
    ],
)
def test_unknown_lengths_have_exact_gradients(score, placement, jit_compile):
    import tensorflow as tf

    zero = tf.UnconnectedGradients.ZERO
    layer = make(placement, score, return_state=True)
    layer.build((None, None, 3), (None, None, 4))

    def loss_and_gradients(inputs, memory, mask, memory_mask):
        with tf.GradientTape() as tape:
            tape.watch([inputs, memory])
            outputs = layer(
                inputs,
                memory,
                sequences_mask=mask,
                memory_mask=memory_mask,
                return_attention_scores=True,
            )
            loss = sum(tf.reduce_sum(x**2) for x in outputs)
        sources = [inputs, memory, *(weight.value for weight in layer.trainable_weights)]
        return loss, tape.gradient(loss, sources, unconnected_gradients=zero)

    compiled = tf.function(
        loss_and_gradients,
        input_signature=[
            tf.TensorSpec((None, None, 3), tf.float32),
            tf.TensorSpec((None, None, 4), tf.float32),
            tf.TensorSpec((None, None), tf.bool),
            tf.TensorSpec((None, None), tf.bool),
        ],
        jit_compile=jit_compile,
    )

    for steps, memory_steps in ((3, 5), (2, 1), (2, 0), (0, 2)):
        arguments = (
            tf.constant(RANDOM.normal(size=(2, steps, 3)), tf.float32),
            tf.constant(RANDOM.normal(size=(2, memory_steps, 4)), tf.float32),
            tf.constant(RANDOM.random((2, steps)) > 0.3),
            tf.constant(RANDOM.random((2, memory_steps)) > 0.3),
        )
        found = tf.nest.flatten(compiled(*arguments))
        expected = tf.nest.flatten(loss_and_gradients(*arguments))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: AttentionRNN(3, Attention()), "`cell` must be a cell.*Received: cell=3"),
        (lambda: AttentionRNN([LSTMCell(2)], Attention()), "keras.layers.StackedRNNCells"),
        (
            lambda: AttentionRNN(LSTMCell(2), keras.layers.Attention()),
            "must be a `keras_seq.layers.Attention`.*Received: attention=<Attention",
        ),
        (lambda: AttentionRNN(LSTMCell(2), "dot"), "Received: attention='dot'"),
        (
            lambda: AttentionRNN(LSTMCell(2), Attention(), "before"),
            r"one of \['bahdanau', 'luong'\]. Received: placement='before'",
        ),
        (
            lambda: AttentionRNN(LSTMCell(2), Attention(), input_feeding=True),
            "is for `placement='luong'`.*Received: input_feeding=True, placement='bahdanau'",
        ),
        (lambda: make(cell=LSTMCell(2), return_state=True)(INPUTS[0], MEMORY), "`sequences` must"),
        (
            lambda: make()(INPUTS, MEMORY[..., None]),
            r"`memory` must have the shape.*memory.shape=\(2, 5, 4, 1\)",
        ),
        (
            lambda: make()(INPUTS, MEMORY[:1]),
            r"same batch size.*sequences.shape=\(2, 3, 3\), memory.shape=\(1, 5, 4\)",
        ),
        (
            lambda: make()(INPUTS, MEMORY, memory_mask=MASK),
            r"`memory_mask` must.*memory_mask.shape=\(2, 3\), where \(2, 5\) was expected",
        ),
        (
            lambda: make()(INPUTS, MEMORY, sequences_mask=MEMORY_MASK),
            r"`sequences_mask` must.*sequences_mask.shape=\(2, 5\)",
        ),
        (
            lambda: make(score="dot")(INPUTS, MEMORY[..., :2]),
            "`score='dot'` needs.*`score='general'`.*query width 4, key width 2",
        ),
        (
            lambda: make(score="location")(INPUTS, np.concatenate([MEMORY, MEMORY], 1)),
            "10 keys, max_source_length=6",
        ),
        (
            lambda: make()(INPUTS, MEMORY, initial_state=[INPUTS[:, 0]] * 2),
            r"`initial_state` must hold.*\(2, 4\), \(2, 4\).*Received: .*\[\(2, 3\), \(2, 3\)\]",
        ),
        (
            lambda: make()(INPUTS, MEMORY, initial_state=[MEMORY[:, 0]]),
            r"or all states that the layer returns.*Received: .*\[\(2, 4\)\]",
        ),
        (
            lambda: make()(keras.Input((3, 3)), keras.Input((5, 4)), memory_mask=MASK),
            r"memory_mask.shape=\(2, 3\)",
        ),
    ],
)
def test_errors_say_what_was_received(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("units", [0, -1, 2.5, True])
def test_attention_units_must_be_a_positive_integer(units):
    with pytest.raises(ValueError, match=f"Received: attention_units={units}"):
        AttentionRNN(LSTMCell(2), Attention(), attention_units=units)


@pytest.mark.parametrize(("features", "width"), [(2, 4), (3, 3)])
def test_weights_are_for_one_width(features, width):
    layer = make("bahdanau")
    layer(INPUTS, MEMORY)

    with pytest.raises(ValueError, match=r"built for sequences of 3 features and a memory of 4"):
        layer(INPUTS[..., :features], MEMORY[..., :width])
