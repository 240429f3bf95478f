"""What went wrong, in full sentences."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.color import Color
from textual.reactive import reactive
from textual.widget import Widget

from experiments.status import Status
from tui import wording
from tui.follower import Snapshot
from tui.widgets.palette import series_color

MOST = 4


class AlertList(Widget):
    """Failed trials with their reasons, doubts about the comparison, damaged files."""

    DEFAULT_CSS = """
    AlertList {
        height: auto; max-height: 4; padding: 0 1; display: none;
        &.-some { display: block; }
    }
    """

    snapshot: reactive[Snapshot | None] = reactive(None, layout=True)

    def watch_snapshot(self) -> None:
        """Take up room only when there is something to say."""
        self.set_class(bool(self._alerts()), "-some")

    def _alerts(self) -> list[tuple[Status | None, str]]:
        return wording.alerts(self.snapshot.view) if self.snapshot else []

    def render(self) -> RenderResult:
        """A line for each, the rest as a number."""
        found = self._alerts()
        lines = []
        for status, sentence in found[: MOST if len(found) <= MOST else MOST - 1]:
            index = 5 if status is None else wording.STATUS_COLORS[status] or 0
            red, green, blue = series_color(index, self.app.current_theme.dark)
            style = Style(color=Color(red, green, blue).rich_color, bold=True)
            head = "! warning" if status is None else wording.mark(status)
            lines.append(Text.assemble((head, style), f"  {sentence}"))
        if len(lines) < len(found):
            lines.append(Text(f"and {len(found) - len(lines)} more"))
        width = max(self.content_size.width, 20)
        return Text("\n").join(wording.shortened(line, width) for line in lines)
