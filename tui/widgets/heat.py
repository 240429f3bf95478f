"""A matrix as a heat map shows it: how its numbers share out pixels and colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tui.widgets.curve import Floats
from tui.widgets.ticks import format_ticks, nice_ticks

Integers = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)

NOT_A_NUMBER = -1
"""The level of NaN."""


@dataclass(frozen=True, eq=False)
class Heat:
    """A matrix with the names of its axes.

    Args:
        values: Rows from top to bottom; NaN is shown as such, infinity as the end of the scale.
        row_label: What a row is.
        column_label: What a column is.
        rows: The number of each row, increasing.
        columns: The number of each column, increasing.
        limits: The ends of the scale; None where the values say.
    """

    values: Floats
    row_label: str
    column_label: str
    rows: Integers
    columns: Integers
    limits: tuple[float, float] | None = None

    @cached_property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest number that have a colour of their own."""
        if self.limits is not None:
            return self.limits
        finite = self.values[np.isfinite(self.values)]
        if not finite.size:
            return 0.0, 1.0
        low, high = float(finite.min()), float(finite.max())
        return (low, high) if low < high else (low - 0.5, high + 0.5)

    def pixels(self, height: int, width: int) -> Floats:
        """The matrix stretched or reduced to a number of pixels.

        A pixel that stands for several numbers shows the one furthest from zero, or NaN if one is.
        """
        return _resized(_resized(self.values, 0, height), 1, width)

    def levels(self, height: int, width: int, count: int) -> Integers:
        """Which of `count` steps of the scale each pixel is, or `NOT_A_NUMBER`."""
        low, high = self.scale
        rows, columns = self.values.shape
        # Stretched last, because there may be a million pixels of a few numbers.
        pixels = self.pixels(min(height, rows), min(width, columns))
        with np.errstate(invalid="ignore"):
            shares = np.clip((pixels - low) / (high - low), 0, 1)
        steps = np.nan_to_num(shares * (count - 1)).round().astype(np.int64)
        steps = np.where(np.isnan(pixels), NOT_A_NUMBER, steps)
        return _stretched(_stretched(steps, 0, height), 1, width)


def place(pixel: int, pixels: int, size: int) -> int:
    """The first of `size` places that a pixel stands for."""
    return pixel * size // pixels


def pixel_of(index: int, pixels: int, size: int) -> int:
    """The first pixel that shows a place."""
    found = -(-index * pixels // size)
    return min(found if pixels >= size else index * pixels // size, pixels - 1)


def ticks(numbers: Integers, most: int) -> list[tuple[int, str]]:
    """Round numbers among increasing ones: where they stand and how they are written."""
    low, high = float(numbers[0]), float(numbers[-1])
    if low == high or most < 2:
        return [(0, format_ticks((low,))[0])]
    found = [tick for tick in nice_ticks(low, high, most) if tick == round(tick)] or [low]
    places = np.searchsorted(numbers, found)
    return list(zip(places.tolist(), format_ticks(tuple(found)), strict=True))


def _stretched(values: NDArray[Number], axis: int, pixels: int) -> NDArray[Number]:
    return np.asarray(values.take(_starts(values.shape[axis], pixels), axis))


def _starts(size: int, pixels: int) -> Integers:
    """The first place that each pixel stands for."""
    return np.arange(pixels) * size // pixels


def _resized(values: Floats, axis: int, pixels: int) -> Floats:
    if pixels >= values.shape[axis]:
        return _stretched(values, axis, pixels)
    starts = _starts(values.shape[axis], pixels)
    lowest = np.minimum.reduceat(values, starts, axis)
    highest = np.maximum.reduceat(values, starts, axis)
    return np.asarray(np.where(-lowest > highest, lowest, highest))
