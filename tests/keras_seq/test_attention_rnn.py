"""`AttentionRNN` against a loop in NumPy, step by step, with its masks, states and dropout."""

import keras
import numpy as np
import numpy_reference
import pytest
from attention_rnn_cases import CELLS, PLACEMENTS, SAME_WIDTH, SCORES, built, reference
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_seq.layers import Attention, AttentionRNN, GRUCell, LSTMCell
from keras_seq.ops.recurrence import recurrence

to_numpy = keras.ops.convert_to_numpy
LENGTHS = [(2, 4, 3), (1, 2, 5)]


def drawn(data, score, placement):
    """Return a layer, inputs, memory and the arguments of a call, all drawn at random."""
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    # A few shapes only: JAX compiles the loop for each.
    batch, steps, memory_steps = data.draw(st.sampled_from(LENGTHS))
    layer = built(
        score,
        placement,
        data.draw(st.sampled_from(list(CELLS))),
        random,
        data.draw(st.sampled_from(["softmax", "sparsemax"])),
    )
    inputs = random.normal(size=(batch, steps, 3)).astype("float32")
    width = 4 if score in SAME_WIDTH else 5
    memory = random.normal(size=(batch, memory_steps, width)).astype("float32")
    call = {}
    if data.draw(st.booleans()):
        call["sequences_mask"] = random.random((batch, steps)) > 0.4
    if data.draw(st.booleans()):
        call["memory_mask"] = random.random((batch, memory_steps)) > 0.4
    if data.draw(st.booleans()):
        sizes = keras.tree.flatten(layer.cell.state_size)
        call["initial_state"] = [
            random.normal(size=(batch, size)).astype("float32") for size in sizes
        ]
    return layer, inputs, memory, call


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=2)
@given(data=st.data())
def test_equals_the_loops(score, placement, data):
    layer, inputs, memory, call = drawn(data, score, placement)

    output, alignments, *states = layer(inputs, memory, return_attention_scores=True, **call)

    expected, expected_alignments = reference(layer, inputs, memory, **call)
    np.testing.assert_allclose(to_numpy(output), expected, atol=2e-5)
    np.testing.assert_allclose(to_numpy(alignments), expected_alignments, atol=2e-5)
    np.testing.assert_array_equal(to_numpy(states[-2]), to_numpy(output)[:, -1])
    np.testing.assert_array_equal(to_numpy(states[-1]), to_numpy(alignments)[:, -1])


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=2)
@given(data=st.data())
def test_step_by_step_equals_all_at_once(score, placement, data):
    layer, inputs, memory, call = drawn(data, score, placement)
    memory_mask = call.get("memory_mask")
    valid = call.get("sequences_mask", np.ones(inputs.shape[:2], "bool"))
    expected = layer(inputs, memory, return_attention_scores=True, **call)

    projected = layer.project_memory(memory, memory_mask)
    states = layer.get_initial_state(len(memory), memory.shape[1], call.get("initial_state"))
    outputs, alignments = [], []
    for t in range(inputs.shape[1]):
        output, alignment, new = layer.step(inputs[:, t], states, memory, projected, memory_mask)
        assert output is new[-2]
        assert alignment is new[-1]
        # A decoder has no masked steps; this is what a call does with them.
        states = [ops.where(valid[:, t, None], a, b) for a, b in zip(new, states, strict=True)]
        outputs.append(to_numpy(states[-2]))
        alignments.append(to_numpy(states[-1]))

    found = [np.stack(outputs, 1), np.stack(alignments, 1), *map(to_numpy, states)]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, to_numpy(b), atol=1e-5)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("cell", ["lstm", "projected"])
