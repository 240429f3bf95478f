"""What the keys do and what the signs mean."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.style import Style
from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui import wording
from tui.widgets.key_footer import KeyFooter
from tui.widgets.palette import series_color
from tui.widgets.row_list import BOLD, MUTED

PLOTS = (
    ("a b c", "a model: its letter, colour and end marker are the same everywhere"),
    ("line", "the mean over the seeds that have come so far"),
    ("tint", "the 95 % Student t interval of that mean; with two seeds it is very wide"),
    ("○ □ △", "still training; ● ■ ▲ finished"),
    ("×", "not a number, or infinite, of one seed at least"),  # noqa: RUF001 - the plot's own sign
    ("thin line", "with i: each seed; of a single run, what was measured"),
    ("x: time", "of seconds the mean is where all seeds have values, else where any has"),
    ("mouse", "shows values; the wheel zooms; dragging, or shift and wheel, pans"),
)
STANDINGS = (
    ("├─●─┤", "mean and 95 % Student t interval over seeds"),
    ("not above", "a null baseline, which learns no sequence, is as good"),
    ("not ranked", "a seed failed: the mean of the others would flatter the model"),
    ("> < = ? !", "better, worse, equivalent, not told apart, too few seeds to say"),
    ("p Holm", "two-sided p of the paired difference, adjusted for all pairs compared"),
)


@dataclass(frozen=True)
class Part:
    """What there is to say of a widget, of a screen, or of the app."""

    title: str
    text: str = ""
    keys: Sequence[tuple[str, str]] = ()
    """Keys, and what they do."""


def explained(screen: Screen[Any]) -> list[Part]:
    """What has the keys now, the screen around it, and what works everywhere."""
    app = screen.app
    keys: dict[str, dict[str, list[str]]] = {"widget": {}, "screen": {}, "app": {}}
    for active in screen.active_bindings.values():
        binding = active.binding
        # Our own bindings have a tooltip; those that every widget inherits have none.
        if binding.tooltip and active.enabled:
            owner = {screen: "screen", app: "app"}.get(active.node, "widget")
            keys[owner].setdefault(binding.tooltip, []).append(app.get_key_display(binding))
    rows = {
        # Two keys may be shown as one: + is = with shift on most keyboards.
        owner: [(" ".join(dict.fromkeys(shown)), said) for said, shown in found.items()]
        for owner, found in keys.items()
    }
    around = screen.focused.ancestors_with_self if screen.focused else ()
    widget = next((node for node in around if node.HELP), screen)
    own = () if widget is screen else (Part(*_read(widget.HELP), rows["widget"]),)
    others = rows["screen"] if own else rows["widget"] + rows["screen"]
    return [*own, Part(*_read(screen.HELP), others), Part("Everywhere", keys=rows["app"])]


def _read(help: str | None) -> tuple[str, str]:
    """Title and paragraphs, each in one line, which is broken where the screen ends."""
    title, _, text = inspect.cleandoc(help or "").partition("\n")
    paragraphs = (" ".join(part.split()) for part in text.strip().split("\n\n"))
    return title.lstrip("# "), "\n".join(paragraphs)


class HelpScreen(ModalScreen[None]):
    """What has the keys, the screen beneath, glyphs, colours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", id="help.close", tooltip="Close"),
    ]

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._parts = parts

    def compose(self) -> ComposeResult:
        """One table under the other."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Help (esc closes)"
            for part in self._parts:
                yield Static(part.title, classes="title", markup=False)
                if part.text:
                    yield Static(part.text, markup=False)
                if part.keys:
                    yield Static(_table(part.keys))
            yield Static("Signs of trials", classes="title")
            yield Static(self._statuses())
            yield Static("Signs of curves", classes="title")
            yield Static(_table(PLOTS))
            yield Static("Signs of the leaderboard", classes="title")
            yield Static(_table(STANDINGS))
        yield KeyFooter()

    def _statuses(self) -> Table:
        table = _table(())
        dark = self.app.current_theme.dark
        for status, meaning in wording.MEANINGS.items():
            index = wording.STATUS_COLORS[status]
            color = None if index is None else Color(*series_color(index, dark)).rich_color
            style = MUTED if color is None else Style(color=color)
            table.add_row(f"[{style}]{wording.mark(status)}[/]", meaning)
        return table


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style=BOLD, no_wrap=True, min_width=12)
    table.add_column(ratio=1)
    for row in rows:
        table.add_row(*row)
    return table
