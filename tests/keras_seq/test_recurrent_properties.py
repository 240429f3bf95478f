"""Any lengths, masks and ways of starting, compared with the recurrence as a NumPy loop."""

import keras
import numpy as np
import numpy_reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_seq.layers import GRU, LSTM, Bidirectional, PeepholeLSTM

to_numpy = keras.ops.convert_to_numpy
MASKS = {
    "left": lambda batch, time, random: np.arange(time) >= random.integers(0, time, (batch, 1)),
    "right": lambda batch, time, random: np.arange(time) < random.integers(1, time + 1, (batch, 1)),
    "holes": lambda batch, time, random: random.random((batch, time)) > 0.5,
    "all": lambda batch, time, random: np.zeros((batch, time), "bool"),
    "none": lambda batch, time, random: np.ones((batch, time), "bool"),
}
VARIANTS = [
    (LSTM, {}),
    (PeepholeLSTM, {}),
    (PeepholeLSTM, {"output_activation": "linear"}),
    (GRU, {}),
    (GRU, {"reset_after": False}),
]
STARTS = ["zeros", "initial_state", "stateful"]
MASK_DTYPES = ["bool", "int32", "float32"]


def randomize(layer, shape, random):
    layer.build(shape)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])


def build_random(cls, features, seed, **kwargs):
    random = np.random.default_rng(seed)
    layer = cls(3, return_sequences=True, return_state=True, **kwargs)
    layer.build((None, None, features))
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    return layer, random


def reference_step(layer):
    weights = [weight.astype("float64") for weight in layer.get_weights()]
    if isinstance(layer, GRU):
        kernel, recurrent_kernel, bias = weights
        bias, recurrent_bias = bias if layer.reset_after else (bias, np.zeros_like(bias))
        return lambda x, state: numpy_reference.gru_step(
            x, state, kernel, recurrent_kernel, bias, recurrent_bias, layer.reset_after
        )
    peephole_kernel = weights[3] if isinstance(layer, PeepholeLSTM) else np.zeros((3, 3))
    linear = isinstance(layer, PeepholeLSTM) and layer.output_activation is not None
    return lambda x, state: numpy_reference.lstm_step(
        x, state, *weights[:3], peephole_kernel, (lambda c: c) if linear else np.tanh
    )


@pytest.mark.parametrize(("cls", "kwargs"), VARIANTS)
@pytest.mark.parametrize("start", STARTS)
@settings(max_examples=5)
@given(data=st.data())
def test_any_mask_on_any_path_equals_the_loop(cls, kwargs, start, data):
    batch, time, features = (data.draw(st.integers(1, top)) for top in (3, 5, 2))
    pattern, dtype = (
        data.draw(st.sampled_from(list(MASKS))),
        data.draw(st.sampled_from(MASK_DTYPES)),
    )
    go_backwards, unroll, zero_output = (data.draw(st.booleans()) for _ in range(3))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    mask = MASKS[pattern](batch, time, random)
    layer = cls(
        3,
        return_sequences=True,
        return_state=True,
        go_backwards=go_backwards,
        unroll=unroll,
        zero_output_for_mask=zero_output,
        stateful=start == "stateful",
        **kwargs,
    )
    randomize(layer, (batch, None, features), random)
    inputs = random.normal(size=(batch, time, features))
    state = [
        np.zeros((batch, 3)) if start == "zeros" else random.normal(size=(batch, 3))
        for _ in layer.state_size
    ]
    expected, expected_state = numpy_reference.run(
        reference_step(layer), inputs, state, mask, go_backwards, zero_output
    )
    if start == "stateful":
        layer.reset_state(state)
    given_state = {"initial_state": [entry.astype("float32") for entry in state]}

    outputs, *last = layer(
        inputs.astype("float32"),
        mask=mask.astype(dtype),
        **(given_state if start == "initial_state" else {}),
    )

    np.testing.assert_allclose(to_numpy(outputs), expected, atol=1e-5)
    for entry, expected_entry in zip(last, expected_state, strict=True):
        np.testing.assert_allclose(to_numpy(entry), expected_entry, atol=1e-5)
    if start == "stateful":
        for kept, entry in zip(layer.states, last, strict=True):
            np.testing.assert_array_equal(to_numpy(kept), to_numpy(entry))


