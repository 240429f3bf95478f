"""What the curves say at the cursor, in one place; how they are drawn while there is none."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.color import Color
from textual.reactive import reactive
from textual.widget import Widget

from tui.widgets.chart import Chart, Frame
from tui.widgets.crosshair import Reading, reach_of, readings
from tui.widgets.palette import series_color, series_letter
from tui.widgets.row_list import BOLD, MUTED
from tui.widgets.ticks import format_number

_GAP = "   "


class ReadingLine(Widget):
    """Every model at the cursor of one plot, largest value first, with interval and seeds."""

    DEFAULT_CSS = """
    ReadingLine { height: 2; }
    """

    status: reactive[str] = reactive("")
    """What to say without a cursor."""
    read: reactive[tuple[Chart, Frame, float] | None] = reactive(None, always_update=True)
    """The plot that is read, where it is drawn, and the cursor's place in it."""

    def render(self) -> RenderResult:
        """As many lines as there are, cut off at the end."""
        if self.read is None:
            return Text(self.status, MUTED, no_wrap=True, overflow="ellipsis")
        chart, frame, x = self.read
        heading = Text.assemble((f"{chart.x_label} {x:.6g}", BOLD), f" {chart.title.split(',')[0]}")
        found = readings(chart, x, reach_of(frame))
        for with_names in (True, False):
            parts = [heading, *(self._part(chart, reading, with_names) for reading in found)]
            lines = _wrapped(parts, self.size.width)
            if len(lines) <= self.size.height:
                break
        kept = lines[: self.size.height]
        if len(kept) < len(lines):
            kept[-1].truncate(max(self.size.width - 2, 0))
            kept[-1].append(" …")
        return Text("\n").join(kept)

    def _part(self, chart: Chart, reading: Reading, with_name: bool) -> Text:
        curve = chart.curves[reading.index]
        ink = Color(*series_color(curve.color, self.app.current_theme.dark)).rich_color
        name = f" {curve.label}" if with_name else ""
        text = Text.assemble(
            (f"{series_letter(curve.color)}{name} {format_number(reading.value)}", Style(color=ink))
        )
        if reading.low == reading.low:
            low, high = format_number(reading.low, 3), format_number(reading.high, 3)
            text.append(f" [{low}, {high}]")
        if reading.n is not None:
            text.append(f" n {reading.n}", MUTED)
        return text


def _wrapped(parts: list[Text], width: int) -> list[Text]:
    lines = [Text(no_wrap=True)]
    for part in parts:
        line = lines[-1]
        if line.cell_len and line.cell_len + len(_GAP) + part.cell_len > width:
            lines.append(part)
        else:
            line.append(_GAP if line.cell_len else "").append_text(part)
    return lines
