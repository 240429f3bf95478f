"""The keys of the screen, as many as fit."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer, Label

# What a footer leaves out where not all keys fit, so that none is cut in two; the least needed
# first. The palette has them all, so it stays, for the mouse.
_GIVING_WAY = (
    *("toggle_highlight", "speed(-1)", "speed(1)", "shift(-0.01)", "shift(0.01)"),
    *("save", "kill", "set_rate", "pause_all", "toggle_seeds", "set_target", "experiments"),
    *("new_experiment", "set_limit", "open", "retry"),
)
_PALETTE = "command_palette"
_STAYING = (_PALETTE, "back", "dismiss", "help", "quit")
_BORDER = 2
"""Columns around the palette's key."""
_READ_ONLY = "read-only"


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
        width = self.app.size.width
        if getattr(self.app, "read_only", False):
            yield Label(_READ_ONLY, id="read-only")
            width -= len(_READ_ONLY) + 2
        keys = list(super().compose())
        others = [action for key in reversed(keys) if (action := _action(key)) not in _STAYING]
        for action in (*_GIVING_WAY, *others):
            if sum(map(_width, keys)) > width:
                keys = [key for key in keys if _action(key) != action]
        yield from keys


def _action(key: Widget) -> str:
    return str(getattr(key, "action", ""))


def _width(key: Widget) -> int:
    """Of the key and its name, each with a blank behind it."""
    text = sum(len(str(getattr(key, name, ""))) + 1 for name in ("key_display", "description"))
    return text + _BORDER * (_action(key) == _PALETTE)
