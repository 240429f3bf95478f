"""What the keys do and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.style import Style
from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import wording
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
    ("mouse", "shows values; the wheel zooms; shift and wheel pans"),
)
STANDINGS = (
    ("├─●─┤", "mean and 95 % Student t interval over seeds"),
    ("not above", "a null baseline, which learns no sequence, is as good"),
    ("not ranked", "a seed failed: the mean of the others would flatter the model"),
    ("> < = ? !", "better, worse, equivalent, not told apart, too few seeds to say"),
    ("p Holm", "two-sided p of the paired difference, adjusted for all pairs compared"),
)


class HelpScreen(ModalScreen[None]):
    """Keys of the screen beneath, glyphs, colours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", id="help.close", tooltip="Close"),
    ]

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = list(keys)

    def compose(self) -> ComposeResult:
        """One table under the other."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Help (esc closes)"
            yield Static("Keys", classes="title")
            yield Static(_table(self._keys))
            yield Static("Trials", classes="title")
            yield Static(self._statuses())
            yield Static("Curves", classes="title")
            yield Static(_table(PLOTS))
            yield Static("Leaderboard", classes="title")
            yield Static(_table(STANDINGS))

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
