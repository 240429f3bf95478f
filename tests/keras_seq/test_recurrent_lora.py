"""Recurrent layers with updates of low rank: what is trained, computed and saved."""

import contextlib

import keras
import numpy as np
import pytest

from keras_seq import layers

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(4, 5, 3)).astype("float32")
TARGETS = RANDOM.normal(size=(4, 4)).astype("float32")
KINDS = ["LSTM", "GRU", "PeepholeLSTM"]
KERNELS = ["kernel", "recurrent_kernel"]
FACTORS = [f"lora_{kernel}_{factor}" for kernel in KERNELS for factor in "ab"]
to_numpy = keras.ops.convert_to_numpy


def built(kind, **kwargs):
    layer = getattr(layers, kind)(4, **kwargs)
    layer.build(INPUTS.shape)
    return layer


def values(layer):
    return {weight.name: to_numpy(weight) for weight in layer.weights}


def with_random_updates(kind, rank=2, lora_alpha=3.0, **kwargs):
    layer = built(kind, **kwargs)
    layer.enable_lora(rank, lora_alpha)
    for name in FACTORS:
        factor = getattr(layer.cell, name)
        factor.assign(np.random.default_rng(1).normal(size=factor.shape))
    return layer


def merged(layer):
    """Return a layer without updates whose kernels are the sums of the definition."""
    config = {k: v for k, v in layer.get_config().items() if not k.startswith("lora")}
    plain = type(layer).from_config(config)
    plain.build(INPUTS.shape)
    weights = {name: np.float64(value) for name, value in values(layer).items()}
    for weight in plain.weights:
        value = weights[weight.name]
        if weight.name in KERNELS:
            a, b = (weights[f"lora_{weight.name}_{factor}"] for factor in "ab")
            value = value + layer.lora_alpha / layer.lora_rank * a @ b
        weight.assign(value)
    return plain


@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_layer_with_kernels_that_contain_the_updates(kind):
    layer = with_random_updates(kind)

    expected = to_numpy(merged(layer)(INPUTS))

    np.testing.assert_allclose(to_numpy(layer(INPUTS)), expected, atol=1e-6)
    # The updates do something.
    layer.cell.lora_recurrent_kernel_b.assign(np.zeros(layer.cell.lora_recurrent_kernel_b.shape))
    assert np.abs(to_numpy(layer(INPUTS)) - expected).max() > 1e-2


def stack(kind):
    cells = [getattr(layers, f"{kind}Cell")(n) for n in (4, 2)]
    return keras.layers.RNN(keras.layers.StackedRNNCells(cells))


PLACES = {
    "layer": lambda kind: getattr(layers, kind)(4),
    "cell": lambda kind: keras.layers.RNN(getattr(layers, f"{kind}Cell")(4)),
    "stacked cells": stack,
    "both directions": lambda kind: layers.Bidirectional(getattr(layers, kind)(4)),
    "both directions of Keras": lambda kind: keras.layers.Bidirectional(getattr(layers, kind)(4)),
}


def cells_of(layer):
    if hasattr(layer, "forward_layer"):
        return [layer.forward_layer.cell, layer.backward_layer.cell]
    return getattr(layer.cell, "cells", [layer.cell])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_output_is_the_same_at_first_and_has_updates_wherever_the_cell_is(kind, place):
    layer = PLACES[place](kind)
    before = to_numpy(layer(INPUTS))
    assert cells_of(layer)

    for cell in cells_of(layer):
        cell.enable_lora(2)

    np.testing.assert_allclose(to_numpy(layer(INPUTS)), before, atol=1e-6)
    for cell in cells_of(layer):
        cell.lora_kernel_b.assign(np.ones(cell.lora_kernel_b.shape))
    assert np.abs(to_numpy(layer(INPUTS)) - before).max() > 1e-2


