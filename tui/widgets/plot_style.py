"""Symbolic inks and tints of a picture to terminal styles."""

from __future__ import annotations

from rich.style import Style
from textual.color import Color

from tui.widgets.palette import COLORS, muted, series_color, tint
from tui.widgets.picture import Ink

COMPONENTS: dict[int, str] = {
    Ink.TITLE: "line-plot--title",
    Ink.AXIS: "line-plot--axis",
    Ink.TICK: "line-plot--tick",
    Ink.GRID: "line-plot--grid",
    Ink.CURSOR: "line-plot--cursor",
    Ink.NOTE: "line-plot--note",
}
"""The inks whose colours come from the style sheet, and their component classes."""


def cell_style(
    ink: int, members: int, background: Color, color: Color, component: Style | None
) -> Style:
    """The style of a cell.

    Args:
        ink: An `Ink`, plus an index.
        members: Set of colours whose bands the cell lies in.
        background: Background of the plot.
        color: Foreground of the plot.
        component: Style of the ink's component class, if it has one.
    """
    dark = background.brightness < 0.5
    under = background.rgb
    behind = Color(*tint(members, under, dark)) if members else background
    if component is not None:
        return component + Style(bgcolor=behind.rich_color)
    over = color
    if ink >= Ink.TINT:
        over = Color(*tint(ink - Ink.TINT, under, dark)) if ink > Ink.TINT else background
    elif ink >= Ink.SERIES:
        series = series_color((ink - Ink.SERIES) % COLORS, dark)
        over = Color(*(muted(series, under) if Ink.MUTED <= ink < Ink.STRONG else series))
    return Style(
        color=over.rich_color,
        bgcolor=behind.rich_color,
        bold=Ink.STRONG <= ink < Ink.TINT,
    )
