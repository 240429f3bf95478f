import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tui.widgets.color_map import COLOR_MAP, RAMP
from tui.widgets.heat import NOT_A_NUMBER, Heat, pixel_of, place, ticks

Sizes = st.integers(1, 60)
Matrices = arrays(np.float64, st.tuples(Sizes, Sizes), elements=st.floats(-9, 9))


def heat(values, limits=None):
    values = np.asarray(values, float)
    return Heat(values, "row", "column", *map(np.arange, values.shape), limits)


@given(Matrices, st.integers(1, 3), st.integers(1, 3))
def test_whole_multiples_repeat_each_number(values, down, across):
    height, width = values.shape
    pixels = heat(values).pixels(height * down, width * across)
    np.testing.assert_array_equal(pixels, values.repeat(down, 0).repeat(across, 1))


@given(Matrices, Sizes, Sizes)
def test_a_pixel_shows_the_furthest_from_zero_of_its_numbers(values, height, width):
    pixels = heat(values).pixels(height, width)
    assert pixels.shape == (height, width)
    # Every number shown is there, and what is furthest from zero is shown.
    assert np.isin(pixels, values).all()
    assert np.abs(pixels).max() == np.abs(values).max()
    for y in range(height):
        rows = slice(place(y, height, len(values)), max(place(y + 1, height, len(values)), 1))
        if height < len(values) and width >= values.shape[1]:
            assert np.abs(pixels[y]).max() == np.abs(values[rows]).max()


@given(Sizes, Sizes)
def test_places_and_their_pixels_are_inverse(size, pixels):
    for index in range(size):
        pixel = pixel_of(index, pixels, size)
        assert 0 <= pixel < pixels
        first = place(pixel, pixels, size)
        assert first == index if pixels >= size else first <= index


@pytest.mark.parametrize("count", [len(COLOR_MAP), len(RAMP)])
def test_levels_span_the_scale_and_tell_what_is_no_number(count):
    values = [[0.0, 0.5, 1.0], [-9.0, np.nan, np.inf]]
    levels = heat(values, limits=(0.0, 1.0)).levels(2, 3, count)
    middle = round((count - 1) / 2)
    np.testing.assert_array_equal(levels, [[0, middle, count - 1], [0, NOT_A_NUMBER, count - 1]])


def test_a_number_among_others_that_is_none_is_not_lost():
    values = np.zeros((4, 4))
    values[1, 2] = np.nan
    levels = heat(values).levels(2, 2, 10)
    assert (levels == NOT_A_NUMBER).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([[1.0, 3.0]], (1.0, 3.0)),
        ([[2.0, 2.0]], (1.5, 2.5)),
        ([[np.nan, np.inf]], (0.0, 1.0)),
        ([[np.nan, 4.0, 5.0]], (4.0, 5.0)),
    ],
)
def test_the_scale_is_that_of_the_numbers(values, scale):
    assert heat(values).scale == scale


def test_the_map_grows_brighter_evenly():
    # The relative luminance of sRGB; a perceptual lightness is its cube root.
    linear = (np.array(COLOR_MAP) / 255) ** 2.2
    lightness = np.cbrt(linear @ [0.2126, 0.7152, 0.0722])
    steps = np.diff(lightness)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.mean()
    assert len(set(RAMP)) == len(RAMP)


@given(st.integers(1, 400), st.integers(1, 9), st.integers(1, 30))
def test_ticks_are_round_numbers_at_their_places(size, gap, most):
    numbers = np.arange(size) * gap
    for at, text in ticks(numbers, most):
        assert 0 <= at < size
        # The number itself, or the first one behind it where that one was left out.
        assert numbers[at] >= float(text.replace("k", "e3"))
    assert len(ticks(numbers, most)) <= max(most + 1, 2)
