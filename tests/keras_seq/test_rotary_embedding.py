"""Rotary positions: the numbers of the formula, distances, axes and precision."""

import inspect

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.testing import TestCase

from keras_seq.layers import RotaryEmbedding

to_numpy = keras.ops.convert_to_numpy
RANDOM = np.random.default_rng(0)
ALL_ARGUMENTS = {
    "max_wavelength": 100,
    "scaling_factor": 2.5,
    "sequence_axis": 1,
    "feature_axis": -1,
}


def turned(x, positions, max_wavelength=10000, scaling_factor=1.0):
    """Turn `(batch, time, width)` pair by pair, with positions of `(batch, time)`."""
    output = np.zeros_like(x, dtype="float64")
    width = x.shape[-1]
    for (row, step), position in np.ndenumerate(positions):
        for i in range(width // 2):
            angle = position / scaling_factor / max_wavelength ** (2 * i / width)
            a, b = x[row, step, i], x[row, step, i + width // 2]
            output[row, step, i] = a * np.cos(angle) - b * np.sin(angle)
            output[row, step, i + width // 2] = a * np.sin(angle) + b * np.cos(angle)
    return output


@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 2),
    time=st.sampled_from([0, 1, 5]),
    half=st.sampled_from([0, 1, 4]),
    start_index=st.integers(0, 50),
    max_wavelength=st.sampled_from([10, 10000, 500000.0]),
    scaling_factor=st.sampled_from([1, 0.5, 4.0]),
)
def test_formula(batch, time, half, start_index, max_wavelength, scaling_factor):
    x = RANDOM.normal(size=(batch, time, 2 * half)).astype("float32")
    positions = np.tile(start_index + np.arange(time), (batch, 1))
    layer = RotaryEmbedding(max_wavelength, scaling_factor)

    output = to_numpy(layer(x, start_index=start_index))

    expected = turned(x, positions, max_wavelength, scaling_factor)
    np.testing.assert_allclose(output, expected, atol=2e-5)


@settings(max_examples=20, deadline=None)
@given(shift=st.integers(0, 1000), distance=st.integers(-20, 20))
def test_products_depend_on_the_distance_alone(shift, distance):
    query, key = RANDOM.normal(size=(2, 1, 1, 8)).astype("float32")
    layer = RotaryEmbedding()

    def product(position):
        turned_query = to_numpy(layer(query, start_index=position + 20))
        return (turned_query * to_numpy(layer(key, start_index=position + 20 + distance))).sum()

    np.testing.assert_allclose(product(0), product(shift), atol=2e-3)
    assert np.linalg.norm(to_numpy(layer(query, start_index=shift))) == pytest.approx(
        np.linalg.norm(query), rel=1e-5
    )


def test_explicit_positions():
    x = RANDOM.normal(size=(2, 3, 2, 4)).astype("float32")
    positions = np.array([[0, 1, 2], [5, 0, 7]])
    layer = RotaryEmbedding()

    output = to_numpy(layer(x, positions=positions))
    of_all = to_numpy(layer(x, positions=positions[1].astype("float32")))

    for head in range(2):
        np.testing.assert_allclose(output[:, :, head], turned(x[:, :, head], positions), atol=1e-5)
    np.testing.assert_allclose(output[1], of_all[1], atol=1e-6)


@pytest.mark.parametrize(("sequence_axis", "feature_axis"), [(2, -1), (-2, -1), (3, 1), (-1, 2)])
def test_axes(sequence_axis, feature_axis):
    x = RANDOM.normal(size=(2, 4, 6, 8)).astype("float32")
    moved = np.moveaxis(x, (sequence_axis, feature_axis), (1, -1))

    output = RotaryEmbedding(sequence_axis=sequence_axis, feature_axis=feature_axis)(x)

    expected = np.moveaxis(
        to_numpy(RotaryEmbedding()(moved)), (1, -1), (sequence_axis, feature_axis)
    )
    np.testing.assert_allclose(to_numpy(output), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("explicit", [False, True])
def test_late_positions_are_exact_in_half_precision(dtype, explicit):
    x = np.tile(np.array([1.0, 0.5, -1.0, 0.25], "float32"), (1, 2, 1))
    late = {"positions": np.array([30001.0, 30003.0], "float32")} if explicit else {}
    late = late or {"start_index": 30001}

    output = to_numpy(keras.ops.cast(RotaryEmbedding(dtype=dtype)(x, **late), "float32"))

    expected = RotaryEmbedding(dtype="float32")(x, **late)
    np.testing.assert_allclose(output, to_numpy(expected)[:, : x.shape[1]], atol=1e-2)


@pytest.mark.parametrize("arguments", [{}, ALL_ARGUMENTS], ids=["defaults", "all"])
def test_harness_of_keras(arguments):
    TestCase().run_layer_test(
        RotaryEmbedding,
        init_kwargs=arguments,
        input_shape=(2, 3, 4),
        expected_output_shape=(2, 3, 4),
        expected_num_trainable_weights=0,
        supports_masking=True,
    )


def test_every_argument_is_in_the_configuration():
    config = RotaryEmbedding(**ALL_ARGUMENTS).get_config()

    names = set(inspect.signature(RotaryEmbedding).parameters) - {"kwargs"}
    assert names == set(ALL_ARGUMENTS)
    assert {name: config[name] for name in names} == ALL_ARGUMENTS


def test_model_of_any_length_comes_back_from_its_file(tmp_path):
    model = keras.Sequential([keras.Input((None, 4)), RotaryEmbedding(**ALL_ARGUMENTS)])
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert model.output_shape == (None, None, 4)
    for length in (0, 1, 5):
        x = RANDOM.normal(size=(2, length, 4)).astype("float32")
        np.testing.assert_array_equal(to_numpy(loaded(x)), to_numpy(model(x)))


def test_gradient_turns_back(gradients):
    x, upstream = RANDOM.normal(size=(2, 1, 3, 4)).astype("float32")
    layer, weights = RotaryEmbedding(), keras.ops.convert_to_tensor(upstream)

    (gradient,) = gradients(lambda y: keras.ops.sum(layer(y) * weights), [x])

    back = turned(upstream, -np.arange(3)[None])
    np.testing.assert_allclose(gradient, back, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RotaryEmbedding(0), "Received: max_wavelength=0"),
        (lambda: RotaryEmbedding(scaling_factor=-1), "Received: scaling_factor=-1"),
        (lambda: RotaryEmbedding(scaling_factor="x"), "Received: scaling_factor=x"),
        (lambda: RotaryEmbedding(sequence_axis=1.5), "Received: sequence_axis=1.5"),
        (lambda: RotaryEmbedding()(np.ones((1, 2, 3))), r"even. Received: .*\(1, 2, 3\)"),
        (lambda: RotaryEmbedding()(keras.Input((2, 3))), "known and even"),
        (lambda: RotaryEmbedding()(keras.Input((2, None))), "known and even"),
        (lambda: RotaryEmbedding(sequence_axis=3)(np.ones((1, 2, 4))), "sequence_axis=3"),
        (lambda: RotaryEmbedding(sequence_axis=2)(np.ones((1, 2, 4))), "one axis of steps"),
        (
            lambda: RotaryEmbedding()(np.ones((1, 2, 4)), positions=np.arange(3)),
            r"positions.shape=\(3,\), for 2 steps",
        ),
        (
            lambda: RotaryEmbedding()(np.ones((2, 2, 4)), positions=np.zeros((3, 2))),
            r"positions.shape=\(3, 2\)",
        ),
    ],
)
def test_errors(build, message):
    with pytest.raises(ValueError, match=message):
        build()
