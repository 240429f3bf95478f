"""Where our layers differ from those of Keras, with both side by side."""

import inspect

import keras
import numpy as np
import pytest

from keras_seq import layers

to_numpy = keras.ops.convert_to_numpy
BACKEND = keras.config.backend()
INPUTS = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
RIGHT = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], "bool")
LEFT = RIGHT[:, ::-1]


def pair(name, **kwargs):
    """Return our layer and Keras's with the same weights."""
    ours, theirs = (getattr(source, name)(4, **kwargs) for source in (layers, keras.layers))
    ours.build(INPUTS.shape)
    theirs.build(INPUTS.shape)
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def gap(first, second):
    return np.abs(to_numpy(first) - to_numpy(second)).max()


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_last_output_is_valid_whatever_masked_steps_return(name):
    ours, theirs = pair(name, zero_output_for_mask=True)
    valid, _ = pair(name)
    valid.set_weights(ours.get_weights())

    expected = valid(INPUTS, mask=RIGHT)

    assert gap(ours(INPUTS, mask=RIGHT), expected) < 1e-6
    assert (to_numpy(theirs(INPUTS, mask=RIGHT)) == 0).all()


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_leading_masked_steps_give_the_initial_state(name):
    ours, theirs = pair(name, return_sequences=True)
    state = [np.ones((2, 4), "float32")] * len(ours.state_size)

    outputs = to_numpy(ours(INPUTS, initial_state=state, mask=LEFT))

    assert (outputs[~LEFT] == 1).all()
    # Keras's give that on JAX, and zeros elsewhere.
    others = to_numpy(theirs(INPUTS, initial_state=state, mask=LEFT))
    assert (others[~LEFT] == (1 if BACKEND == "jax" else 0)).all()


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_unrolled_loop_masks_as_the_loop_does(name):
    options = {"return_sequences": True, "go_backwards": True, "zero_output_for_mask": True}
    ours, theirs = pair(name, unroll=True, **options)
    looped, _ = pair(name, **options)
    looped.set_weights(ours.get_weights())
    expected = looped(INPUTS, mask=LEFT)

    assert gap(ours(INPUTS, mask=LEFT), expected) < 1e-6
    if BACKEND == "torch":
        with pytest.raises((AttributeError, TypeError)):
            theirs(INPUTS, mask=LEFT)
    else:
        assert gap(theirs(INPUTS, mask=LEFT), expected) > 1e-3


def test_stateful_in_both_directions_returns_its_state():
    ours, theirs = (
        source.Bidirectional(source.LSTM(4, stateful=True, return_state=True))
        for source in (layers, keras.layers)
    )

    def model(layer):
        inputs, mask = keras.Input(batch_shape=(2, 4, 3)), keras.Input(batch_shape=(2, 4))
        return keras.Model([inputs, mask], layer(inputs, mask=mask))

    assert len(model(ours).outputs) == 5
    with pytest.raises(TypeError):
        model(theirs)


def test_no_steps_have_a_result():
    ours, theirs = pair("LSTM", return_sequences=True)

    assert ours(INPUTS[:, :0]).shape == (2, 0, 4)
    if BACKEND != "torch":
        with pytest.raises(Exception):  # noqa: B017, PT011 - the backend's own
            theirs(INPUTS[:, :0])


def test_dropout_has_a_seed_where_there_is_dropout_and_draws_in_training_only():
    assert [len(layer.variables) for layer in pair("LSTM")] == [3, 4]
    moved = []
    for layer in pair("GRU", dropout=0.5, seed=1):
        before = to_numpy(layer.cell.seed_generator.state)
        layer(INPUTS, training=False)
        moved.append((before != to_numpy(layer.cell.seed_generator.state)).any())

    assert moved == [False, True]


def test_use_cudnn_is_in_the_configuration():
    assert ["use_cudnn" in layer.get_config() for layer in pair("LSTM")] == [True, False]


def test_reset_state_takes_states():
    ours, theirs = pair("LSTM", stateful=True)

    takes = ["states" in inspect.signature(x.reset_state).parameters for x in (ours, theirs)]

    assert takes == [True, False]


def test_query_of_attention_without_keys():
    masks = [None, np.array([[True] * 4, [False] * 4])]
    value = INPUTS[:, ::-1]

    ours, theirs = (
        to_numpy(source.Attention()([INPUTS, value], mask=masks))
        for source in (layers, keras.layers)
    )

    assert (ours[1] == 0).all()
    assert (theirs[1] != 0).all()


def test_arguments_of_multi_head_attention():
    arguments = {"num_key_value_heads", "qk_norm", "position"}
    of_call = {"attention_bias", "cache", "cache_update_index"}

    for source, has in ((layers, True), (keras.layers, False)):
        cls = source.MultiHeadAttention
        for method, names in ((cls.__init__, arguments), (cls.call, of_call)):
            taken = names & set(inspect.signature(method).parameters)
            assert taken == (names if has else set())


def test_keras_has_no_layer_of_positions():
    for name in ("SinusoidalPositionEncoding", "PositionEmbedding", "RotaryEmbedding"):
        assert hasattr(layers, name)
    named = [name for name in dir(keras.layers) if "Position" in name or "Rotary" in name]
    assert not named
