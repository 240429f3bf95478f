"""A matrix as colours, two rows of numbers in a row of characters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.color_map import COLOR_MAP, RAMP
from tui.widgets.glyphs import PlotMode, mode_for_terminal, output_encoding
from tui.widgets.heat import NOT_A_NUMBER, Heat, pixel_of, place, ticks
from tui.widgets.ticks import format_number

HALF_BLOCK = "▀"
BAR = 12
"""Characters of the scale."""
CURSOR = "+"
CURSOR_STYLE = Style(color="white", bgcolor="black", bold=True, reverse=True)


@dataclass(frozen=True)
class _Frame:
    """Where the matrix is drawn: cells, and pixels in a cell."""

    left: int
    width: int
    height: int
    pixels: int
    """Down in a cell."""

    @property
    def rows(self) -> int:
        return self.height * self.pixels


class HeatMap(Widget, can_focus=True):
    """A matrix over its axes, drawn again only when something changed.

    Args:
        id: ID of the widget in the DOM.
    """

    HELP = """
    # Map

    A matrix of what was recorded inside the network, as colours; the scale tells which colour is
    which number. The cursor, moved by the arrows or the mouse, reads one number.
    """

    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                key, f"move_cursor({rows}, {columns})", f"Cursor {key}", show=False,
                id=f"map.cursor_{key}", tooltip=f"Show the number {where}",
            )
            for key, rows, columns, where in (
                ("left", 0, -1, "to the left"),
                ("right", 0, 1, "to the right"),
                ("up", -1, 0, "above"),
                ("down", 1, 0, "below"),
            )
        ),
        Binding(
            "escape", "hide_cursor", "Hide cursor", show=False, id="map.hide_cursor",
            tooltip="Take the cursor away",
        ),
    ]  # fmt: skip

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "heat-map--title",
        "heat-map--tick",
        "heat-map--note",
        "heat-map--not-a-number",
    }

    DEFAULT_CSS = """
    HeatMap {
        width: 1fr;
        height: 1fr;

        .heat-map--title { text-style: bold; }
        .heat-map--tick { color: $foreground 75%; }
        .heat-map--note { color: $foreground 75%; }
        .heat-map--not-a-number { color: $error; }
        &:focus .heat-map--title { color: $text-accent; text-style: bold underline; }
    }
    """

    heat: reactive[Heat | None] = reactive(None)
    """The matrix."""
    title: reactive[str] = reactive("")
    """Heading."""
    placeholder: reactive[str] = reactive("nothing to show")
    """What to say without a matrix."""
    mode: reactive[PlotMode | None] = reactive(None)
    """Characters to draw with; None picks the finest that the terminal can show."""
    cursor: reactive[tuple[int, int] | None] = reactive(None)
    """The row and the column whose number is told, counted from 0; None hides it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] | None = None
        self._strips_size = Size(0, 0)
        self._styles: dict[tuple[int, int], Style] = {}

    def watch_heat(self, before: Heat | None, after: Heat | None) -> None:
        """Draw again; the cursor stays where there is such a place."""
        if after is None or (before is not None and before.values.shape != after.values.shape):
            self.cursor = None
        self._strips = None

    def watch_title(self) -> None:
        """Draw again."""
        self._strips = None

    watch_placeholder = watch_mode = watch_cursor = on_resize = watch_title

    def notify_style_update(self) -> None:
        """Colours may have changed."""
        super().notify_style_update()
        self._styles = {}
        self._strips = None

    # Drawing

    @property
    def _is_colored(self) -> bool:
        mode = self.mode or mode_for_terminal(os.environ, output_encoding())
        return mode != "ascii" and not self.app.no_color

    def render_line(self, y: int) -> Strip:
        """One row of the map."""
        size = self.content_size
        # A screen may be painted between a change of layout and the event that tells of it.
        if self._strips is None or self._strips_size != size:
            self._strips, self._strips_size = self._drawn(size), size
        return (
            self._strips[y] if y < len(self._strips) else Strip.blank(size.width, self.rich_style)
        )

    def _drawn(self, size: Size) -> list[Strip]:
        title = Segment(self.title, self.get_component_rich_style("heat-map--title"))
        lines = [[title]]
        heat, frame = self.heat, self._frame(size)
        note = self.get_component_rich_style("heat-map--note")
        if heat is None or frame is None:
            lines.append([Segment(self.placeholder if heat is None else "too small", note)])
        else:
            lines += self._matrix(heat, frame)
            lines.append(self._columns(heat, frame))
            lines.append(self._legend(heat, note))
        return [Strip(line).adjust_cell_length(size.width, note) for line in lines]

    def _frame(self, size: Size) -> _Frame | None:
        heat = self.heat
        if heat is None or not heat.values.size:
            return None
        left = max(len(text) for _, text in ticks(heat.rows, size.height // 3)) + 1
        width, height = size.width - left, size.height - 3
        return _Frame(left, width, height, 1 + self._is_colored) if min(width, height) > 0 else None

    def _matrix(self, heat: Heat, frame: _Frame) -> list[list[Segment]]:
        tick = self.get_component_rich_style("heat-map--tick")
        labels = {
            pixel_of(index, frame.rows, len(heat.rows)) // frame.pixels: text
            for index, text in ticks(heat.rows, frame.height // 3)
        }
        count = len(COLOR_MAP) if self._is_colored else len(RAMP)
        levels = heat.levels(frame.rows, frame.width, count)
        at = self._cell_of_cursor(heat, frame)
        return [
            [
                Segment(f"{labels.get(y, ''):>{frame.left - 1}} ", tick),
                *self._cells(levels, y, at[1] if at is not None and at[0] == y else None),
            ]
            for y in range(frame.height)
        ]

    def _cells(self, levels: NDArray[np.int64], y: int, cursor: int | None) -> list[Segment]:
        """A row of characters, in runs of the same."""
        if not self._is_colored:
            row = levels[y]
            text = "".join("x" if level == NOT_A_NUMBER else RAMP[level] for level in row)
            return self._with_cursor([Segment(text, self.rich_style)], cursor)
        upper, lower = levels[2 * y], levels[2 * y + 1]
        changes = (np.diff(upper) != 0) | (np.diff(lower) != 0)
        starts = [0, *(changes.nonzero()[0] + 1).tolist(), len(upper)]
        runs = [
            Segment(HALF_BLOCK * (stop - start), self._style(int(upper[start]), int(lower[start])))
            for start, stop in pairwise(starts)
        ]
        return self._with_cursor(runs, cursor)

    @staticmethod
    def _with_cursor(runs: list[Segment], cursor: int | None) -> list[Segment]:
        if cursor is None:
            return runs
        width = sum(len(run.text) for run in runs)
        before, _, after = Strip(runs).divide([cursor, cursor + 1, width])
        return [*before, Segment(CURSOR, CURSOR_STYLE), *after]

    def _style(self, upper: int, lower: int) -> Style:
        key = (upper, lower)
        if key not in self._styles:
            self._styles[key] = Style(color=self._color(upper), bgcolor=self._color(lower))
        return self._styles[key]

    def _color(self, level: int) -> RichColor | None:
        if level == NOT_A_NUMBER:
            return self.get_component_rich_style("heat-map--not-a-number").color
        return Color(*COLOR_MAP[level]).rich_color

    def _columns(self, heat: Heat, frame: _Frame) -> list[Segment]:
        """The numbers of the columns, each from its column on."""
        row = " " * frame.left
        for index, text in ticks(heat.columns, frame.width // 8):
            column = frame.left + pixel_of(index, frame.width, len(heat.columns))
            if column >= len(row) and column + len(text) <= frame.left + frame.width:
                row = f"{row:<{column}}{text} "
        return [Segment(row, self.get_component_rich_style("heat-map--tick"))]

    def _legend(self, heat: Heat, style: Style) -> list[Segment]:
        """The scale, the axes or the number under the cursor."""
        low, high = (format_number(end, 3) for end in heat.scale)
        if self._is_colored:
            at = np.linspace(0, len(COLOR_MAP) - 1, BAR).round().astype(int).tolist()
            bar = [Segment("█", self._style(level, level)) for level in at]
        else:
            bar = [Segment(f"[{RAMP}]", style)]
        told = f"{heat.column_label} across, {heat.row_label} down"
        if self.cursor is not None:
            row, column = self.cursor
            told = (
                f"{heat.row_label} {heat.rows[row]}, {heat.column_label} {heat.columns[column]}: "
                f"{format_number(float(heat.values[row, column]))}"
            )
        return [Segment(f"{low} ", style), *bar, Segment(f" {high}   {told}", style)]

    # Cursor

    def _cell_of_cursor(self, heat: Heat, frame: _Frame) -> tuple[int, int] | None:
        if self.cursor is None:
            return None
        row, column = self.cursor
        return (
            pixel_of(row, frame.rows, len(heat.rows)) // frame.pixels,
            pixel_of(column, frame.width, len(heat.columns)),
        )

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The cursor follows the mouse."""
        heat, frame = self.heat, self._frame(self.content_size)
        offset = event.get_content_offset(self)
        if heat is None or frame is None or offset is None:
            return
        x, y = offset.x - frame.left, offset.y - 1
        if 0 <= x < frame.width and 0 <= y < frame.height:
            self.cursor = (
                place(y * frame.pixels, frame.rows, len(heat.rows)),
                place(x, frame.width, len(heat.columns)),
            )

    def on_leave(self) -> None:
        """The cursor goes with the mouse."""
        if not self.is_mouse_over:
            self.cursor = None

    def action_move_cursor(self, rows: int, columns: int) -> None:
        """Move by a character, at least to the next number; show it in the middle first."""
        heat, frame = self.heat, self._frame(self.content_size)
        if heat is None or frame is None:
            return
        height, width = heat.values.shape
        if self.cursor is None:
            self.cursor = height // 2, width // 2
            return
        row, column = self.cursor
        row += rows * max(height // frame.height, 1)
        column += columns * max(width // frame.width, 1)
        self.cursor = min(max(row, 0), height - 1), min(max(column, 0), width - 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's while there is no cursor to hide."""
        return action != "hide_cursor" or self.cursor is not None

    def action_hide_cursor(self) -> None:
        """Take the cursor away."""
        self.cursor = None
