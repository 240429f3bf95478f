"""A matrix as colours: in pixels, or two rows of numbers in a row of characters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count, pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Offset, Region, Size
from textual.reactive import reactive
from textual.strip import Strip

from tui.widgets.bitmap import Bitmap
from tui.widgets.color_map import COLOR_MAP, RAMP
from tui.widgets.glyphs import PlotMode, mode_for_terminal, output_encoding
from tui.widgets.heat import NOT_A_NUMBER, Heat, pixel_of, place, ticks
from tui.widgets.painted import Painted
from tui.widgets.painting import fits, painting
from tui.widgets.palette import RGB
from tui.widgets.ticks import format_number

HALF_BLOCK = "▀"
BAR = 12
"""Characters of the scale."""
CURSOR = "+"
CURSOR_STYLE = Style(color="white", bgcolor="black", bold=True, reverse=True)
CURSOR_ROW, CURSOR_COLUMN = "▸", "▴"
"""Beside pixels, which it would cover."""


_numbers = count(1)
"""Of the maps' pictures: a terminal keeps one of each."""


@dataclass(frozen=True)
class _Frame:
    """Where the matrix is drawn: cells, and what a cell shows of it."""

    left: int
    width: int
    height: int
    across: int
    """Pixels in a cell."""
    down: int

    @property
    def columns(self) -> int:
        return self.width * self.across

    @property
    def rows(self) -> int:
        return self.height * self.down


