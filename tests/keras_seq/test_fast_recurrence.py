"""The fast versions of the recurrences against the plain ones, on backends that have one."""

import logging

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

from keras_seq.layers import GRU, LSTM, Bidirectional, PeepholeLSTM
from keras_seq.ops import dispatch, gru, lstm

FEATURES, UNITS = 2, 3
# Few shapes, as each is compiled; on TensorFlow 19 rows are two parts and a row less.
SIZES = [(2, 1), (19, 4)]
MASKS = {
    "left": lambda batch, time, random: np.arange(time) >= random.integers(0, time, (batch, 1)),
    "right": lambda batch, time, random: np.arange(time) < random.integers(1, time + 1, (batch, 1)),
    "holes": lambda batch, time, random: random.random((batch, time)) > 0.5,
    "all": lambda batch, time, random: np.zeros((batch, time), "bool"),
    "none": lambda batch, time, random: np.ones((batch, time), "bool"),
}
CALLS = {
    "lstm": (lstm, 4, 2, {}),
    "peepholes": (lstm, 4, 2, {}),
    "linear peepholes": (lstm, 4, 2, {"output_activation": "linear"}),
    "gru": (gru, 3, 1, {}),
}
TENSORFLOW = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="`tf.function` is TensorFlow's"
)
to_numpy = ops.convert_to_numpy


@pytest.fixture(autouse=True)
def _needs_a_fast_version():
    missing = {"lstm", "gru"} - dispatch.FAST_VERSIONS.keys()
    if missing:
        pytest.skip(f"{keras.config.backend()} has no fast version of {sorted(missing)}")


def arrays_of(name, batch, time, random, has_recurrent_mask=False, dtype="float32"):
    """Return arguments by name: inputs, states, weights, and what else is asked for."""
    _, gates, states, _ = CALLS[name]
    shapes = {"inputs": (batch, time, FEATURES)}
    shapes |= {f"state {number}": (batch, UNITS) for number in range(states)}
    shapes |= {
        "kernel": (FEATURES, gates * UNITS),
        "recurrent_kernel": (UNITS, gates * UNITS),
        "bias": (2, 3 * UNITS) if name == "gru" else (gates * UNITS,),
    }
    if "peepholes" in name:
        shapes["peephole_kernel"] = (3, UNITS)
    if has_recurrent_mask:
        shapes["recurrent_mask"] = (batch, UNITS)
    return {key: random.normal(size=shape).astype(dtype) for key, shape in shapes.items()}


def call(name, implementation, tensors, **kwargs):
    """Return the outputs and the last states in one list."""
    op, _, states, options = CALLS[name]
    tensors = dict(tensors)
    initial_state = [tensors.pop(f"state {number}") for number in range(states)]
    outputs, state = op(
        initial_state=initial_state, **tensors, **options, **kwargs, implementation=implementation
    )
    return [outputs, *state]


def weighted(results, dtype):
    """Make a scalar in which every entry counts differently."""
    total = 0.0
    for number, tensor in enumerate(results):
        shape = tuple(tensor.shape)
        weights = np.cos(np.arange(np.prod(shape)) + number).reshape(shape)
        total = total + ops.sum(tensor * ops.convert_to_tensor(weights.astype(dtype)))
    return total


