"""Recurrent layers whose kernels are stored as 8-bit integers."""

import json
import warnings

import keras
import numpy as np
import pytest

from keras_seq import layers

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(4, 5, 3)).astype("float32")
TARGETS = RANDOM.normal(size=(4, 4)).astype("float32")
KINDS = ["LSTM", "GRU", "PeepholeLSTM"]
KERNELS = ["kernel", "recurrent_kernel"]
to_numpy = keras.ops.convert_to_numpy


def built(kind, **kwargs):
    layer = getattr(layers, kind)(4, **kwargs)
    layer.build(INPUTS.shape)
    return layer


def quantized(kind, **kwargs):
    layer = built(kind, **kwargs)
    layer.quantize("int8")
    return layer


def quantize_model(model, mode="int8", **kwargs):
    """Quantize a model and return the warnings about layers that were left as they are."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.quantize(mode, **kwargs)
    texts = [str(warning.message) for warning in found]
    return [text for text in texts if "quantize" in text and "InputLayer" not in text]


def values(layer):
    return {weight.name: to_numpy(weight) for weight in layer.weights}


def floating(layer):
    """Return a layer of floats with the kernels that the integers and their scales stand for."""
    plain = built(type(layer).__name__)
    weights = {name: np.float64(value) for name, value in values(layer).items()}
    for weight in plain.weights:
        value = weights[weight.name]
        if weight.name in KERNELS:
            value = value / weights[f"{weight.name}_scale"]
            if layer.lora_enabled:
                a, b = (weights[f"lora_{weight.name}_{factor}"] for factor in "ab")
                value = value + layer.lora_alpha / layer.lora_rank * a @ b
        weight.assign(value)
    return plain


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_are_the_nearest_integers_of_their_columns(kind):
    layer = built(kind)
    before = values(layer)

    layer.quantize("int8")

    after = values(layer)
    for name in KERNELS:
        scale = after[f"{name}_scale"]
        assert after[name].dtype == "int8"
        assert scale.shape == before[name].shape[1:]
        # The largest of a column is 127, so that rounding is off by half of the 127th part of it.
        np.testing.assert_array_equal(np.abs(after[name]).max(axis=0), 127)
        error = np.abs(after[name] / scale - before[name])
        largest = np.abs(before[name]).max(axis=0)
        assert (error <= largest / 254 * (1 + 1e-4)).all()
    for name in set(before) - set(KERNELS):
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_layer_of_floats_with_the_same_kernels(kind):
    layer = quantized(kind)

    np.testing.assert_allclose(
        to_numpy(layer(INPUTS)), to_numpy(floating(layer)(INPUTS)), atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_error_of_one_step_is_that_of_rounding(kind):
    layer = built(kind, bias_initializer="zeros")
    step = INPUTS[:, :1]
    before = to_numpy(layer(step))
    largest = np.abs(values(layer)["kernel"]).max()

    layer.quantize("int8")

    # From a state of zeros each gate is off by at most this much before its activation. The
    # output is a product of at most two sigmoids, of slope 1/4, and tanh, of slope 1; none is
    # greater than 1.
    gates = np.abs(step).sum(axis=-1) * largest / 254
    error = np.abs(to_numpy(layer(step)) - before)
    assert error.any()
    assert (error <= 1.5 * gates + 1e-6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_take_a_quarter_of_the_bytes(kind):
    def size(layer):
        dtypes = {}
        for weight in layer.weights:
            count = np.prod(weight.shape) * np.dtype(weight.dtype).itemsize
            dtypes[weight.dtype] = dtypes.get(weight.dtype, 0) + int(count)
        return dtypes

    layer = built(kind)
    before, gates = size(layer), layer.cell.gates
    kernels = (3 + 4) * gates * 4

    layer.quantize("int8")

    scales = 2 * gates * 4
    assert size(layer) == {
        "float32": before["float32"] - 4 * kernels + 4 * scales,
        "int8": kernels,
    }
    assert sum(size(layer).values()) < sum(before.values())


PLACES = {
    "layer": lambda kind: getattr(layers, kind)(4, return_sequences=True),
    "cell": lambda kind: keras.layers.RNN(getattr(layers, f"{kind}Cell")(4)),
    "stacked cells": lambda kind: keras.layers.RNN(
        [getattr(layers, f"{kind}Cell")(n) for n in (4, 2)]
    ),
    "both directions": lambda kind: layers.Bidirectional(getattr(layers, kind)(4)),
    "both directions of Keras": lambda kind: keras.layers.Bidirectional(getattr(layers, kind)(4)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_quantized_model_loads_as_it_was(kind, place, tmp_path):
    model = keras.Sequential([keras.Input((5, 3)), PLACES[place](kind)])
    before = to_numpy(model(INPUTS))
    names = {w.path for w in model.weights if w.name in KERNELS}

    assert quantize_model(model) == []

    output = to_numpy(model(INPUTS))
    assert {w.path for w in model.weights if w.dtype == "int8"} == names
    assert np.abs(output - before).max() < 0.05
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(loaded(INPUTS)), output)
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in model.weights]
    configs = [json.dumps(m.layers[0].get_config()) for m in (loaded, model)]
    assert configs[0] == configs[1]
    assert set(dir(loaded.layers[0])) == set(dir(model.layers[0]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_policy_and_dtypes(kind, dtype):
    layer = built(kind, dtype=dtype, return_state=True)
    before = [keras.backend.standardize_dtype(x.dtype) for x in layer(INPUTS)]

    layer.quantize("int8")

    for part in (layer, layer.cell):
        assert part.dtype_policy.name == f"int8_from_{dtype}"
        assert part.quantization_mode == "int8"
    assert [keras.backend.standardize_dtype(x.dtype) for x in layer(INPUTS)] == before
    assert layer.compute_dtype == before[0]


def test_policy_quantizes():
    layer = built("LSTM")
    expected = values(quantized_copy(layer))

    layer.dtype_policy = "int8_from_float32"

    for name, value in values(layer).items():
        np.testing.assert_array_equal(value, expected[name])
    assert layer.get_config()["dtype"]["config"] == {"mode": "int8", "source_name": "float32"}


@pytest.mark.parametrize(
    "make",
    [layers.LSTM, layers.GRU, layers.PeepholeLSTM, keras.layers.Dense],
    ids=lambda make: make.__name__,
)
def test_kernels_of_a_quantized_policy_start_at_zero(make):
    layer = make(3, dtype="int8_from_float32")

    layer.build((2, 5, 4))

    kernels = [to_numpy(weight) for weight in layer.weights if weight.dtype == "int8"]
    assert len(kernels) == (1 if make is keras.layers.Dense else 2)
    assert all((kernel == 0).all() for kernel in kernels)


def quantized_copy(layer):
    copy = built(type(layer).__name__)
    copy.set_weights(layer.get_weights())
    copy.quantize("int8")
    return copy


def test_quantizer_of_the_configuration():
    layer = built("LSTM")
    quantizer = keras.quantizers.AbsMaxQuantizer(axis=0, value_range=(-7, 7))

    layer.quantize(config=keras.quantizers.Int8QuantizationConfig(weight_quantizer=quantizer))

    assert np.abs(values(layer)["kernel"]).max() == 7
    np.testing.assert_allclose(
        to_numpy(layer(INPUTS)), to_numpy(floating(layer)(INPUTS)), atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lora_first", [True, False])
def test_updates_of_low_rank_on_integers(kind, lora_first, tmp_path):
    layer = built(kind, lora_rank=2) if lora_first else quantized(kind)
    layer.quantize("int8") if lora_first else layer.enable_lora(2)
    model = keras.Sequential([keras.Input((5, 3)), layer])
    before = values(layer)
    model.compile("sgd", "mse")

    model.fit(INPUTS, TARGETS, verbose=0)

    after = values(layer)
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert {"lora_kernel_b", "lora_recurrent_kernel_b", "bias"} <= changed
    assert not changed & {"kernel", "recurrent_kernel", "kernel_scale", "recurrent_kernel_scale"}
    for name in KERNELS:
        factor = getattr(layer.cell, f"lora_{name}_b")
        factor.assign(np.random.default_rng(1).normal(size=factor.shape))
    expected = floating(layer)
    np.testing.assert_allclose(to_numpy(layer(INPUTS)), to_numpy(expected(INPUTS)), atol=1e-6)
    # A file holds the sums, rounded to integers again.
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.Sequential([keras.Input((5, 3)), quantized(kind)])
    loaded.load_weights(tmp_path / "model.weights.h5")
    found = values(loaded.layers[0])
    for name in KERNELS:
        kernel = values(expected)[name]
        error = np.abs(found[name] / found[f"{name}_scale"] - kernel)
        assert (error <= np.abs(kernel).max(axis=0) / 254 * (1 + 1e-4)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [None, "full"], ids=["stored", "computed again"])
def test_layer_before_it_is_trained(kind, mode):
    def train(layer):
        keras.utils.set_random_seed(2)
        dense = keras.layers.Dense(3)
        model = keras.Sequential([keras.Input((5, 3)), dense, layer])
        model.compile("sgd", "mse")
        model.fit(INPUTS, TARGETS, verbose=0)
        return to_numpy(dense.kernel)

    with keras.RematScope(mode=mode):
        layer = quantized(kind)
    plain = floating(layer)
    plain.trainable = False
    layer.trainable = False

    np.testing.assert_allclose(train(layer), train(plain), atol=1e-6)


@pytest.mark.parametrize("mode", ["int4", "float8"])
def test_other_modes_leave_the_layer_and_quantize_the_others(mode):
    dense = keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((5, 3)), layers.LSTM(4), dense])

    (warning,) = quantize_model(model, mode)

    assert "LSTMCell can be quantized with the mode 'int8' only. " in warning
    assert f"Received: mode='{mode}'" in warning
    assert dense.quantization_mode == mode
    assert {w.dtype for w in model.layers[0].weights} == {"float32"}


@pytest.mark.parametrize(
    "config",
    [
        keras.quantizers.Int4QuantizationConfig(),
        keras.quantizers.Float8QuantizationConfig(),
        keras.quantizers.GPTQConfig(dataset=None, tokenizer=None),
        keras.quantizers.AWQConfig(dataset=None, tokenizer=None),
    ],
    ids=lambda config: config.mode,
)
def test_error_of_other_modes(config):
    layer = built("GRU")

    with pytest.raises(NotImplementedError, match=f"'int8' only. Received: mode='{config.mode}'"):
        layer.quantize(config=config)

    assert layer.quantization_mode is None


def test_error_of_a_policy_of_another_mode():
    with pytest.raises(NotImplementedError, match=r"'int8' only. Received: mode='float8'"):
        layers.LSTM(4, dtype="float8_from_float32")(INPUTS)


def test_lstm_of_keras_is_not_quantized():
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)])

    (warning,) = quantize_model(model)

    assert "LSTMCell does not have a `quantize` method" in warning
    assert {w.dtype for w in model.weights} == {"float32"}


@pytest.mark.parametrize("kind", KINDS)
def test_error_of_a_file_of_floats(kind, tmp_path):
    saved, loaded = (
        keras.Sequential([keras.Input((5, 3)), make(kind)]) for make in (built, quantized)
    )
    saved.save_weights(tmp_path / "model.weights.h5")

    with pytest.raises(ValueError, match="quantize this one before loading, else after"):
        loaded.load_weights(tmp_path / "model.weights.h5")


def test_error_when_not_built_or_quantized_already():
    layer = layers.LSTM(4)
    with pytest.raises(ValueError, match="isn't yet built"):
        layer.quantize("int8")
    layer.build(INPUTS.shape)
    layer.quantize("int8")

    with pytest.raises(ValueError, match="already quantized"):
        layer.quantize("int8")