def test_goes_on_where_the_last_call_ended(cell, placement):
    random = np.random.default_rng(3)
    layer = built("location_aware", placement, cell, random)
    inputs = random.normal(size=(2, 5, 3)).astype("float32")
    memory = random.normal(size=(2, 4, 5)).astype("float32")
    whole, *expected = layer(inputs, memory)

    first, *states = layer(inputs[:, :2], memory)
    second, *states = layer(inputs[:, 2:], memory, initial_state=states)

    halves = np.concatenate([to_numpy(first), to_numpy(second)], 1)
    np.testing.assert_allclose(halves, to_numpy(whole), atol=1e-6)
    for a, b in zip(states, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


def test_starts_from_the_states_of_an_encoder():
    random = np.random.default_rng(4)
    source = random.normal(size=(2, 4, 3)).astype("float32")
    inputs = random.normal(size=(2, 3, 3)).astype("float32")
    cells = [GRUCell(3), LSTMCell(4)]
    memory, *nested = keras.layers.RNN(cells, return_sequences=True, return_state=True)(source)
    stacked = keras.layers.StackedRNNCells([GRUCell(3), LSTMCell(4)])
    layer = AttentionRNN(stacked, Attention("dot"))

    by_cells = layer(inputs, memory, initial_state=nested)
    flat = layer(inputs, memory, initial_state=keras.tree.flatten(nested))

    np.testing.assert_array_equal(to_numpy(by_cells), to_numpy(flat))
    assert np.abs(to_numpy(by_cells) - to_numpy(layer(inputs, memory))).max() > 1e-3


def test_input_feeding_is_the_default_of_luong():
    random = np.random.default_rng(5)
    inputs, memory = random.normal(size=(2, 3, 3)), random.normal(size=(2, 4, 5))
    widths = {}
    for feeding in (None, True, False):
        layer = AttentionRNN(LSTMCell(4), Attention("general"), "luong", feeding, 6)
        layer(inputs, memory)
        widths[feeding] = layer.cell.kernel.shape[0]

    assert widths == {None: 3 + 6, True: 3 + 6, False: 3}


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("score", SCORES)
def test_masked_memory_reaches_nothing(score, placement, gradients):
    random = np.random.default_rng(6)
    layer = built(score, placement, "lstm", random)
    inputs = random.normal(size=(3, 3, 3)).astype("float32")
    memory = random.normal(size=(3, 5, 4 if score in SAME_WIDTH else 5)).astype("float32")
    # The last row has no memory at all.
    mask = np.array([[1, 0, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], "bool")
    broken = np.where(mask[..., None], memory, np.nan).astype("float32")

    def run(x, **call):
        return [to_numpy(y) for y in layer(inputs, x, return_attention_scores=True, **call)]

    found = run(broken, memory_mask=mask)
    for a, b in zip(found, run(memory, memory_mask=mask), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (found[1][~np.broadcast_to(mask[:, None], found[1].shape)] == 0).all()
    # Without memory the context is zero, as with a memory of zeros.
    np.testing.assert_allclose(found[0][2], run(np.zeros_like(memory))[0][2], atol=1e-6)
    if score != "location_aware":
        short = layer(inputs[1:2], memory[1:2, :2], return_attention_scores=True)
        np.testing.assert_allclose(found[0][1], to_numpy(short[0])[0], atol=1e-6)
        np.testing.assert_allclose(found[1][1, :, :2], to_numpy(short[1])[0], atol=1e-6)

    def total(inputs, memory, *tensors):
        outputs, _ = layer.stateless_call(list(tensors), [], inputs, memory, memory_mask=mask)
        return ops.sum(outputs[0] ** 2)

    found = gradients(total, [inputs, broken, *layer.get_weights()])
    assert all(np.isfinite(gradient).all() for gradient in found)
    assert (found[1][~mask] == 0).all()


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("score", ["additive", "location_aware"])
def test_no_output_depends_on_later_inputs(score, placement, gradients):
    random = np.random.default_rng(7)
    layer = built(score, placement, "gru", random)
    inputs = random.normal(size=(2, 5, 3)).astype("float32")
    memory = random.normal(size=(2, 4, 5)).astype("float32")

    def total(inputs):
        return ops.sum(layer(inputs, memory)[0][:, 2] ** 2)

    (gradient,) = gradients(total, [inputs])
    assert (gradient[:, 3:] == 0).all()
    assert (np.abs(gradient[:, :3]).max(axis=(0, 2)) > 1e-6).all()


def decoder(embedded, memory, **kwargs):
    layer = AttentionRNN(LSTMCell(4), Attention("additive", units=3), **kwargs)
    return layer(embedded, memory, return_attention_scores=True)


def test_masks_of_the_inputs_are_used_and_that_of_the_sequences_goes_on():
    keras.utils.set_random_seed(1)
    tokens = [keras.Input((None,), dtype="int32") for _ in range(2)]
    embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    target, source = (embedding(x) for x in tokens)
    output, alignments = decoder(target, source)
    model = keras.Model(tokens, [output, alignments, keras.layers.LSTM(2)(output)])

    short = [to_numpy(x) for x in model([np.array([[1, 2]]), np.array([[3, 4]])])]
    long = [to_numpy(x) for x in model([np.array([[1, 2, 0]]), np.array([[3, 4, 0, 0]])])]

    np.testing.assert_allclose(long[0][:, :2], short[0], atol=1e-6)
    np.testing.assert_array_equal(long[0][:, 2], long[0][:, 1])
    np.testing.assert_allclose(long[1][:, :2, :2], short[1], atol=1e-6)
    np.testing.assert_array_equal(long[1][:, 2], long[1][:, 1])
    assert (long[1][:, :, 2:] == 0).all()
    np.testing.assert_allclose(long[2], short[2], atol=1e-6)


def test_last_output_has_no_mask():
    tokens = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)

    sequences, alignments = decoder(embedded, embedded)
    last, _ = decoder(embedded, embedded, return_sequences=False)

    assert sequences._keras_mask is not None
    assert getattr(last, "_keras_mask", None) is None
    assert getattr(alignments, "_keras_mask", None) is None


def test_explicit_masks_win():
    embedded = keras.layers.Embedding(9, 4, mask_zero=True)(np.array([[1, 2, 0], [3, 0, 0]]))
    mask = np.array([[False, True, True], [True, False, True]])
    layer = AttentionRNN(LSTMCell(4), Attention("dot"))

    found = layer(
        embedded, embedded, sequences_mask=mask, memory_mask=mask, return_attention_scores=True
    )

    output, alignments = map(to_numpy, found)
    assert (output[0, 0] == 0).all()
    np.testing.assert_array_equal(output[1, 1], output[1, 0])
    assert ((alignments[:, 2] != 0) == mask).all()


def dropping(cell, seed=3):
    # The output is the hyperbolic tangent of the weights that are kept.
    layer = AttentionRNN(
        cell, Attention("general", dropout=0.5, seed=seed), "luong", attention_units=5
    )
    layer.build((2, 6, 3), (2, 5, 5))
    layer.kernel.assign(np.eye(5 + 4)[:, :5])
    return layer


INPUTS = np.random.default_rng(8).normal(size=(2, 6, 3)).astype("float32")
ONE_HOT = np.stack([np.eye(5, dtype="float32")] * 2)


def kept(layer, **call):
    output, weights = layer(INPUTS, ONE_HOT, return_attention_scores=True, **call)
    return np.arctanh(to_numpy(output)) / to_numpy(weights)


def test_each_step_drops_its_own_weights():
    factors = kept(dropping(LSTMCell(4)), training=True)

    dropped = np.isclose(factors, 0, atol=1e-4)
    np.testing.assert_allclose(factors[~dropped], 2, atol=1e-4)
    assert len({row.tobytes() for row in dropped.reshape(-1, 5)}) > 6


@pytest.mark.parametrize("cell", [LSTMCell, keras.layers.LSTMCell, keras.layers.SimpleRNNCell])
def test_dropout_only_in_training_and_reproducible(cell):
    # Made with one seed, so that they have the same weights.
    layers = []
    for _ in range(2):
        keras.utils.set_random_seed(2)
        layers.append(dropping(cell(4, dropout=0.4, recurrent_dropout=0.4, seed=1)))
    first, second = layers

    np.testing.assert_allclose(kept(first), 1, atol=1e-4)
    np.testing.assert_allclose(kept(first, training=False), 1, atol=1e-4)
    for a, b in zip(first.non_trainable_variables, second.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    assert first.cell.dropout == first.cell.recurrent_dropout == 0.4

    runs = [[to_numpy(layer(INPUTS, ONE_HOT, training=True)) for _ in range(2)] for layer in layers]

    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][0] != runs[0][1]).any()


def test_a_step_in_training_drops_weights():
    layer = dropping(LSTMCell(4))
    states, projected = layer.get_initial_state(2, 5), layer.project_memory(ONE_HOT)

    found = [
        to_numpy(layer.step(INPUTS[:, 0], states, ONE_HOT, projected, training=training)[0])
        for training in (True, True, False)
    ]

    assert (found[0] == 0).any()
    assert (found[0] != found[1]).any()
    assert (found[2] != 0).all()


def test_several_outputs_of_a_step_leave_the_loop():
    random = np.random.default_rng(9)
    inputs, start = random.normal(size=(2, 4, 3)), random.normal(size=(2, 3))
    mask = np.array([[1, 0, 1, 1], [0, 1, 1, 0]], "bool")

    def step(x, state):
        (total, _), count = state
        return (total + x, 2 * x), count + 1

    def loop(x, state):
        return state[0] + x, 2 * x, state[2] + 1

    zeros, counts = np.zeros((2, 3)), np.zeros((2, 1))
    sums, last = numpy_reference.run(loop, inputs, (start, zeros, counts), mask)
    for unroll in (False, True):
        (totals, doubles), state = recurrence(
            lambda xs: xs, step, inputs, ((start, zeros), counts), mask, unroll=unroll
        )

        np.testing.assert_allclose(to_numpy(totals), sums, atol=1e-6)
        np.testing.assert_allclose(to_numpy(doubles)[:, -1], last[1], atol=1e-6)
        for a, b in zip(keras.tree.flatten(state), last, strict=True):
            np.testing.assert_allclose(to_numpy(a), b, atol=1e-6)
