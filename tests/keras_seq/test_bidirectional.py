"""Both directions: numbers of Keras, merges, masks and state."""

import keras
import numpy as np
import pytest

from keras_seq.layers import GRU, LSTM, Bidirectional, LSTMCell, PeepholeLSTM

to_numpy = keras.ops.convert_to_numpy
INPUTS = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0]], "bool")
CONSTANT = {
    "kernel_initializer": keras.initializers.Constant(0.01),
    "recurrent_initializer": keras.initializers.Constant(0.02),
    "bias_initializer": keras.initializers.Constant(0.03),
}


def test_numbers_of_keras():
    sequence = np.arange(24).reshape(2, 3, 4).astype("float32")
    summed = Bidirectional(GRU(2, return_sequences=True, **CONSTANT), merge_mode="sum")
    stateful = Bidirectional(LSTM(2, stateful=True, **CONSTANT))
    other = np.arange(24).reshape(2, 4, 3).astype("float32")
    stateful(other)
    masked = Bidirectional(GRU(2, **CONSTANT))
    mask = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], "bool")

    np.testing.assert_allclose(
        to_numpy(summed(sequence))[..., 0],
        [[0.20937867, 0.34462988, 0.40290534], [0.59829646, 0.6734641, 0.6479671]],
        atol=1e-5,
    )
    np.testing.assert_allclose(
        to_numpy(stateful(other))[:, ::2],
        [[0.26234663, 0.16959146], [0.6137073, 0.5381646]],
        atol=1e-5,
    )
    np.testing.assert_allclose(
        to_numpy(masked(other, mask=mask))[:, ::2],
        [[0.19393763, 0.11669192], [0.30818558, 0.28380975]],
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("merge_mode", "backward", "expected"),
    [
        ("concat", None, [[0.39687276, 0.10004295], [0.7237238, 0.53391594]]),
        ("ave", None, [[0.24845785], [0.6288199]]),
        ("mul", (0.03, 0.02, 0.01), [[0.08374989], [0.6740834]]),
    ],
)
def test_numbers_of_keras_for_its_simple_layer(merge_mode, backward, expected):
    sequence = np.arange(24).reshape(2, 3, 4).astype("float32")
    if backward is not None:
        constants = map(keras.initializers.Constant, backward)
        backward = keras.layers.SimpleRNN(
            2, **dict(zip(CONSTANT, constants, strict=True)), go_backwards=True
        )
    forward = keras.layers.SimpleRNN(2, **CONSTANT)
    layer = Bidirectional(forward, merge_mode=merge_mode, backward_layer=backward)

    # Both units of a direction have the same weights.
    np.testing.assert_allclose(to_numpy(layer(sequence)), np.repeat(expected, 2, -1), atol=1e-5)


@pytest.mark.parametrize("inner", [LSTM, keras.layers.LSTM], ids=["ours", "keras"])
def test_numbers_of_keras_for_states(inner):
    sequence = np.arange(24).reshape(2, 4, 3).astype("float32")
    initial_state = [factor * np.arange(4.0).reshape(2, 2) for factor in (1, 2, 3, 4)]
    layer = Bidirectional(inner(2, return_state=True, **CONSTANT))

    output, *states = layer(sequence)
    started, *_ = layer(sequence, initial_state=initial_state)

    expected = {
        "forward h": [0.1990008, 0.52335435],
        "forward c": [0.35567185, 1.0492687],
        "backward h": [0.12659755, 0.44717982],
        "backward c": [0.2501858, 0.941473],
    }
    for state, values in zip(states, expected.values(), strict=True):
        np.testing.assert_allclose(to_numpy(state), np.stack([values] * 2, -1), atol=1e-5)
    joined = np.concatenate([to_numpy(states[0]), to_numpy(states[2])], -1)
    np.testing.assert_allclose(to_numpy(output), joined, atol=1e-6)
    np.testing.assert_allclose(
        to_numpy(started),
        [
            [0.20794602, 0.4577124, 0.14046375, 0.48191673],
            [0.6682636, 0.6711909, 0.60943645, 0.60950446],
        ],
        atol=1e-5,
    )


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize(
    "inner", [LSTM, PeepholeLSTM, GRU, keras.layers.SimpleRNN, keras.layers.LSTM]
)
def test_merges_the_outputs_of_both_directions(merge_mode, return_sequences, inner):
    layer = Bidirectional(inner(2, return_sequences=return_sequences), merge_mode=merge_mode)
    output = layer(INPUTS)

    forward = to_numpy(layer.forward_layer(INPUTS))
    backward = to_numpy(layer.backward_layer(INPUTS))
    backward = backward[:, ::-1] if return_sequences else backward
    expected = {
        "concat": np.concatenate([forward, backward], -1),
        "sum": forward + backward,
        "mul": forward * backward,
        "ave": (forward + backward) / 2,
        None: (forward, backward),
    }[merge_mode]
    for found, value in zip(*map(keras.tree.flatten, (output, expected)), strict=True):
        np.testing.assert_allclose(to_numpy(found), value, atol=1e-6)
    shapes = layer.compute_output_shape(INPUTS.shape)
    shapes = shapes if merge_mode is None else (shapes,)
    assert list(shapes) == [tuple(x.shape) for x in keras.tree.flatten(output)]


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU])
def test_each_row_is_read_alone(cls, unroll):
    layer = Bidirectional(cls(2, return_sequences=True, unroll=unroll))

    output = to_numpy(layer(INPUTS, mask=MASK))

    assert (output[~MASK] == 0).all()
    for row, mask in zip(range(3), MASK, strict=True):
        alone = to_numpy(layer(INPUTS[row : row + 1, mask]))
        np.testing.assert_allclose(output[row, mask], alone[0], atol=1e-6)


