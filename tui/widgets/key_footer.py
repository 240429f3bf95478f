"""The keys of the screen, as many as fit."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer, Label

NARROW = 110
# What the help lists and a narrow footer leaves out, so that no key is cut in two.
_LEAST = ("command_palette", "toggle_highlight")
# What it leaves out besides where the others do not fit, the least needed first.
_GIVING_WAY = (
    *("speed(-1)", "speed(1)", "shift(-0.01)", "shift(0.01)"),
    *("save", "kill", "set_rate", "pause_all", "toggle_seeds", "set_target", "experiments"),
    *("new_experiment", "set_limit", "open", "retry"),
)
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
        if self.app.size.width < NARROW:
            keys = [key for key in keys if _action(key) not in _LEAST]
        for action in _GIVING_WAY:
            if sum(map(_width, keys)) > width:
                keys = [key for key in keys if _action(key) != action]
        yield from keys


def _action(key: Widget) -> str:
    return str(getattr(key, "action", ""))


def _width(key: Widget) -> int:
    """Of the key and its name, each with a blank behind it."""
    return sum(len(str(getattr(key, name, ""))) + 1 for name in ("key_display", "description"))