@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU])
@pytest.mark.parametrize("start", STARTS)
@settings(max_examples=4)
@given(data=st.data())
def test_any_mask_in_both_directions_equals_two_loops(cls, start, data):
    batch, time, features = (data.draw(st.integers(1, top)) for top in (3, 4, 2))
    pattern = data.draw(st.sampled_from(list(MASKS)))
    unroll, return_sequences = data.draw(st.booleans()), data.draw(st.booleans())
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    mask = MASKS[pattern](batch, time, random)
    layer = Bidirectional(
        cls(
            3,
            return_sequences=return_sequences,
            return_state=True,
            unroll=unroll,
            stateful=start == "stateful",
        )
    )
    randomize(layer, (batch, None, features), random)
    inputs = random.normal(size=(batch, time, features))
    half = len(layer.forward_layer.state_size)
    state = [
        np.zeros((batch, 3)) if start == "zeros" else random.normal(size=(batch, 3))
        for _ in range(2 * half)
    ]
    forward, forward_state = numpy_reference.run(
        reference_step(layer.forward_layer), inputs, state[:half], mask
    )
    backward, backward_state = numpy_reference.run(
        reference_step(layer.backward_layer), inputs, state[half:], mask, go_backwards=True
    )
    expected = np.concatenate([forward, backward[:, ::-1]], -1) * mask[..., None]
    if not return_sequences:
        expected = np.concatenate([forward_state[0], backward_state[0]], -1)
    if start == "stateful":
        layer.reset_state(state)
    given_state = {"initial_state": [entry.astype("float32") for entry in state]}

    outputs, *last = layer(
        inputs.astype("float32"), mask=mask, **(given_state if start == "initial_state" else {})
    )

    np.testing.assert_allclose(to_numpy(outputs), expected, atol=1e-5)
    for entry, expected_entry in zip(last, [*forward_state, *backward_state], strict=True):
        np.testing.assert_allclose(to_numpy(entry), expected_entry, atol=1e-5)


@pytest.mark.parametrize(("cls", "kwargs"), VARIANTS)
@pytest.mark.parametrize("batch", [1, 3])
def test_cell_step_by_step_equals_the_layer(cls, kwargs, batch):
    layer, random = build_random(cls, 2, batch, **kwargs)
    inputs = random.normal(size=(batch, 7, 2)).astype("float32")
    outputs, *last = layer(inputs)

    state, steps = layer.get_initial_state(batch), []
    for t in range(7):
        output, state = layer.cell(inputs[:, t], state)
        steps.append(to_numpy(output))

    np.testing.assert_allclose(to_numpy(outputs), np.stack(steps, 1), atol=1e-5)
    for entry, expected_entry in zip(last, state, strict=True):
        np.testing.assert_allclose(to_numpy(entry), to_numpy(expected_entry), atol=1e-5)


@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU])
@pytest.mark.parametrize("unroll", [False, True])
def test_no_steps_give_the_initial_state(cls, unroll):
    layer = cls(3, return_state=True, unroll=unroll)
    state = [np.full((2, 3), 1.0 + number, "float32") for number in range(len(layer.state_size))]

    output, *last = layer(np.ones((2, 0, 4), "float32"), initial_state=state)

    np.testing.assert_array_equal(to_numpy(output), state[0])
    for entry, expected_entry in zip(last, state, strict=True):
        np.testing.assert_array_equal(to_numpy(entry), expected_entry)


@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_large_inputs_stay_finite_in_every_precision(cls, dtype):
    layer = cls(3, return_sequences=True, dtype=dtype)
    inputs = np.random.default_rng(0).normal(size=(2, 40, 4)) * 3e3
    mask = MASKS["holes"](2, 40, np.random.default_rng(1))

    output = keras.ops.cast(layer(inputs.astype("float32"), mask=mask), "float32")

    assert np.isfinite(to_numpy(output)).all()
    assert {weight.dtype for weight in layer.weights} == {"float32"}


@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU])
@settings(max_examples=5)
@given(data=st.data())
def test_last_output_is_that_of_the_valid_steps_alone(cls, data):
    time = data.draw(st.integers(1, 6))
    valid = data.draw(st.lists(st.booleans(), min_size=time, max_size=time).filter(any))
    layer, random = build_random(cls, 2, 0)
    layer.return_sequences = False
    inputs = random.normal(size=(1, time, 2)).astype("float32")

    masked = layer(inputs, mask=np.array([valid]))
    alone = layer(inputs[:, valid])

    for a, b in zip(masked, alone, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU])
@settings(max_examples=5)
@given(data=st.data())
def test_two_halves_equal_the_whole(cls, data):
    time = data.draw(st.integers(2, 6))
    cut = data.draw(st.integers(1, time - 1))
    layer, random = build_random(cls, 2, 1)
    inputs = random.normal(size=(2, time, 2)).astype("float32")

    whole, *whole_state = layer(inputs)
    first, *state = layer(inputs[:, :cut])
    second, *state = layer(inputs[:, cut:], initial_state=state)

    halves = np.concatenate([to_numpy(first), to_numpy(second)], axis=1)
    np.testing.assert_allclose(to_numpy(whole), halves, atol=1e-6)
    np.testing.assert_allclose(to_numpy(whole_state[0]), to_numpy(state[0]), atol=1e-6)


@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU, Bidirectional])
def test_mask_may_be_a_column(cls):
    inputs = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    mask = MASKS["holes"](2, 5, np.random.default_rng(1))
    options = {"return_sequences": True, "zero_output_for_mask": True}
    layer = Bidirectional(LSTM(3, **options)) if cls is Bidirectional else cls(3, **options)

    column, flat = (to_numpy(layer(inputs, mask=m)) for m in (mask[..., None], mask))

    np.testing.assert_array_equal(column, flat)
