"""The vertical line at the cursor and the values it crosses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len

from tui.widgets.chart import Chart, Frame
from tui.widgets.curve import Curve
from tui.widgets.drawing import Drawing
from tui.widgets.glyphs import GLYPHS
from tui.widgets.labels import series_ink
from tui.widgets.palette import series_letter
from tui.widgets.picture import Ink, Picture, shortened
from tui.widgets.ticks import format_number

_GAP = 2


@dataclass(frozen=True)
class Reading:
    """What a curve says at a place.

    Attributes:
        index: Of the curve among those of its chart.
        value: The value, which may be NaN or infinite.
        low: Lower edge of the band; NaN without one.
        high: Upper edge of the band; NaN without one.
        n: Over how many seeds it is a mean, or None.
    """

    index: int
    value: float
    low: float = math.nan
    high: float = math.nan
    n: int | None = None


def readings(chart: Chart, x: float, reach: float) -> list[Reading]:
    """What the curves of a chart say at `x`, largest value first.

    A curve tells of its point nearest to `x`; one that has not come there is left out, and so is
    what only stands behind another.

    Args:
        chart: The curves.
        x: Position.
        reach: How far outside a curve `x` may lie.
    """
    found = []
    for index, curve in enumerate(chart.curves):
        at = None if curve.thin else point_at(curve, x, reach)
        if at is None:
            continue
        low, high = (
            math.nan if edge is None else float(edge[at]) for edge in (curve.low, curve.high)
        )
        n = None if curve.counts is None else int(curve.counts[at])
        found.append(Reading(index, float(curve.y[at]), low, high, n))
    # As on the screen; NaN has no place in that order and comes last.
    found.sort(key=lambda one: (math.isnan(one.value), -one.value, one.index))
    return found


def point_at(curve: Curve, x: float, reach: float) -> int | None:
    """The index of the point nearest to `x`; None where the curve has not come there."""
    if not curve.x.size or not float(curve.x[0]) - reach <= x <= float(curve.x[-1]) + reach:
        return None
    right = min(int(np.searchsorted(curve.x, x)), curve.x.size - 1)
    left = max(right - 1, 0)
    nearer_left = x - float(curve.x[left]) < float(curve.x[right]) - x
    return left if nearer_left else right


def nearest_x(curves: Sequence[Curve], x: float) -> float:
    """The position nearest to `x` at which some curve has a point."""
    candidates = [
        float(curve.x[index])
        for curve in curves
        if curve.x.size and not curve.thin
        for right in [int(np.searchsorted(curve.x, x))]
        for index in (max(right - 1, 0), min(right, curve.x.size - 1))
    ]
    return min(candidates, key=lambda candidate: abs(candidate - x), default=x)


def next_x(curves: Sequence[Curve], frame: Frame, x: float | None, columns: int) -> float:
    """Where the cursor goes by some columns, but at least to the next point.

    Args:
        curves: The curves.
        frame: Where they are drawn.
        x: Position of the cursor; None while it is hidden.
        columns: How many columns to the right, or to the left where negative; not zero.

    Returns:
        The position of a point, or the end of the axis that the cursor comes to or starts from.
    """
    axis = frame.x_axis
    start = None if x is None else frame.column_at(x)
    if x is None or start is None:
        return axis.high if columns < 0 else axis.low
    stop = frame.left if columns < 0 else frame.right - 1
    for column in range(start + columns, stop + columns, columns):
        found = nearest_x(curves, frame.x_at(column))
        if (found - x) * columns > 0:
            return found
    # The outermost points may lie beyond the middle of the outermost columns.
    return axis.low if columns < 0 else axis.high


def reach_of(frame: Frame) -> float:
    """How far from a curve's end the cursor still reads it: half a column."""
    return (frame.x_axis.high / 2 - frame.x_axis.low / 2) / frame.width


def draw_crosshair(drawing: Drawing, chart: Chart, x: float) -> Picture:
    """The picture with a line at `x` and the values there, largest first, in its top row."""
    frame = drawing.frame
    column = frame.column_at(x) if frame is not None else None
    if frame is None or column is None:
        return drawing.picture
    glyphs = GLYPHS[chart.mode]
    picture = drawing.picture.copy()
    for row in range(frame.top, frame.top + frame.height):
        if picture.glyph[row, column] in (ord(" "), ord(glyphs.grid)):
            picture.put(row, column, glyphs.cursor, Ink.CURSOR)
    if picture.height < 4:
        return picture

    values = readings(chart, x, reach_of(frame))
    heading = f"{chart.x_label or 'x'} {x:.6g}"
    parts = [(heading, int(Ink.TICK))]
    for reading in values:
        curve = chart.curves[reading.index]
        ink = series_ink(curve, chart.muted[reading.index], strong=True)
        parts.append((f"{series_letter(curve.color)} {format_number(reading.value)}", ink))

    size = sum(cell_len(text) + _GAP for text, _ in parts)
    # The title has what the values leave; what is measured comes before how it was averaged.
    room = max(picture.width - size, picture.width // 5)
    title = chart.title if cell_len(chart.title) <= room else chart.title.partition(",")[0]
    kept = min(cell_len(title), room)
    picture.glyph[0], picture.ink[0], picture.tint[0] = ord(" "), Ink.PLAIN, 0
    stop = picture.put(0, 0, shortened(title, kept, glyphs.ellipsis), Ink.TITLE)
    while len(parts) > 1 and size > picture.width - stop:
        text, _ = parts.pop()
        size = sum(cell_len(text) + _GAP for text, _ in parts) + len(glyphs.ellipsis) + 1
    cut = len(parts) <= len(values)
    start = max(picture.width - size + _GAP, stop + 1 if stop else 0)
    for text, ink in parts:
        start = picture.put(0, start, text, ink) + _GAP
    if cut:
        picture.put(0, start - 1, glyphs.ellipsis, Ink.NOTE)
    return picture