def test_stateful_with_return_state_and_mask():
    layer = Bidirectional(LSTM(2, stateful=True, return_state=True, return_sequences=True))
    embedding = keras.layers.Embedding(5, 4, mask_zero=True)
    tokens = keras.Input(batch_shape=(2, 4), dtype="int32")
    outputs = layer(embedding(tokens))
    model = keras.Model(tokens, outputs)

    first, *states = model.predict(np.array([[1, 2, 0, 0], [3, 1, 2, 4]]), verbose=0)

    assert first.shape == (2, 4, 4)
    assert [state.shape for state in states] == [(2, 2)] * 4
    np.testing.assert_allclose(states[0], to_numpy(layer.states[0]), atol=1e-6)
    layer.reset_state()
    assert all((to_numpy(state) == 0).all() for state in layer.states)
    with pytest.raises(AttributeError, match="stateful=True"):
        Bidirectional(LSTM(2)).reset_state()


def test_initial_state_is_split_between_the_directions():
    layer = Bidirectional(GRU(2, return_state=True))
    states = [np.full((3, 2), value, "float32") for value in (1.0, -1.0)]

    _, forward, backward = layer(INPUTS[:, :0], initial_state=states)

    np.testing.assert_array_equal(to_numpy(forward), states[0])
    np.testing.assert_array_equal(to_numpy(backward), states[1])


def test_own_backward_layer_survives_the_configuration():
    layer = Bidirectional(LSTM(2), backward_layer=GRU(2, go_backwards=True), merge_mode="ave")

    again = Bidirectional.from_config(layer.get_config())

    assert type(again.backward_layer) is GRU
    assert again.merge_mode == "ave"


def test_initial_weights():
    source = Bidirectional(GRU(2))
    source.build(INPUTS.shape)

    copy = Bidirectional(GRU(2), weights=source.get_weights())

    np.testing.assert_allclose(to_numpy(copy(INPUTS)), to_numpy(source(INPUTS)), atol=1e-6)


@keras.saving.register_keras_serializable(package="test_bidirectional")
def difference_and_product(forward, backward):
    return keras.ops.concatenate([forward - backward, forward * backward], axis=-1)


@pytest.mark.parametrize("return_state", [False, True])
def test_merges_by_a_function(return_state, tmp_path):
    inner = GRU(2, return_sequences=True, return_state=return_state)
    layer = Bidirectional(inner, merge_mode=difference_and_product)
    inputs = keras.Input((5, 4))
    model = keras.Model(inputs, layer(inputs))
    forward, backward = (
        to_numpy(keras.tree.flatten(side(INPUTS))[0])
        for side in (layer.forward_layer, layer.backward_layer)
    )
    backward = backward[:, ::-1]

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    expected = np.concatenate([forward - backward, forward * backward], -1)
    for found in (model, loaded):
        output = keras.tree.flatten(found(INPUTS))[0]
        np.testing.assert_allclose(to_numpy(output), expected, atol=1e-6)
    assert keras.tree.flatten(model.output)[0].shape == (None, 5, 4)


