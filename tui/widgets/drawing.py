"""A line chart as a picture: pure functions of data and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui.widgets.axis import Axis, widened
from tui.widgets.band import band_tints
from tui.widgets.chart import Chart, Frame, data_x_range, data_y_range, y_axis_for
from tui.widgets.curve import Floats, Points
from tui.widgets.glyphs import GLYPHS, GlyphSet
from tui.widgets.labels import draw_labels, draw_legend, label_margin, legend_fits, series_ink
from tui.widgets.palette import COLORS, series_dash, series_letter
from tui.widgets.picture import Ink, Picture, shortened
from tui.widgets.raster import Spans, cell_dots, column_of, curve_spans, owners

_HALVES = np.array([0x20, 0x2580, 0x2584, 0x2588], np.uint32)
_LOWER_EIGHTHS = np.array([0x20, *range(0x2581, 0x2589)], np.uint32)
# How many curves' marks may be stacked at one place.
_LANES = 3
# The label in the margin is seen from this many columns away.
_LABEL_REACH = 5


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawn chart.

    Attributes:
        picture: The cells.
        frame: Where the curves are; None in the empty state.
    """

    picture: Picture
    frame: Frame | None = None


def draw_chart(chart: Chart, width: int, height: int) -> Drawing:
    """Draw a chart.

    Args:
        chart: What to draw.
        width: Number of cells across.
        height: Number of cells down.

    Returns:
        A picture of exactly that size.
    """
    picture = Picture(max(width, 0), max(height, 0))
    if width < 1 or height < 1:
        return Drawing(picture)
    glyphs = GLYPHS[chart.mode]
    title_rows = 1 if height >= 4 and chart.title else 0
    if title_rows:
        _draw_title(picture, chart, glyphs)
    x_range = data_x_range(chart.curves)
    if x_range is None:
        text = shortened(chart.placeholder, width, glyphs.ellipsis)
        picture.put((height - 1) // 2, (width - len(text)) // 2, text, Ink.NOTE)
        return Drawing(picture)

    x_axis = Axis(*widened(*(chart.x_limits or x_range)))
    points = [curve.points(chart.y_scale == "log") for curve in chart.curves]
    margin = label_margin(chart.named, width)
    axis_rows = 2 if height >= 6 else 1 if height >= 4 else 0
    has_legend = (
        chart.legend and height >= 9 and not margin.names and legend_fits(chart.named, width)
    )
    plot_height = height - title_rows - axis_rows - int(has_legend)
    most_ticks = max(2, plot_height // 3)
    y_range = data_y_range(chart, points, x_axis)
    y_axis = y_axis_for(chart, y_range, most_ticks)
    lanes = min(_LANES, sum(bool(_in_view(shown.above, x_axis).size) for shown in points))
    if y_range and chart.y_limits is None and plot_height >= 4 * lanes:
        # Room for the marks, so that they hide no curve.
        y_axis = Axis(y_axis.low, y_axis.value(1 + lanes / plot_height), y_axis.scale)
    y_ticks = y_axis.labelled_ticks(most_ticks) if y_range or chart.y_limits else []
    left = max((len(label) for _, label in y_ticks), default=0) + 1
    if left > width * 0.4:
        y_ticks, left = [], int(width >= 8)
    frame = Frame(
        left, title_rows, max(width - left - margin.width, 1), plot_height, x_axis, y_axis
    )

    dots_x, dots_y = glyphs.dots
    spans = curve_spans(points, x_axis, y_axis, frame.width * dots_x, frame.height * dots_y)
    _draw_axes(picture, frame, y_ticks, chart.x_label, axis_rows, glyphs)
    _draw_rule(picture, frame, chart, glyphs)
    lit = _draw_curves(picture, frame, chart, spans, glyphs)
    _draw_ends(picture, frame, chart, spans, lit, glyphs)
    _draw_marks(picture, frame, chart, points, glyphs)
    draw_labels(picture, chart, _label_rows(chart, points, spans, frame, dots_y), frame, margin)
    if has_legend:
        draw_legend(picture, chart, height - 1)
    return Drawing(picture, frame)


def render_text(chart: Chart, width: int, height: int) -> list[str]:
    """The chart as `height` lines of text, without colour."""
    return draw_chart(chart, width, height).picture.lines()


def _draw_title(picture: Picture, chart: Chart, glyphs: GlyphSet) -> None:
    notes = ["log"] if chart.y_scale == "log" else []
    if chart.x_limits is not None:
        notes.append("zoomed")
    unplaced = sum(curve.unplaced for curve in chart.curves)
    if unplaced:
        notes.append(f"{unplaced} without x")
    said = "".join(f"  {note}" for note in notes)
    # A long title gives way to them, but not all of it.
    room = max(picture.width - len(said), picture.width // 2)
    column = picture.put(0, 0, shortened(chart.title, room, glyphs.ellipsis), Ink.TITLE)
    picture.put(0, column, said, Ink.NOTE)


def _draw_axes(
    picture: Picture,
    frame: Frame,
    y_ticks: Sequence[tuple[float, str]],
    x_label: str,
    axis_rows: int,
    glyphs: GlyphSet,
) -> None:
    line = frame.left - 1
    used: set[int] = set()
    bottom = frame.top + frame.height
    across = slice(frame.left, frame.right)
    if line >= 0:
        picture.fill(slice(frame.top, bottom), slice(line, line + 1), glyphs.left, Ink.AXIS)
    for position, label in y_ticks:
        row = frame.top + frame.height - 1 - int(position * frame.height * (1 - 1e-9))
        if row in used:
            continue
        used.add(row)
        picture.put(row, line - len(label), label, Ink.TICK)
        picture.put(row, line, glyphs.left_tick, Ink.AXIS)
        picture.fill(slice(row, row + 1), across, glyphs.grid, Ink.GRID)
    if not axis_rows:
        return
    if axis_rows == 2:
        picture.put(bottom, line, glyphs.corner, Ink.AXIS)
        picture.fill(slice(bottom, bottom + 1), across, glyphs.bottom, Ink.AXIS)
    stop = -1
    label_row = bottom + axis_rows - 1
    for position, label in frame.x_axis.labelled_ticks(max(1, frame.width // 10)):
        column = frame.left + int(position * frame.width * (1 - 1e-9))
        start = min(max(column - len(label) // 2, 0), picture.width - len(label))
        if start <= stop or start < 0:
            continue
        stop = picture.put(label_row, start, label, Ink.TICK)
        if axis_rows == 2:
            picture.put(bottom, column, glyphs.bottom_tick, Ink.AXIS)
    name = shortened(x_label, frame.width // 3, glyphs.ellipsis)
    if stop + 1 <= picture.width - len(x_label):
        # Under the labels of the curves if it fits there, else at the end of the axis.
        start = max(stop + 1, min(frame.right + 1, picture.width - len(x_label)))
        picture.put(label_row, start, x_label, Ink.NOTE)
    elif axis_rows == 2 and name:
        picture.put(bottom, frame.right - len(name) - 1, f" {name}", Ink.NOTE)


def _draw_rule(picture: Picture, frame: Frame, chart: Chart, glyphs: GlyphSet) -> None:
    column = frame.column_at(chart.x_rule[0]) if chart.x_rule else None
    if chart.x_rule is None or column is None:
        return
    rows = slice(frame.top, frame.top + frame.height)
    picture.fill(rows, slice(column, column + 1), glyphs.left, Ink.AXIS)
    name = chart.x_rule[1]
    if column + 1 + len(name) <= frame.right:
        picture.put(frame.top, column + 1, name, Ink.NOTE)


def _draw_curves(
    picture: Picture, frame: Frame, chart: Chart, spans: Spans, glyphs: GlyphSet
) -> NDArray[np.bool_]:
    """Draw bands and lines; returns which cells of the frame lines touch."""
    dots_x, dots_y = glyphs.dots
    spans = _dashed(spans, chart, dots_x, frame.height * dots_y)
    dots = cell_dots(spans, frame.width, frame.height, dots_x, dots_y)
    owner = owners(dots.count, chart.ranks)
    bits = np.bitwise_or.reduce(dots.bits, axis=0)
    lit = owner >= 0
    glyph, ink, tint = frame.window(picture)

    tints = band_tints(chart.banded, frame.x_axis, frame.y_axis, frame.width, frame.height)
    if tints is not None:
        tint[...] = tints.cells
        if chart.mode == "ascii":
            inside = tint > 0
            glyph[inside] = ord(":")
            ink[inside] = Ink.MUTED + np.log2(tint[inside]).astype(np.int32)
        else:
            # Cells without a line show the edge of a band to an eighth of their height.
            eighths = tints.eighths
            split = ~lit & (eighths[:, 0] != eighths[:, -1])
            bottom = eighths[:, -1].astype(np.int32)
            glyph[split] = _LOWER_EIGHTHS[(eighths == eighths[:, -1:]).sum(axis=1)[split]]
            ink[split] = Ink.TINT + bottom[split]
            tint[split] = eighths[:, 0][split]

    inks = np.array(
        [series_ink(curve, muted) for curve, muted in zip(chart.curves, chart.muted, strict=True)]
    )
    ink[lit] = inks[owner[lit]]
    if chart.mode == "braille":
        glyph[lit] = 0x2800 + bits[lit].astype(np.uint32)
    elif chart.mode == "block":
        glyph[lit] = _HALVES[bits[lit]]
    else:
        letters = np.array([ord(series_letter(curve.color)) for curve in chart.curves], np.uint32)
        glyph[lit] = letters[owner[lit]]
    return lit


def _dashed(spans: Spans, chart: Chart, dots_x: int, rows: int) -> Spans:
    if not chart.dashed and all(curve.color < COLORS for curve in chart.curves):
        return spans
    top = spans.top.copy()
    columns = np.arange(top.shape[1]) // dots_x if dots_x == 1 else np.arange(top.shape[1])
    for index, curve in enumerate(chart.curves):
        pattern = series_dash(curve.color, chart.dashed)
        lit = np.repeat(np.arange(len(pattern)) % 2 == 0, pattern)
        top[index, ~lit[columns % lit.size]] = rows + 1
    return Spans(top, spans.bottom, spans.end_row, spans.end_column)


def _draw_ends(
    picture: Picture,
    frame: Frame,
    chart: Chart,
    spans: Spans,
    lit: NDArray[np.bool_],
    glyphs: GlyphSet,
) -> None:
    dots_x, dots_y = glyphs.dots
    # Back to front: highlighted curves last, then in order of importance.
    order = sorted(range(len(chart.curves)), key=lambda index: (chart.front[index], -index))
    for index in order:
        curve = chart.curves[index]
        if spans.end_column[index] < 0 or curve.thin:
            continue
        row, column = int(spans.end_row[index]) // dots_y, int(spans.end_column[index]) // dots_x
        markers = glyphs.markers if curve.finished else glyphs.open_markers
        ink = series_ink(curve, chart.muted[index], strong=True)
        start = frame.left + column
        picture.put(frame.top + row, start, markers[curve.color % len(markers)], ink)
        # Near the right edge the label in the margin stands close enough.
        if column + _LABEL_REACH < frame.width and not lit[row, column + 1]:
            picture.put(frame.top + row, start + 1, series_letter(curve.color), ink)


def _draw_marks(
    picture: Picture, frame: Frame, chart: Chart, points: Sequence[Points], glyphs: GlyphSet
) -> None:
    """Mark what cannot be drawn at the edge where it would lie; marks are stacked inwards."""
    lanes = min(_LANES, frame.height)
    taken = np.zeros((2, lanes, frame.width), np.bool_)
    glyph, ink, _ = frame.window(picture)
    for index, curve in enumerate(chart.curves):
        marks = (
            (points[index].above, 0, glyphs.not_finite),
            (points[index].below, 1, glyphs.not_finite),
            (points[index].non_positive, 1, glyphs.not_positive),
        )
        for x, edge, character in marks:
            shown = _in_view(x, frame.x_axis)
            if not shown.size:
                continue
            wanted = np.zeros(frame.width, np.bool_)
            wanted[column_of(shown, frame.x_axis, frame.width)] = True
            for lane in range(lanes):
                here = wanted & ~taken[edge, lane]
                row = lane if edge == 0 else frame.height - 1 - lane
                glyph[row, here] = ord(character)
                ink[row, here] = series_ink(curve, chart.muted[index])
                taken[edge, lane] |= here
                wanted &= ~here


def _label_rows(
    chart: Chart, points: Sequence[Points], spans: Spans, frame: Frame, dots_y: int
) -> list[int | None]:
    """The row at which each curve ends; the first where it is only marked, none out of view."""
    rows: list[int | None] = []
    for curve, shown, row in zip(chart.curves, points, spans.end_row.tolist(), strict=True):
        if curve.thin or (row < 0 and not _is_marked(shown, frame.x_axis)):
            rows.append(None)
        else:
            rows.append(max(row, 0) // dots_y)
    return rows


def _in_view(x: Floats, axis: Axis) -> Floats:
    return x[(x >= axis.low) & (x <= axis.high)] if x.size else x


def _is_marked(points: Points, x_axis: Axis) -> bool:
    return any(_in_view(x, x_axis).size for x in (points.above, points.below, points.non_positive))