def check(name, arrays, differentiate, tolerance, **kwargs):
    """Compare values and all gradients of the two versions."""
    dtype = str(arrays["inputs"].dtype)
    tensors = {key: ops.convert_to_tensor(value) for key, value in arrays.items()}
    values = [call(name, each, tensors, **kwargs) for each in ("fast", "reference")]
    for found, expected in zip(*values, strict=True):
        np.testing.assert_allclose(to_numpy(found), to_numpy(expected), atol=tolerance)

    def scalar(implementation):
        def f(*tensors):
            tensors = dict(zip(arrays, tensors, strict=True))
            return weighted(call(name, implementation, tensors, **kwargs), dtype)

        return f

    found = differentiate(scalar("fast"))(*arrays.values())[1]
    expected = differentiate(scalar("reference"))(*arrays.values())[1]
    for key, one, other in zip(arrays, found, expected, strict=True):
        scale = max(1, np.abs(other).max())
        np.testing.assert_allclose(one / scale, other / scale, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_values_and_gradients_are_those_of_the_plain_version(name, differentiate, data):
    batch, time = data.draw(st.sampled_from(SIZES))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    is_masked, go_backwards = data.draw(st.booleans()), data.draw(st.booleans())
    pattern = data.draw(st.sampled_from(list(MASKS)))
    mask = MASKS[pattern](batch, time, random) if is_masked else None
    arrays = arrays_of(name, batch, time, random, has_recurrent_mask=is_masked)

    check(name, arrays, differentiate, 1e-5, mask=mask, go_backwards=go_backwards)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("float64")
def test_float64_is_exact(name, differentiate):
    random = np.random.default_rng(0)
    arrays = arrays_of(name, 3, 4, random, True, "float64")

    check(name, arrays, differentiate, 1e-12, mask=MASKS["holes"](3, 4, random))


@pytest.mark.parametrize("name", CALLS)
def test_without_a_bias(name, differentiate):
    arrays = arrays_of(name, 3, 4, np.random.default_rng(0))
    del arrays["bias"]

    check(name, arrays, differentiate, 1e-5)


@pytest.mark.parametrize("name", CALLS)
def test_what_masked_steps_hold_has_no_influence(name, gradients):
    random = np.random.default_rng(0)
    arrays = arrays_of(name, 3, 4, random)
    mask = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]], "bool")

    def scalar(*tensors):
        tensors = dict(zip(arrays, tensors, strict=True))
        return weighted(call(name, "fast", tensors, mask=mask), "float32")

    expected = gradients(scalar, list(arrays.values()))
    arrays["inputs"][~mask] = np.nan

    for found, same in zip(gradients(scalar, list(arrays.values())), expected, strict=True):
        np.testing.assert_allclose(found, same, atol=1e-6)


@TENSORFLOW
@pytest.mark.parametrize("name", CALLS)
def test_gradients_of_gradients(name):
    import tensorflow as tf

    arrays = arrays_of(name, 2, 3, np.random.default_rng(0), dtype="float64")
    tensors = {key: tf.constant(value) for key, value in arrays.items()}

    def penalty(implementation):
        with tf.GradientTape() as outer:
            outer.watch(tensors)
            with tf.GradientTape() as inner:
                inner.watch(tensors)
                value = weighted(call(name, implementation, tensors), "float64")
            slopes = inner.gradient(value, tensors)
            total = sum(tf.reduce_sum(tf.sin(slope)) for slope in slopes.values())
        return outer.gradient(total, tensors)

    found, expected = penalty("fast"), penalty("reference")

    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-12, err_msg=key)


@TENSORFLOW
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_any_number_of_rows_in_a_graph(name, jit_compile):
    import tensorflow as tf

    random = np.random.default_rng(0)
    signature = {
        key: tf.TensorSpec((None, *value.shape[1:]) if len(value) == 5 else value.shape)
        for key, value in arrays_of(name, 5, 4, random).items()
    }

    @tf.function(input_signature=[signature], jit_compile=jit_compile)
    def outputs_and_gradients(tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = call(name, "fast", tensors)
            value = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in outputs])
        return outputs, tape.gradient(value, tensors)

    for batch in (0, 1, 5):
        tensors = {k: tf.constant(v) for k, v in arrays_of(name, batch, 4, random).items()}
        outputs, found = outputs_and_gradients(tensors)
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            expected = call(name, "reference", tensors)
            value = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in expected])
        for one, other in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
        for key, other in tape.gradient(value, tensors).items():
            np.testing.assert_allclose(found[key], other, atol=1e-5, err_msg=key)


