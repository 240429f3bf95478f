"""Where our layers differ from those of Keras, with both side by side."""

import inspect

import keras
import numpy as np
import pytest

from keras_seq import layers
from keras_seq.ops import dispatch

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


class Counter(keras.layers.Layer):
    """A cell that counts its steps, and whose first state is not what it returns."""

    state_size = [2, 4]  # noqa: RUF012 - what a cell is asked for
    output_size = 4

    def call(self, inputs, states):
        states = [state + 1 for state in states]
        return states[1], states

    def get_initial_state(self, batch_size=None):
        return [keras.ops.zeros((batch_size, size)) for size in self.state_size]


def test_masked_step_repeats_the_output_of_any_cell():
    ours = layers.AttentionRNN(Counter(), layers.Attention("additive"))
    theirs = keras.layers.RNN(Counter(), return_sequences=True)

    outputs = to_numpy(ours(INPUTS, INPUTS, sequences_mask=RIGHT))

    assert (outputs == np.cumsum(RIGHT, 1)[..., None]).all()
    if BACKEND == "jax":
        with pytest.raises(ValueError, match="Incompatible shapes"):
            theirs(INPUTS, mask=RIGHT)


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


@pytest.mark.parametrize(
    ("score", "name"), [("scaled_dot", "Attention"), ("additive", "AdditiveAttention")]
)
def test_query_of_attention_without_keys(score, name):
    masks = [None, np.array([[True] * 4, [False] * 4])]

    ours, theirs = (
        to_numpy(layer([INPUTS, INPUTS[:, ::-1]], mask=masks))
        for layer in (layers.Attention(score), getattr(keras.layers, name)())
    )

    assert (ours[1] == 0).all()
    assert (theirs[1] != 0).all()


@pytest.mark.parametrize("arguments", [{}, {"dropout": 0.5}], ids=["", "dropout"])
@pytest.mark.parametrize("scores", [False, True], ids=["", "scores"])
def test_query_of_heads_without_keys(arguments, scores):
    mask = np.ones((2, 4, 4), "bool")
    mask[1] = False

    ours, theirs = (
        source.MultiHeadAttention(2, 3, **arguments)(
            INPUTS, INPUTS, attention_mask=mask, return_attention_scores=scores
        )
        for source in (layers, keras.layers)
    )

    ours, theirs = (to_numpy(x[0] if scores else x)[1] for x in (ours, theirs))
    assert (ours == 0).all()
    # Keras's depends on what else is asked for.
    assert (theirs == 0).all() == (scores or bool(arguments))


def test_query_mask_of_heads():
    mask = np.array([[True, True, False, False]] * 2)

    for source, counts in ((layers, True), (keras.layers, False)):
        layer = source.MultiHeadAttention(2, 3)
        output = to_numpy(layer(INPUTS, INPUTS, query_mask=mask))
        assert (output[mask] != 0).all()
        assert (output[~mask] == 0).all() == counts


def test_other_width_than_the_heads_were_built_for():
    wide, narrow = np.ones((4, 6, 8), "float32"), np.ones((4, 6, 2), "float32")
    ours, theirs = (source.MultiHeadAttention(2, 3) for source in (layers, keras.layers))
    for layer in (ours, theirs):
        layer(wide, wide)

    with pytest.raises(ValueError, match="made for the query width 8"):
        ours(narrow, narrow)
    if BACKEND == "tensorflow":
        assert theirs(narrow, narrow).shape == (16, 6, 8)


def test_symbolic_scores_of_heads():
    query, value = keras.Input((4, 3)), keras.Input((5, 3))

    shapes = [
        source.MultiHeadAttention(2, 3)(query, value, return_attention_scores=True)[1].shape
        for source in (layers, keras.layers)
    ]

    assert shapes == [(None, 2, 4, 5), (None, 2, 4, 4)]


def test_width_of_the_values_of_heads():
    ours, theirs = (
        source.MultiHeadAttention(2, 3, value_dim=5) for source in (layers, keras.layers)
    )

    assert ours(INPUTS, INPUTS).shape == INPUTS.shape
    if BACKEND == "jax":
        with pytest.raises(TypeError, match="cannot reshape"):
            theirs(INPUTS, INPUTS)


def test_flash_attention_is_in_the_configuration():
    found = [
        source.MultiHeadAttention(2, 3, flash_attention=False).get_config().get("flash_attention")
        for source in (layers, keras.layers)
    ]

    assert found == [False, None]


def test_one_head_of_keys_for_all_queries():
    layer = layers.MultiHeadAttention(2, 3, num_key_value_heads=1)
    query, key = np.ones((2, 4, 2, 3), "float32"), np.ones((2, 4, 1, 3), "float32")

    assert layer(INPUTS, INPUTS).shape == INPUTS.shape
    if BACKEND == "tensorflow":
        with pytest.raises(Exception, match="Expected dimension 2"):
            keras.ops.dot_product_attention(query, key, key)


def test_bias_and_mask_together():
    mask = np.ones((2, 1, 4, 4), "bool")
    bias = np.zeros((2, 2, 4, 4), "float32")
    heads = np.ones((2, 4, 2, 3), "float32")

    output = layers.MultiHeadAttention(2, 3)(
        INPUTS, INPUTS, attention_mask=mask, attention_bias=bias
    )

    assert output.shape == INPUTS.shape
    if BACKEND == "torch":
        with pytest.raises(ValueError, match="Only one of `bias` and `mask`"):
            keras.ops.dot_product_attention(heads, heads, heads, bias=bias, mask=mask)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_stateful_layers_train(name):
    for layer in pair(name, stateful=True):
        model = keras.Sequential([keras.Input(batch_shape=INPUTS.shape), layer])
        model.compile("sgd", "mse")
        if BACKEND == "torch" and layer.__module__.startswith("keras.src"):
            with pytest.raises(RuntimeError, match="inplace operation"):
                model.train_on_batch(INPUTS, np.zeros((2, 4)))
        else:
            assert np.isfinite(model.train_on_batch(INPUTS, np.zeros((2, 4))))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="an error of Keras on TensorFlow")
def test_compiled_loop_has_a_gradient():
    import tensorflow as tf

    def gradient(scan):
        @tf.function(jit_compile=True)
        def compiled(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                # The product of all entries, which carries a tensor.
                (product,), _ = scan(lambda c, x: ((c[0] * x,), c[0] * x), (tf.ones(()),), x)
            return tape.gradient(product, x)

        return compiled(tf.constant([2.0, 3.0, 4.0]))

    np.testing.assert_allclose(to_numpy(gradient(dispatch.scan)), [12, 8, 6])
    with pytest.raises(Exception, match="fixed tensor list size"):
        gradient(keras.ops.scan)


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
