"""Positions: the table of the paper, lengths and precision."""

import keras
import numpy as np
import pytest

from keras_seq.layers import PositionEmbedding, SinusoidalPositionEncoding

to_numpy = keras.ops.convert_to_numpy


@pytest.mark.parametrize("width", [1, 4, 7])
@pytest.mark.parametrize("start_index", [0, 3])
def test_sines_and_cosines(width, start_index):
    expected = np.zeros((5, width))
    for position in range(5):
        for column in range(width):
            angle = (position + start_index) / 10000 ** (2 * (column // 2) / width)
            expected[position, column] = np.cos(angle) if column % 2 else np.sin(angle)
    inputs = np.full((2, 5, width), 3.0, "float32")

    output = SinusoidalPositionEncoding()(inputs, start_index=start_index)

    np.testing.assert_allclose(to_numpy(output), 3.0 + np.stack([expected] * 2), atol=1e-5)


def test_late_positions_differ_in_half_precision():
    layer = SinusoidalPositionEncoding(dtype="float16")

    output = to_numpy(layer(np.zeros((1, 5000, 4), "float16")))

    expected = to_numpy(SinusoidalPositionEncoding()(np.zeros((1, 5000, 4), "float32")))
    np.testing.assert_allclose(output, expected, atol=2e-3)


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16", "float16", "mixed_float16"])
@pytest.mark.parametrize("start_index", [0, 5000])
def test_encoding_of_half_precision_is_that_of_float32_rounded(dtype, start_index):
    layer = SinusoidalPositionEncoding(dtype=dtype)
    half = layer.compute_dtype
    exact = SinusoidalPositionEncoding(dtype="float32")(
        np.zeros((1, 5001, 6), "float32"), start_index=start_index
    )
    inputs = keras.ops.ones((1, 5001, 6), half)

    zeros, ones = (layer(x, start_index=start_index) for x in (inputs * 0, inputs))

    def as_numpy(x):
        return to_numpy(keras.ops.cast(x, "float32"))

    rounded = keras.ops.cast(exact, half)
    assert keras.backend.standardize_dtype(zeros.dtype) == half
    np.testing.assert_array_equal(as_numpy(zeros), as_numpy(rounded))
    np.testing.assert_array_equal(as_numpy(ones), as_numpy(inputs + rounded))


def test_learned_positions():
    layer = PositionEmbedding(6)
    output = to_numpy(layer(np.ones((2, 3, 4), "float32"), start_index=2))

    table = layer.get_weights()[0]
    np.testing.assert_allclose(output, np.stack([1 + table[2:5]] * 2), atol=1e-6)


@pytest.mark.parametrize("width", [2, 6])
def test_learned_positions_have_one_width(width):
    layer = PositionEmbedding(6)
    layer.build((2, 3, 4))

    for make in (np.ones, keras.KerasTensor):
        with pytest.raises(ValueError, match=rf"of 4 features. .*shape=\(2, 3, {width}\)"):
            layer(make((2, 3, width)))


STEPS = np.ones((1, 3, 2))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SinusoidalPositionEncoding(0), "Received: max_wavelength=0"),
        (lambda: PositionEmbedding(0), "Received: sequence_length=0"),
        (lambda: PositionEmbedding(3)(np.ones((1, 4, 2))), "larger `sequence_length`"),
        (lambda: PositionEmbedding(3)(keras.Input((4, 2))), "larger `sequence_length`"),
        (lambda: PositionEmbedding(4)(STEPS, start_index=2), "3 steps from position 2"),
        (lambda: PositionEmbedding(9)(STEPS, start_index=-1), "Received: start_index=-1"),
        (lambda: PositionEmbedding(9)(STEPS[0, 0]), r"inputs.shape=\(2,\)"),
        (lambda: PositionEmbedding(9)(keras.Input((3, None))), "with a known width"),
        (lambda: SinusoidalPositionEncoding()(STEPS[0, 0]), r"inputs.shape=\(2,\)"),
        (lambda: SinusoidalPositionEncoding()(keras.Input((3, None))), "with a known width"),
    ],
)
def test_errors(build, message):
    with pytest.raises(ValueError, match=message):
        build()
