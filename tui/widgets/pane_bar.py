"""The row of panes of a narrow screen."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static


class PaneBar(Static):
    """The names of the panes with their keys; a click shows one."""

    DEFAULT_CSS = """
    PaneBar { height: 1; padding: 0 1; }
    """

    pane: reactive[str] = reactive("")
    """The pane on screen."""

    def __init__(self, panes: Mapping[str, str]) -> None:
        super().__init__()
        self._panes = panes

    def watch_pane(self) -> None:
        """Mark the pane on screen."""
        parts = []
        for number, (pane, title) in enumerate(self._panes.items(), 1):
            style = "bold reverse" if pane == self.pane else "not bold"
            # The link acts on the screen, which owns the panes.
            link = f"[@click=screen.show_pane('{pane}')]"
            parts.append(f"{link}[{style}] {number} {title} [/][/]")
        self.update(Content.from_markup(" ".join(parts)))
