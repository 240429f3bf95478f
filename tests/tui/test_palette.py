import itertools

import pytest

from tui.widgets import palette

BACKGROUNDS = {True: (18, 18, 18), False: (224, 224, 224)}

# Linear RGB as seen without one kind of cone (Viénot, Brettel and Mollon, 1999).
PROTAN = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
DEUTAN = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))


def linear(color):
    return [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]


def luminance(color):
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(color), strict=True))


def seen(color, matrix):
    """The colour in CIE Lab as somebody without one kind of cone sees it."""
    rgb = linear(color)
    if matrix:
        rgb = [max(sum(w * c for w, c in zip(row, rgb, strict=True)), 0) for row in matrix]
    xyz = [
        sum(w * c for w, c in zip(row, rgb, strict=True)) / white
        for row, white in (
            ((0.4124, 0.3576, 0.1805), 0.9505),
            ((0.2126, 0.7152, 0.0722), 1.0),
            ((0.0193, 0.1192, 0.9505), 1.089),
        )
    ]
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("index", range(palette.COLORS))
def test_colors_stand_out_from_the_background(dark, index):
    bright, dim = sorted(
        (luminance(palette.series_color(index, dark)), luminance(BACKGROUNDS[dark])), reverse=True
    )
    assert (bright + 0.05) / (dim + 0.05) >= 3


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("matrix", [None, PROTAN, DEUTAN], ids=["all cones", "protan", "deutan"])
def test_colors_differ_for_any_colour_vision(dark, matrix):
    colors = [seen(palette.series_color(index, dark), matrix) for index in range(palette.COLORS)]
    for first, second in itertools.combinations(range(palette.COLORS), 2):
        distance = sum((a - b) ** 2 for a, b in zip(colors[first], colors[second], strict=True))
        assert distance**0.5 >= 10, (first, second)


def test_letters_and_dashes_tell_series_of_one_colour_apart():
    assert palette.series_color(1, True) == palette.series_color(1 + palette.COLORS, True)
    letters = {palette.series_letter(index) for index in range(52)}
    assert len(letters) == 52
    assert palette.series_dash(1, every=False) == (1, 0)
    assert palette.series_dash(1 + palette.COLORS, every=False) != (1, 0)
    assert len({palette.series_dash(index, every=True) for index in range(palette.COLORS)}) == 8


def test_tint_lies_between_background_and_series():
    background = BACKGROUNDS[True]
    assert palette.tint(0, background, True) == background
    one = palette.tint(0b1, background, True)
    color = palette.series_color(0, True)
    assert all(
        under <= mixed <= over for under, mixed, over in zip(background, one, color, strict=True)
    )
    assert palette.tint(0b11, background, True) not in (one, palette.tint(0b10, background, True))