def train(kind, scope=None):
    keras.utils.set_random_seed(3)
    with scope or contextlib.nullcontext():
        layer = getattr(layers, kind)(4)
    model = keras.Sequential([keras.Input((5, 3)), layer])
    layer.enable_lora(2, b_initializer="ones")
    before = values(layer)
    model.compile("sgd", "mse")
    model.fit(INPUTS, TARGETS, epochs=2, verbose=0)
    return before, values(layer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", [None, "full"], ids=["stored", "computed again"])
def test_trains_all_but_the_kernels(kind, scope):
    before, after = train(kind, scope and keras.RematScope(mode=scope))

    assert set(KERNELS + FACTORS) < set(before)
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert changed == set(before) - set(KERNELS)
    if scope:
        expected = train(kind)[1]
        for name, value in after.items():
            np.testing.assert_allclose(value, expected[name], atol=1e-6)


def test_lstm_of_keras_has_no_such_method():
    assert not hasattr(keras.layers.LSTM(4), "enable_lora")
    assert not hasattr(keras.layers.LSTMCell(4), "enable_lora")


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_last_and_no_attribute_is_new(kind):
    layer = built(kind)
    names, attributes = [w.name for w in layer.weights], set(dir(layer.cell))

    layer.enable_lora(2)

    assert [w.name for w in layer.weights] == names + FACTORS
    assert set(dir(layer.cell)) == attributes
    frozen = [w.name for w in layer.non_trainable_weights]
    assert frozen == KERNELS


@pytest.mark.parametrize(
    ("kind", "source"),
    [*((kind, layers) for kind in KINDS), ("LSTM", keras.layers), ("GRU", keras.layers)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_file_holds_the_kernels_with_their_updates(kind, source, tmp_path):
    saved, loaded = (
        keras.Sequential([keras.Input((5, 3)), layer])
        for layer in (with_random_updates(kind), getattr(source, kind)(4))
    )
    saved.save_weights(tmp_path / "model.weights.h5")

    loaded.load_weights(tmp_path / "model.weights.h5")

    np.testing.assert_allclose(to_numpy(loaded(INPUTS)), to_numpy(saved(INPUTS)), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_updates_start_anew_after_loading_and_can_be_trained(kind, tmp_path):
    saved, loaded = (
        keras.Sequential([keras.Input((5, 3)), layer])
        for layer in (with_random_updates(kind), with_random_updates(kind, rank=3))
    )
    saved.save_weights(tmp_path / "model.weights.h5")

    loaded.load_weights(tmp_path / "model.weights.h5")

    np.testing.assert_allclose(to_numpy(loaded(INPUTS)), to_numpy(saved(INPUTS)), atol=1e-6)
    weights = values(loaded.layers[0])
    assert not weights["lora_kernel_b"].any()
    assert not weights["lora_recurrent_kernel_b"].any()
    # The gradient of one factor is a product with the other.
    assert weights["lora_kernel_a"].any()
    assert weights["lora_recurrent_kernel_a"].any()


def test_both_factors_of_keras_are_zero_after_loading(tmp_path):
    layer = keras.layers.Dense(4, lora_rank=2)
    model = keras.Sequential([keras.Input((3,)), layer])
    model.save_weights(tmp_path / "model.weights.h5")

    model.load_weights(tmp_path / "model.weights.h5")

    assert not to_numpy(layer.lora_kernel_a).any()
    assert not to_numpy(layer.lora_kernel_b).any()


@pytest.mark.parametrize("kind", KINDS)
def test_saved_model_gives_the_same_output_and_has_updates(kind, tmp_path):
    layer = with_random_updates(kind)
    model = keras.Sequential([keras.Input((5, 3)), layer])
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_allclose(to_numpy(loaded(INPUTS)), to_numpy(model(INPUTS)), atol=1e-6)
    assert loaded.layers[0].get_config() == layer.get_config()
    assert loaded.layers[0].lora_enabled
    assert [w.shape for w in loaded.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize("name", [*KINDS, *(f"{kind}Cell" for kind in KINDS)])
def test_rank_in_the_constructor(name):
    plain = getattr(layers, name)(4)
    layer = getattr(layers, name)(4, lora_rank=2, lora_alpha=8)

    layer.build(INPUTS.shape if name in KINDS else INPUTS[:, 0].shape)

    assert "lora_rank" not in plain.get_config()
    assert layer.lora_enabled
    config = layer.get_config()
    assert (config["lora_rank"], config["lora_alpha"]) == (2, 8)
    assert type(layer).from_config(config).get_config() == config


def test_alpha_in_the_constructor_of_keras_is_lost():
    layer = keras.layers.Dense(4, lora_rank=2, lora_alpha=8)

    layer.build((None, 3))

    assert layer.lora_alpha == 2


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_stay_frozen_when_the_layer_is_trained_again(kind):
    layer = built(kind)
    layer.trainable = False
    layer.enable_lora(2)
    assert not layer.trainable_weights

    layer.trainable = True

    assert [w.name for w in layer.non_trainable_weights] == KERNELS


def test_kernel_of_keras_is_trained_when_the_layer_is_trained_again():
    layer = keras.layers.Dense(4, lora_rank=2)
    layer.build((None, 3))
    assert len(layer.non_trainable_weights) == 1

    layer.trainable = False
    layer.trainable = True

    assert not layer.non_trainable_weights


@pytest.mark.parametrize("kind", KINDS)
def test_regularizers_are_of_the_factors(kind):
    layer = with_random_updates(
        kind,
        kernel_regularizer=keras.regularizers.L2(0.5),
        recurrent_regularizer=keras.regularizers.L1(0.25),
    )
    weights = values(layer)
    expected = [
        *(0.5 * np.square(weights[f"lora_kernel_{factor}"]).sum() for factor in "ab"),
        *(0.25 * np.abs(weights[f"lora_recurrent_kernel_{factor}"]).sum() for factor in "ab"),
    ]

    found = [to_numpy(loss) for loss in layer.losses]

    np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_updates_have_full_precision_in_mixed_precision(kind):
    layer = with_random_updates(kind, dtype="mixed_bfloat16")

    output, expected = layer(INPUTS), merged(layer)(INPUTS)

    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {getattr(layer.cell, name).dtype for name in FACTORS} == {"float32"}
    # One kernel is rounded to eight bits before the update is added, the other after it.
    found, expected = (to_numpy(keras.ops.cast(x, "float32")) for x in (output, expected))
    np.testing.assert_allclose(found, expected, atol=INPUTS.shape[1] * 2.0**-8)


@pytest.mark.parametrize("rank", [0, -1, 1.5, True, "2", None])
def test_error_of_the_rank(rank):
    layer = built("LSTM")

    with pytest.raises(ValueError, match=f"Received: rank={rank}$"):
        layer.enable_lora(rank)

    assert not layer.lora_enabled
    if rank is not None:
        with pytest.raises(ValueError, match=f"Received: lora_rank={rank}$"):
            layers.LSTM(4, lora_rank=rank)


@pytest.mark.parametrize("name", ["kernel_constraint", "recurrent_constraint"])
def test_error_of_a_constraint(name):
    layer = built("GRU", **{name: "max_norm"})

    with pytest.raises(ValueError, match=f"constraint.*Received: {name}="):
        layer.enable_lora(2)


def test_error_before_the_layer_is_built():
    with pytest.raises(ValueError, match="build the layer"):
        layers.LSTM(4).enable_lora(2)


def test_error_of_a_second_call():
    layer = built("LSTM")
    layer.enable_lora(2)

    with pytest.raises(ValueError, match=r"once per layer.*rank 2 and rank=3"):
        layer.enable_lora(3)

    assert layer.lora_rank == 2
