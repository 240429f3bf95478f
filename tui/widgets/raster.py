"""Curves to dots: which pixels of a grid of cells a set of curves lights.

Pixel rows count from the top. Cost depends on the number of pixel columns; the points
themselves are only passed over twice, by a minimum and a maximum per column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui.widgets.axis import Axis
from tui.widgets.curve import Floats, Points

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

# Bits of the two-by-four dots of U+2800, column by column, top to bottom.
_BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
# A row this far off the grid stands for every row that is farther.
_FAR = 1e6


@dataclass(frozen=True)
class Spans:
    """The lit pixel rows of each curve in each pixel column, both ends included.

    Attributes:
        top: First lit row, shape `(curves, columns)`; nothing is lit where `top > bottom`.
        bottom: Last lit row.
        end_row: Row at which each curve leaves the view or ends; -1 where it is not in view.
        end_column: Pixel column of the last point; -1 where the curve goes on past the view.
    """

    top: Integers
    bottom: Integers
    end_row: Integers
    end_column: Integers


# Huge values overflow to infinity and lie out of view; equal positions give NaN, seen below.
@np.errstate(all="ignore")
def curve_spans(
    curves: Sequence[Points], x_axis: Axis, y_axis: Axis, columns: int, rows: int
) -> Spans:
    """Reduce curves to one span of pixel rows per pixel column.

    Every point in view lies inside its column's span. Neighbouring points are joined by a
    straight line, unless there is a gap between them.

    Args:
        curves: The points of each curve.
        x_axis: Linear axis over the columns.
        y_axis: Axis over the rows.
        columns: Number of pixel columns.
        rows: Number of pixel rows.

    Returns:
        The spans of all curves.
    """
    count = len(curves)
    edges = x_axis.edges(columns)
    # Per curve: least and greatest value per column, then the values left and right of
    # each border and how far between them the border lies.
    least = np.full((count, columns), np.inf)
    greatest = np.full((count, columns), -np.inf)
    before = np.full((count, columns + 1), np.nan)
    after = np.full((count, columns + 1), np.nan)
    part = np.zeros((count, columns + 1))
    last = np.full(count, np.nan)
    last_x = np.full(count, np.nan)
    for index, points in enumerate(curves):
        x, y = points.x, points.y
        if not x.size:
            continue
        borders = np.searchsorted(x, edges)
        borders[-1] = np.searchsorted(x, edges[-1], side="right")
        filled = np.flatnonzero(borders[1:] > borders[:-1])
        if filled.size:
            starts = borders[filled]
            inside = y[: borders[-1]]
            least[index, filled] = np.minimum.reduceat(inside, starts)
            greatest[index, filled] = np.maximum.reduceat(inside, starts)
            last[index] = inside[-1]
            last_x[index] = x[borders[-1] - 1]
        joined = np.flatnonzero((borders > 0) & (borders < x.size))
        if joined.size:
            right = borders[joined]
            left = right - 1
            if points.gap_after is not None:
                whole = ~points.gap_after[left]
                joined, left, right = joined[whole], left[whole], right[whole]
            before[index, joined] = y[left]
            after[index, joined] = y[right]
            start = x[left] * 0.5
            part[index, joined] = (edges[joined] * 0.5 - start) / (x[right] * 0.5 - start)
    return _to_rows(least, greatest, before, after, part, last, last_x, x_axis, y_axis, rows)


def _to_rows(
    least: Floats,
    greatest: Floats,
    before: Floats,
    after: Floats,
    part: Floats,
    last: Floats,
    last_x: Floats,
    x_axis: Axis,
    y_axis: Axis,
    rows: int,
) -> Spans:
    columns = least.shape[1]
    widths = np.cumsum([columns, columns, columns + 1, columns + 1])
    heights = _heights(np.hstack((least, greatest, before, after, last[:, None])), y_axis, rows)
    low, high, left, right, end = np.split(heights, widths, axis=1)
    np.nan_to_num(part, copy=False, nan=0.5, posinf=1.0, neginf=0.0)
    border = left + (right - left) * part
    # Between two borders a line lights the rows whose centres it passes, as in Bresenham's
    # algorithm: neighbouring columns share a border, so the line is joined and one dot thick.
    line_low = np.fmin(np.fmin(border[:, :-1], border[:, 1:]), low)
    line_high = np.fmax(np.fmax(border[:, :-1], border[:, 1:]), high)
    first = np.ceil(line_low - 0.5)
    final = np.ceil(line_high - 0.5) - 1
    has_points = low <= high
    flat = ~has_points & (first > final)
    middle = np.floor((line_low + line_high) * 0.5)
    first = np.where(flat, middle, np.fmin(first, np.floor(low)))
    final = np.where(flat, middle, np.fmax(final, np.floor(high)))
    empty = ~np.isfinite(first) | ~np.isfinite(final)
    first[empty], final[empty] = rows + 1, -2
    top = (rows - 1 - final).astype(np.int64)
    bottom = (rows - 1 - first).astype(np.int64)

    goes_on = np.isfinite(border[:, -1])
    end_height = np.where(goes_on, border[:, -1], end[:, 0])
    seen = np.isfinite(end_height)
    end_row = np.full(len(least), -1)
    end_row[seen] = np.clip(rows - 1 - np.floor(end_height[seen]), 0, rows - 1)
    end_column = np.full(len(least), -1)
    ended = seen & ~goes_on
    end_column[ended] = column_of(last_x[ended], x_axis, columns)
    return Spans(top, bottom, end_row, end_column)


def _heights(values: Floats, axis: Axis, rows: int) -> Floats:
    """Values as pixel rows from the bottom; the ends of the axis belong to the grid."""
    heights = axis.position(values) * rows
    heights[np.abs(heights - rows) < 1e-6] = rows - 1e-6
    heights[np.abs(heights) < 1e-6] = 1e-6
    missing = np.isinf(values)
    np.clip(heights, -_FAR, _FAR, out=heights)
    heights[missing] = values[missing]
    return heights


def column_of(x: Floats, axis: Axis, columns: int) -> Integers:
    """The pixel column of each position; the end of the axis belongs to the last column."""
    found = np.searchsorted(axis.edges(columns), x, side="right") - 1
    found[x == axis.high] = columns - 1
    return np.asarray(found, np.int64)


def row_of(y: Floats, axis: Axis, rows: int) -> Integers:
    """The pixel row, from the top, of each finite value."""
    return np.asarray(rows - 1 - np.floor(_heights(y, axis, rows)), np.int64)


@dataclass(frozen=True)
class Dots:
    """Spans cut into cells.

    Attributes:
        bits: Lit dots per curve and cell, shape `(curves, height, width)`.
        count: How many they are.
    """

    bits: Bytes
    count: Bytes


def cell_dots(spans: Spans, width: int, height: int, dots_x: int, dots_y: int) -> Dots:
    """Cut spans into cells of `dots_x` by `dots_y` dots.

    Args:
        spans: Spans over `width * dots_x` columns and `height * dots_y` rows.
        width: Number of cells across.
        height: Number of cells down.
        dots_x: 2 for braille, else 1.
        dots_y: 4 for braille, 2 for half blocks, 1 for text.

    Returns:
        Bits in the order of U+2800 for braille; else bit 0 is the upper dot.
    """
    offsets = (np.arange(height, dtype=np.int32) * dots_y)[:, None]
    top = np.clip(spans.top, -1, height * dots_y + 1).astype(np.int32)[:, None, :]
    bottom = np.clip(spans.bottom, -2, height * dots_y).astype(np.int32)[:, None, :]
    start = np.clip(top - offsets, 0, dots_y)
    stop = np.clip(bottom + 1 - offsets, 0, dots_y)
    code = (start * (dots_y + 1) + stop).astype(np.uint8)
    bits_of, count_of = _tables(dots_y)
    bits = bits_of[0][code[..., 0::dots_x]]
    count = count_of[code[..., 0::dots_x]]
    if dots_x == 2:
        bits |= bits_of[1][code[..., 1::2]]
        count += count_of[code[..., 1::2]]
    return Dots(bits, count)


def _tables(dots_y: int) -> tuple[tuple[Bytes, Bytes], Bytes]:
    """Bits (of the left and the right dots) and their number, by `start * (dots_y + 1) + stop`."""
    if dots_y not in _TABLES:
        sides = []
        for side in _BRAILLE if dots_y == 4 else (tuple(1 << row for row in range(dots_y)),) * 2:
            table = [
                sum(side[row] for row in range(start, stop))
                for start in range(dots_y + 1)
                for stop in range(dots_y + 1)
            ]
            sides.append(np.array(table, np.uint8))
        lengths = np.arange(dots_y + 1)
        count = np.maximum(lengths[None, :] - lengths[:, None], 0).astype(np.uint8).ravel()
        _TABLES[dots_y] = (sides[0], sides[1]), count
    return _TABLES[dots_y]


_TABLES: dict[int, tuple[tuple[Bytes, Bytes], Bytes]] = {}


def owners(count: Bytes, ranks: Sequence[int]) -> Integers:
    """Which curve gives a cell its one colour.

    Args:
        count: Lit dots per curve and cell.
        ranks: A curve owns every cell that it and only curves of lower ranks touch.

    Returns:
        Index per cell: of the curves of the highest rank there the one with most dots, of
        these the earliest; -1 for cells without a dot.
    """
    if not len(count):
        return np.full(count.shape[1:], -1)
    rank = count.astype(np.int16)
    rank += 256 * np.array(ranks, np.int16)[:, None, None] * (count > 0)
    return np.where(count.any(axis=0), rank.argmax(axis=0), -1)
