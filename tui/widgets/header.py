"""What the header lines of the screens have in common."""

from __future__ import annotations

from typing import Literal

from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.reactive import reactive
from textual.widget import Widget

from experiments.status import Status
from tui import wording
from tui.pulse import Pulse
from tui.widgets.palette import series_color
from tui.widgets.row_list import MUTED

_GAP = 2


class Header(Widget):
    """Two lines as wide as the screen."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    Header { height: 2; padding: 0 1; background: $panel; }
    """

    pulse: reactive[Pulse | None] = reactive(None)

    def ink(self, index: int | None) -> Style:
        """The style of a palette index; muted without one."""
        if index is None:
            return MUTED
        return Style(color=Color(*series_color(index, self.app.current_theme.dark)).rich_color)

    def mark(self, status: Status) -> Text:
        """Glyph and word of a status, in its colour."""
        return Text(wording.mark(status), self.ink(wording.STATUS_COLORS[status]))

    def bar(self, part: float, width: int) -> Text:
        """A progress bar with its percentage."""
        size = max(min(width // 4, 40), 10)
        full = round(part * size)
        return Text.assemble(
            ("━" * full, self.ink(0)), ("─" * (size - full), MUTED), f" {part:4.0%}"
        )

    def load(self) -> list[Text]:
        """How busy this machine is."""
        if self.pulse is None:
            return []
        used, total = wording.size(self.pulse.memory_used), wording.size(self.pulse.memory_total)
        return [
            Text.assemble(("cpu ", MUTED), f"{self.pulse.cpu_percent:3.0f}%"),
            Text.assemble(("memory ", MUTED), f"{used} of {total} GiB"),
        ]


def fitted(
    left: list[Text], right: list[Text], width: int, *, first_to_go: Literal["left", "right"]
) -> Text:
    """Parts at both ends of a line; the last ones of one end give way, then of the other."""
    left, right = list(left), list(right)

    def needed() -> int:
        return sum(part.cell_len + _GAP for part in (*left, *right)) - _GAP

    for parts in (left, right) if first_to_go == "left" else (right, left):
        least = 1 if parts is left else 0
        while needed() > width and len(parts) > least:
            parts.pop()
    gap = Text(" " * _GAP)
    start, end = gap.join(left), gap.join(right)
    line = Text.assemble(start, " " * max(width - start.cell_len - end.cell_len, _GAP), end)
    return wording.shortened(line, width)
