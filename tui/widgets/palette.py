"""Colours, letters, end markers and dashes of plot series, stable by index.

Hues are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any
colour vision can tell apart, lightened or darkened until they read on the background.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RGB = tuple[int, int, int]

# Sky blue, orange, bluish green, reddish purple, yellow, vermilion, blue, grey.
DARK: tuple[RGB, ...] = (
    (136, 195, 238),
    (244, 151, 4),
    (35, 192, 127),
    (188, 114, 152),
    (255, 255, 108),
    (222, 91, 52),
    (102, 125, 255),
    (214, 226, 213),
)
LIGHT: tuple[RGB, ...] = (
    (27, 127, 188),
    (183, 104, 62),
    (71, 123, 106),
    (147, 62, 144),
    (127, 86, 0),
    (130, 0, 0),
    (22, 78, 209),
    (52, 25, 35),
)
COLORS = len(DARK)

# The share of its cell that a band's colour takes.
_TINT = 0.26
_MUTED = 0.38

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Lit and dark pixel columns, repeated along the line.
_DASHES = (
    (1, 0),
    (6, 3),
    (2, 2),
    (8, 2, 2, 2),
    (1, 3),
    (12, 4),
    (4, 2, 1, 2, 1, 2),
    (3, 1),
)


def series_color(index: int, dark: bool) -> RGB:
    """The colour of a series on a dark or a light background."""
    return (DARK if dark else LIGHT)[index % COLORS]


def series_letter(index: int) -> str:
    """The letter of a series; it repeats after 52."""
    return _LETTERS[index % len(_LETTERS)]


def series_dash(index: int, every: bool) -> tuple[int, ...]:
    """The dash pattern of a series: lit and dark pixel columns in turn.

    Args:
        index: Palette index.
        every: Whether each series gets its own pattern, for screens without colour. Else
            the first eight are solid and only series of a repeated colour are dashed.
    """
    return _DASHES[(index if every else index // COLORS) % len(_DASHES)]


def mixed(color: RGB, background: RGB, share: float) -> RGB:
    """`share` of a colour laid over a background."""
    red, green, blue = (
        round(over * share + under * (1 - share))
        for over, under in zip(color, background, strict=True)
    )
    return red, green, blue


def muted(color: RGB, background: RGB) -> RGB:
    """The colour of a series while another one is highlighted."""
    return mixed(color, background, _MUTED)


def tint(members: int, background: RGB, dark: bool) -> RGB:
    """The background of cells that lie in confidence bands.

    Args:
        members: Set of colours: bit `i` for palette index `i`.
        background: Colour of the plot.
        dark: Whether that is dark.
    """
    colors = [series_color(index, dark) for index in range(COLORS) if members >> index & 1]
    if not colors:
        return background
    share = 1 - (1 - _TINT) ** min(len(colors), 2)
    return mixed(average(colors), background, share)


def average(colors: Sequence[RGB]) -> RGB:
    """The mean of some colours."""

    def mean(values: Iterable[int]) -> int:
        return round(sum(values) / len(colors))

    red, green, blue = (mean(channel) for channel in zip(*colors, strict=True))
    return red, green, blue
