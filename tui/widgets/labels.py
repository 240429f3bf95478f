"""Names of curves: beside their ends, and in a row below the plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.widgets.chart import Chart, Frame
from tui.widgets.curve import Curve
from tui.widgets.glyphs import GLYPHS
from tui.widgets.palette import COLORS, series_letter
from tui.widgets.picture import Ink, Picture, shortened


@dataclass(frozen=True)
class Margin:
    """The space right of the plot.

    Args:
        width: Number of cells.
        names: How many of them hold a name; 0 where there is room for letters only.
    """

    width: int
    names: int = 0


def series_ink(curve: Curve, muted: bool, strong: bool = False) -> int:
    """The ink of a curve; text and markers are `strong`."""
    group = Ink.MUTED if muted else Ink.STRONG if strong else Ink.SERIES
    return group + curve.color % COLORS


def label_margin(curves: Sequence[Curve], width: int) -> Margin:
    """How much space the labels right of a plot of some width get."""
    longest = max((cell_len(curve.label) for curve in curves), default=0)
    if width >= 60 and longest:
        names = min(longest, width // 5)
        return Margin(names + 3, names)
    return Margin(2 if width >= 20 else 0)


def draw_labels(
    picture: Picture,
    chart: Chart,
    rows: Sequence[int | None],
    frame: Frame,
    margin: Margin,
) -> None:
    """Write letters and names right of the plot, each as near to its row as there is room.

    Args:
        picture: Written to.
        chart: The curves.
        rows: Row of the frame at which each curve ends; None where it is out of view.
        frame: Where the plot is.
        margin: The space right of it.
    """
    glyphs = GLYPHS[chart.mode]
    wanted = [(row, index) for index, row in enumerate(rows) if row is not None]
    if not margin.width or not wanted:
        return
    if len(wanted) > frame.height:
        # The highlighted curve keeps its label, then the first ones do.
        wanted.sort(key=lambda entry: (not chart.front[entry[1]], entry[1]))
        wanted = wanted[: frame.height]
    wanted.sort(key=lambda entry: (entry[0], entry[1]))
    for row, (_, index) in zip(
        spread([row for row, _ in wanted], frame.height), wanted, strict=True
    ):
        curve = chart.curves[index]
        ink = series_ink(curve, chart.muted[index], strong=True)
        broken = bool(curve.y.size) and not (abs(float(curve.y[-1])) < float("inf"))
        text = (glyphs.not_finite if broken else " ") + series_letter(curve.color)
        column = picture.put(frame.top + row, frame.right, text, ink)
        if margin.names:
            name = shortened(curve.label, margin.names, glyphs.ellipsis)
            picture.put(frame.top + row, column + 1, name, series_ink(curve, chart.muted[index]))


def spread(rows: Sequence[int], height: int) -> list[int]:
    """Move sorted rows apart until no two are equal, keeping them within `height` rows."""
    placed: list[int] = []
    for row in rows:
        placed.append(max(row, placed[-1] + 1) if placed else row)
    limit = height - 1
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - 1
    return placed


def _legend_entries(curves: Sequence[Curve]) -> list[int]:
    """Indices of the curves that the legend names: one of each letter and name."""
    first: dict[tuple[int, str], int] = {}
    for index, curve in enumerate(curves):
        if curve.thin:
            continue
        first.setdefault((curve.color, curve.label), index)
    return list(first.values())


def legend_fits(curves: Sequence[Curve], width: int) -> bool:
    """Whether all names fit in one row."""
    sizes = [cell_len(curves[index].label) + 5 for index in _legend_entries(curves)]
    return sum(sizes) - 2 <= width


def draw_legend(picture: Picture, chart: Chart, row: int) -> None:
    """Write marker, letter and name of every curve into a row."""
    glyphs = GLYPHS[chart.mode]
    entries = _legend_entries(chart.curves)
    size = sum(cell_len(chart.curves[index].label) + 5 for index in entries) - 2
    column = max((picture.width - size) // 2, 0)
    for index in entries:
        curve, muted = chart.curves[index], chart.muted[index]
        markers = glyphs.markers if curve.finished else glyphs.open_markers
        text = markers[curve.color % len(markers)] + series_letter(curve.color)
        column = picture.put(row, column, text, series_ink(curve, muted, strong=True))
        column = picture.put(row, column + 1, curve.label, series_ink(curve, muted)) + 2
