"""The keys of the screen, as many as fit."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Footer, Label

NARROW = 110
# What the help lists and a narrow footer leaves out, so that no key is cut in two.
_LEAST = ("command_palette", "toggle_highlight")


class KeyFooter(Footer):
    """A footer in which the least needed keys give way on a narrow screen.

    It begins with a word where nothing can be changed.
    """

    DEFAULT_CSS = """
    KeyFooter #read-only { margin: 0 2 0 0; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__(compact=True)

    def compose(self) -> ComposeResult:
        """The keys of the focused widget, the screen and the app."""
        if getattr(self.app, "read_only", False):
            yield Label("read-only", id="read-only")
        narrow = self.app.size.width < NARROW
        for widget in super().compose():
            if not (narrow and getattr(widget, "action", "") in _LEAST):
                yield widget
