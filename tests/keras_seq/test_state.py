"""Stateful layers, and dropout, which must not have any other state."""

import keras
import numpy as np
import pytest

from keras_seq import layers

to_numpy = keras.ops.convert_to_numpy
INPUTS = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
RECURRENT = [layers.LSTM, layers.PeepholeLSTM, layers.GRU]


def stateful_model(layer):
    return keras.Sequential([keras.Input(batch_shape=(2, 3, 3)), layer])


@pytest.mark.parametrize("cls", RECURRENT)
def test_state_goes_from_batch_to_batch_in_predict(cls):
    layer = cls(4, return_sequences=True, stateful=True)
    model = stateful_model(layer)
    whole = cls(4, return_sequences=True)
    whole.build((2, 6, 3))
    whole.set_weights(layer.get_weights())
    halves = np.concatenate([INPUTS[:2, :3], INPUTS[:2, 3:]])

    outputs = model.predict(halves, batch_size=2, verbose=0)

    expected = to_numpy(whole(INPUTS[:2]))
    np.testing.assert_allclose(np.concatenate([outputs[:2], outputs[2:]], 1), expected, atol=1e-6)
    np.testing.assert_allclose(to_numpy(layer.states[0]), expected[:, -1], atol=1e-6)


def both_directions(units, **kwargs):
    return layers.Bidirectional(layers.GRU(units // 2, **kwargs))


@pytest.mark.parametrize("make", [*RECURRENT, both_directions])
@pytest.mark.parametrize("method", ["fit", "predict", "evaluate"])
def test_state_is_that_after_the_last_batch(make, method):
    layer = make(4, stateful=True)
    model = stateful_model(layer)
    # A rate of zero: the weights stay, so that the calls below repeat what the method did.
    model.compile(keras.optimizers.SGD(0.0), "mse")
    halves = np.concatenate([INPUTS[:2, :3], INPUTS[:2, 3:]])
    arguments = {
        "fit": {"y": np.zeros((4, 4)), "epochs": 2, "shuffle": False},
        "predict": {},
        "evaluate": {"y": np.zeros((4, 4))},
    }[method]

    getattr(model, method)(halves, batch_size=2, verbose=0, **arguments)

    found = [to_numpy(state) for state in layer.states]
    layer.reset_state()
    for _ in range(arguments.get("epochs", 1)):
        layer(halves[:2])
        layer(halves[2:])
    for state, expected in zip(found, layer.states, strict=True):
        assert np.abs(state).min() > 0
        np.testing.assert_allclose(state, to_numpy(expected), atol=1e-6)


@pytest.mark.parametrize("cls", RECURRENT)
def test_reset_state(cls):
    layer = cls(4, stateful=True)
    first = to_numpy(layer(INPUTS))
    assert np.abs(to_numpy(layer(INPUTS)) - first).max() > 1e-3

    layer.reset_states()
    np.testing.assert_allclose(to_numpy(layer(INPUTS)), first, atol=1e-6)

    layer.reset_state([np.ones((4, 4))] * len(layer.states))
    assert (to_numpy(layer.states[0]) == 1).all()
    with pytest.raises(ValueError, match=r"Received: 3 arrays"):
        layer.reset_state([np.ones((4, 4))] * 3)
    with pytest.raises(
        ValueError, match=r"of the shapes \[\(4, 4\).*arrays of the shapes \[\(4, 2\)"
    ):
        layer.reset_state([np.ones((4, 2))] * len(layer.states))


def test_reset_state_of_both_directions():
    layer = both_directions(4, stateful=True)
    layer(INPUTS)

    layer.reset_state([np.full((4, 2), 1.0), np.full((4, 2), 2.0)])

    assert (to_numpy(layer.forward_layer.states[0]) == 1).all()
    assert (to_numpy(layer.backward_layer.states[0]) == 2).all()
    with pytest.raises(ValueError, match=r"have 2 states together.*Received: 1 states"):
        layer.reset_state([np.ones((4, 2))])
    layer.reset_states()
    assert all((to_numpy(state) == 0).all() for state in layer.states)


@pytest.mark.skipif(keras.config.backend() != "jax", reason="an error of Keras on JAX")
def test_stateful_layer_of_keras_forgets_in_predict_on_jax():
    theirs = keras.layers.LSTM(4, stateful=True)
    ours = layers.LSTM(4, stateful=True)
    for layer in (theirs, ours):
        stateful_model(layer).predict(INPUTS[:2, :3], batch_size=2, verbose=0)

    assert (to_numpy(theirs.states[0]) == 0).all()
    assert np.abs(to_numpy(ours.states[0])).min() > 0


def test_state_is_a_variable_but_not_a_weight(tmp_path):
    model = stateful_model(layers.LSTM(4, stateful=True))
    model(INPUTS[:2, :3])
    assert len(model.weights) == 3
    assert len(model.non_trainable_variables) == 2

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert (to_numpy(loaded.layers[0].states[0]) == 0).all()


def test_stateful_needs_its_batch_size():
    layer = layers.GRU(4, stateful=True)
    with pytest.raises(ValueError, match=r"batch size must be known.*Received: sequences_shape="):
        layer.build((None, 3, 3))

    layer(INPUTS)
    with pytest.raises(ValueError, match=r"Received: a batch of 2 sequences"):
        layer(INPUTS[:2])


@pytest.mark.parametrize("cls", RECURRENT)
def test_dropout_is_drawn_in_training_only(cls):
    layer = cls(4, dropout=0.5, recurrent_dropout=0.5, seed=3)
    layer.build(INPUTS.shape)
    seed = to_numpy(layer.cell.seed_generator.state)

    same = to_numpy(layer(INPUTS)), to_numpy(layer(INPUTS, training=False))
    np.testing.assert_array_equal(*same)
    np.testing.assert_array_equal(to_numpy(layer.cell.seed_generator.state), seed)

    first, second = (to_numpy(layer(INPUTS, training=True)) for _ in range(2))
    assert np.abs(first - same[0]).max() > 1e-3
    assert np.abs(first - second).max() > 1e-3

    again = cls.from_config(layer.get_config())
    again.build(INPUTS.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(again(INPUTS, training=True)), first, atol=1e-6)


@pytest.mark.parametrize("cls", RECURRENT)
def test_dropout_of_a_whole_training_is_reproducible(cls):
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        model = stateful_model(cls(4, dropout=0.5, recurrent_dropout=0.5))
        model.compile("sgd", "mse")
        model.fit(INPUTS[:, :3], np.ones((4, 4)), batch_size=2, epochs=2, verbose=0)
        weights.append(model.get_weights())

    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_no_dropout_no_seed():
    layer = layers.LSTM(4)
    layer.build(INPUTS.shape)

    assert len(layer.variables) == 3


def test_dropout_mask_is_the_same_in_every_step():
    cell = layers.GRUCell(4, dropout=0.5, seed=1)
    cell.build((2, 3))

    first, second = (to_numpy(cell.dropout_masks(INPUTS[:2, t], True)[0]) for t in (0, 1))
    cell.get_initial_state(2)
    third = to_numpy(cell.dropout_masks(np.ones((64, 3), "float32"), True)[0])

    np.testing.assert_array_equal(first, second)
    assert set(np.unique(third)) == {0.0, 2.0}


def test_everything_can_be_dropped():
    layer = layers.LSTM(4, dropout=1.0, recurrent_dropout=1.0)

    assert (to_numpy(layer(INPUTS, training=True)) == 0).all()


def test_mask_comes_along_with_an_initial_state():
    tokens = np.array([[1, 2, 0, 0], [3, 1, 2, 0]])
    embedding = keras.layers.Embedding(5, 3, mask_zero=True)
    layer = layers.LSTM(4)
    state = [np.ones((2, 4), "float32")] * 2

    implicit = layer(embedding(tokens), initial_state=state)
    explicit = layer(np.asarray(to_numpy(embedding(tokens))), state, mask=tokens > 0)

    np.testing.assert_allclose(to_numpy(implicit), to_numpy(explicit), atol=1e-6)
