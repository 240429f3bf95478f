"""The verdict in words."""

from __future__ import annotations

from textual.reactive import reactive
from textual.widgets import Static

from tui import wording
from tui.snapshot import Snapshot


class VerdictLine(Static):
    """Who is ahead, and whether there were enough seeds to say so."""

    DEFAULT_CSS = """
    VerdictLine { height: auto; max-height: 2; padding: 0 1; text-style: italic; }
    """

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)

    def watch_snapshot(self) -> None:
        """Say it again."""
        if self.snapshot is not None:
            verdict = wording.verdict(self.snapshot.view, self.snapshot.board)
            if verdict != self.content:
                before = self._lines()
                self.update(verdict, layout=False)
                self.clear_cached_dimensions()
                if self._lines() != before:  # a layout of the screen takes 6 ms and more
                    self.refresh(layout=True)

    def _lines(self) -> int:
        """How many lines it needs at its width."""
        width = self.content_size.width
        return self.get_content_height(self.container_size, self.screen.size, width)