def test_any_causal_layer_reads_each_row_alone(tmp_path):
    layer = Bidirectional(keras.layers.Conv1D(3, 2, padding="causal", dilation_rate=2))
    inputs, mask = keras.Input((None, 4)), keras.Input((None,), dtype="bool")
    model = keras.Model([inputs, mask], layer(inputs, mask=mask))
    right = np.sort(MASK, axis=1)[:, ::-1]

    output = to_numpy(model([INPUTS, right]))

    assert (output[~right] == 0).all()
    for row, valid in zip(range(3), right, strict=True):
        sequence = INPUTS[row : row + 1, valid]
        forward = to_numpy(layer.forward_layer(sequence))
        backward = to_numpy(layer.backward_layer(sequence[:, ::-1]))[:, ::-1]
        alone = np.concatenate([forward, backward], -1)
        np.testing.assert_allclose(output[row, valid], alone[0], atol=1e-6)
    assert model.output.shape[-1] == output.shape[-1]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(to_numpy(loaded([INPUTS, right])), output, atol=1e-6)


def stack(built):
    shape = [keras.Input((None, 4))] if built else []
    return keras.Sequential([*shape, LSTM(3, return_sequences=True), GRU(2, return_sequences=True)])


def residual_model():
    inputs = keras.Input((None, 4))
    # A layer, because `+` would lose the mask.
    hidden = keras.layers.Add()([inputs, LSTM(4, return_sequences=True)(inputs)])
    return keras.Model(inputs, PeepholeLSTM(2, return_sequences=True)(hidden))


@pytest.mark.parametrize(
    "make",
    [lambda: stack(True), lambda: stack(False), residual_model],
    ids=["built", "not_built", "graph"],
)
def test_a_model_inside_reads_each_row_alone(make, tmp_path):
    layer = Bidirectional(make(), merge_mode=None)
    inputs, mask = keras.Input((5, 4)), keras.Input((5,), dtype="bool")
    model = keras.Model([inputs, mask], layer(inputs, mask=mask))

    forward, backward = map(to_numpy, model([INPUTS, MASK]))

    for row, valid in zip(range(3), MASK, strict=True):
        sequence = INPUTS[row : row + 1, valid]
        alone = to_numpy(layer.forward_layer(sequence))
        np.testing.assert_allclose(forward[row, valid], alone[0], atol=1e-6)
        alone = to_numpy(layer.backward_layer(sequence[:, ::-1]))[:, ::-1]
        np.testing.assert_allclose(backward[row, valid], alone[0], atol=1e-6)
    assert (forward[~MASK] == 0).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(to_numpy(loaded([INPUTS, MASK])[1]), backward, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": "lstm"}, "Received: layer=lstm"),
        ({"layer": LSTM(2), "backward_layer": 3}, "Received: backward_layer=3"),
        ({"layer": LSTM(2), "merge_mode": "max"}, "Received: merge_mode=max"),
        ({"layer": LSTM(2, go_backwards=True)}, "different `go_backwards`"),
        (
            {"layer": LSTM(2), "backward_layer": LSTM(2, return_state=True, go_backwards=True)},
            "the same `return_state`",
        ),
        ({"layer": LSTMCell(2)}, r"`keras.layers.RNN\(cell\)`. Received: layer=<LSTMCell"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        Bidirectional(**arguments)


def two_widths(merge_mode):
    return Bidirectional(
        LSTM(2, return_state=True),
        merge_mode=merge_mode,
        backward_layer=LSTM(3, return_state=True, go_backwards=True),
    )


def backward_first(forward, backward):
    return keras.ops.concatenate([backward, forward], axis=-1)


@pytest.mark.parametrize("merge_mode", ["concat", None, backward_first])
def test_directions_of_two_widths(merge_mode):
    layer = two_widths(merge_mode)

    results, symbolic = layer(INPUTS), layer(keras.Input(INPUTS.shape[1:]))

    assert [result.shape[1:] for result in results] == [each.shape[1:] for each in symbolic]


@pytest.mark.parametrize("merge_mode", ["sum", "mul", "ave"])
def test_widths_that_cannot_be_merged(merge_mode):
    with pytest.raises(ValueError, match=rf"{merge_mode}.* width 2 forward, width 3 backward"):
        two_widths(merge_mode)(INPUTS)