@TENSORFLOW
@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"activation": "relu"}, "usual activations"),
        ({"recurrent_activation": "hard_sigmoid"}, "usual activations"),
        ({"unroll": True}, "wants none"),
    ],
)
def test_what_is_not_served_is_told_and_done_by_the_plain_version(
    kwargs, reason, caplog, monkeypatch
):
    monkeypatch.setattr(dispatch, "_said", set())
    monkeypatch.setattr(dispatch, "CROSSOVERS", {})
    tensors = arrays_of("gru", 3, 4, np.random.default_rng(0))

    with pytest.raises(ValueError, match=rf"fast version of `gru`.*{reason}"):
        call("gru", "fast", tensors, **kwargs)
    with caplog.at_level(logging.INFO, "keras_seq"):
        found = call("gru", "auto", tensors, **kwargs)

    assert reason in caplog.text
    expected = call("gru", "reference", tensors, **kwargs)
    np.testing.assert_array_equal(to_numpy(found[0]), to_numpy(expected[0]))


@TENSORFLOW
def test_an_unknown_number_of_steps_is_done_by_the_plain_version():
    import tensorflow as tf

    arrays = arrays_of("lstm", 3, 4, np.random.default_rng(0))
    inputs = arrays.pop("inputs")

    @tf.function(input_signature=[tf.TensorSpec((None, None, FEATURES))])
    def outputs(inputs):
        return call("lstm", "auto", {"inputs": inputs, **arrays})[0]

    expected = call("lstm", "fast", {"inputs": tf.constant(inputs), **arrays})[0]
    np.testing.assert_allclose(outputs(inputs), expected, atol=1e-6)
    with pytest.raises(ValueError, match="known number of steps"):
        call("lstm", "fast", {"inputs": keras.ops.zeros((3, 0, FEATURES)), **arrays})


@TENSORFLOW
@pytest.mark.parametrize(("time", "version"), [(255, "reference"), (256, "auto")])
def test_small_sizes_are_left_to_the_plain_version(time, version):
    assert dispatch.by_size("lstm", "auto", time, 4) == version
    assert dispatch.by_size("lstm", "fast", time, 4) == "fast"


@pytest.mark.parametrize("cls", [LSTM, PeepholeLSTM, GRU])
def test_a_layer_hands_its_implementation_on(cls, caplog):
    layers = {
        each: cls(UNITS, implementation=each, return_sequences=True, dropout=0.5, seed=1)
        for each in ("fast", "reference")
    }
    inputs = np.random.default_rng(0).normal(size=(19, 4, FEATURES)).astype("float32")
    for layer in layers.values():
        layer.build(inputs.shape)
        layer.set_weights(layers["fast"].get_weights())

    fast, reference = (to_numpy(layer(inputs, training=True)) for layer in layers.values())

    np.testing.assert_allclose(fast, reference, atol=1e-6)
    assert cls.from_config(layers["fast"].get_config()).implementation == "fast"
    assert cls(UNITS, implementation=2).implementation == "auto"
    with pytest.raises(ValueError, match=r"`implementation` must be one of.*'quick'"):
        cls(UNITS, implementation="quick")


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_model_trains_alike_with_both(jit_compile):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(21, 4, FEATURES)).astype("float32")
    targets = random.normal(size=(21, 4, 2 * UNITS)).astype("float32")
    weights = []
    for implementation in ("fast", "reference"):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((4, FEATURES)),
                PeepholeLSTM(UNITS, implementation=implementation, return_sequences=True),
                Bidirectional(GRU(UNITS, implementation=implementation, return_sequences=True)),
            ]
        )
        model.compile("sgd", "mse", jit_compile=jit_compile)
        # The last batch is smaller.
        model.fit(inputs, targets, batch_size=16, epochs=2, shuffle=False, verbose=0)
        weights.append(model.get_weights())

    for fast, reference in zip(*weights, strict=True):
        np.testing.assert_allclose(fast, reference, atol=1e-5)


@TENSORFLOW
def test_an_exported_model_computes_the_same(tmp_path):
    import tensorflow as tf

    model = keras.Sequential([keras.Input((4, FEATURES)), LSTM(UNITS, implementation="fast")])
    inputs = np.random.default_rng(0).normal(size=(19, 4, FEATURES)).astype("float32")

    model.export(tmp_path / "model", verbose=False)

    loaded = tf.saved_model.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.serve(inputs), model(inputs), atol=1e-6)