class HeatMap(Painted, can_focus=True):
    """A matrix over its axes, drawn again only when something changed.

    Args:
        id: ID of the widget in the DOM.
    """

    HELP = """
    # Map

    A matrix of what was recorded inside the network, as colours; the scale tells which colour is
    which number. The cursor, moved by the arrows or the mouse, reads one number. Terminals with
    Kitty's graphics or Sixel show pixels, others half blocks.
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
    cursor: reactive[tuple[int, int] | None] = reactive(None, repaint=False)
    """The row and the column whose number is told, counted from 0; None hides it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._number = next(_numbers)
        self._painted: tuple[object, ...] = ()
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

    watch_placeholder = watch_mode = watch_graphics = on_resize = watch_title

    def watch_cursor(self) -> None:
        """Draw again, but for the pixels, which the cursor leaves as they are."""
        self._strips = None
        frame = self._frame(self.content_size)
        if self.painting is None or frame is None:
            self.refresh()
            return
        below = 1 + frame.height
        self.refresh(Region(0, 1, frame.left, frame.height), Region(0, below, self.size.width, 2))

    def notify_style_update(self) -> None:
        """Colours may have changed."""
        super().notify_style_update()
        self._styles = {}
        self._strips = None

    # Drawing

    @property
    def _used_mode(self) -> PlotMode:
        mode = self.mode or mode_for_terminal(os.environ, output_encoding())
        return "ascii" if self.app.no_color else mode

    @property
    def _is_colored(self) -> bool:
        return self._used_mode != "ascii"

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
        self._paint(heat, frame)
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
        if min(width, height) <= 0:
            return None
        graphics = self.graphics if self._used_mode == "braille" else None
        if graphics is not None and fits(graphics, width, height):
            return _Frame(left, width, height, graphics.cell_width, graphics.cell_height)
        return _Frame(left, width, height, 1, 1 + self._is_colored)

    def _paint(self, heat: Heat | None, frame: _Frame | None) -> None:
        """Make the pixels, if there are to be any and others than those there are."""
        if self.graphics is None or heat is None or frame is None or frame.across == 1:
            self.painting, self._painted = None, ()
            return
        palette = tuple(self._rgb(level) for level in (*range(len(COLOR_MAP)), NOT_A_NUMBER))
        wanted = heat, frame, self.graphics, palette
        if wanted == self._painted:
            return
        # The last colour is the one that -1 means.
        levels = heat.levels(frame.rows, frame.columns, len(COLOR_MAP)) % len(palette)
        bitmap = Bitmap(levels, palette, frame.width, frame.height)
        self.painting = painting(self.graphics, bitmap, self._number)
        self.painting_at = Offset(frame.left, 1)
        self._painted = wanted

    def _matrix(self, heat: Heat, frame: _Frame) -> list[list[Segment]]:
        tick = self.get_component_rich_style("heat-map--tick")
        labels = {
            pixel_of(index, frame.rows, len(heat.rows)) // frame.down: text
            for index, text in ticks(heat.rows, frame.height // 3)
        }
        steps = len(COLOR_MAP) if self._is_colored else len(RAMP)
        levels = heat.levels(frame.height * (1 + self._is_colored), frame.width, steps)
        at = self._cell_of_cursor(heat, frame)
        lines = []
        for y in range(frame.height):
            column = at[1] if at is not None and at[0] == y else None
            mark = " "
            if column is not None and self.painting is not None:
                column, mark = None, CURSOR_ROW
            label = Segment(f"{labels.get(y, ''):>{frame.left - 1}}{mark}", tick)
            lines.append([label, *self._cells(levels, y, column)])
        return lines

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

    def _color(self, level: int) -> RichColor:
        return Color(*self._rgb(level)).rich_color

    def _rgb(self, level: int) -> RGB:
        if level == NOT_A_NUMBER:
            return self.get_component_styles("heat-map--not-a-number").color.rgb
        return COLOR_MAP[level]

    def _columns(self, heat: Heat, frame: _Frame) -> list[Segment]:
        """The numbers of the columns, each from its column on."""
        row = " " * frame.left
        for index, text in ticks(heat.columns, frame.width // 8):
            column = frame.left + self._column_of(index, heat, frame)
            if column >= len(row) and column + len(text) <= frame.left + frame.width:
                row = f"{row:<{column}}{text} "
        if self.painting is not None and self.cursor is not None:
            column = frame.left + self._column_of(self.cursor[1], heat, frame)
            row = f"{row:<{column}}"[:column] + CURSOR_COLUMN + row[column + 1 :]
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
            pixel_of(row, frame.rows, len(heat.rows)) // frame.down,
            self._column_of(column, heat, frame),
        )

    @staticmethod
    def _column_of(column: int, heat: Heat, frame: _Frame) -> int:
        """The first cell that shows a column of the matrix."""
        return pixel_of(column, frame.columns, len(heat.columns)) // frame.across

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The cursor follows the mouse."""
        heat, frame = self.heat, self._frame(self.content_size)
        offset = event.get_content_offset(self)
        if heat is None or frame is None or offset is None:
            return
        x, y = offset.x - frame.left, offset.y - 1
        if 0 <= x < frame.width and 0 <= y < frame.height:
            self.cursor = (
                place(y * frame.down, frame.rows, len(heat.rows)),
                place(x * frame.across, frame.columns, len(heat.columns)),
            )

    def on_leave(self) -> None:
        """The cursor goes with the mouse."""
        if not self.is_mouse_over:
            self.cursor = None

    def action_move_cursor(self, rows: int, columns: int) -> None:
        """Move by what a character tells apart; show it in the middle first."""
        heat, frame = self.heat, self._frame(self.content_size)
        if heat is None or frame is None:
            return
        height, width = heat.values.shape
        if self.cursor is None:
            self.cursor = height // 2, width // 2
            return
        row, column = self.cursor
        seen = (frame.rows, frame.columns) if self.painting else (frame.height, frame.width)
        row += rows * max(height // seen[0], 1)
        column += columns * max(width // seen[1], 1)
        self.cursor = min(max(row, 0), height - 1), min(max(column, 0), width - 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's while there is no cursor to hide."""
        return action != "hide_cursor" or self.cursor is not None

    def action_hide_cursor(self) -> None:
        """Take the cursor away."""
        self.cursor = None
