"""The experiments under a root, filtered and sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive

from experiments.history import Entry
from experiments.query import All, Query
from experiments.status import Status
from tui import wording
from tui.messages import ExperimentsListed
from tui.widgets.experiment_columns import COLUMNS, NAME, UNREAD, Column, Order
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

_GAP = 2
_LEAST_MODELS = 12
_PLAIN = Style.null()


class ExperimentList(RowList):
    """A line for each experiment; a click on a heading sorts by it."""

    HELP = """
    # Experiments

    All experiments under the root, a line for each, newest first. A click on a heading sorts by
    it, another turns the order round; ▲ and ▼ tell which way. Enter, or a second click, opens one.
    """

    listed: reactive[ExperimentsListed | None] = reactive(None)
    matching: reactive[Query] = reactive(All())
    """What is shown."""
    order: reactive[Order] = reactive(Order())

    @dataclass
    class Reordered(Message):
        """A heading was clicked."""

        order: Order

    def __init__(self) -> None:
        super().__init__()
        self.shown: Sequence[Entry] = ()
        """Those that match, in order."""
        self._headings: list[tuple[int, str]] = []
        """Where each one ends, for the mouse."""
        self._cells: Mapping[str, Sequence[str]] = {}
        """What stands beneath the headings, by experiment."""

    def watch_listed(self) -> None:
        """Show what changed."""
        if self.listed is not None:
            now = self.listed.now
            self._cells = {
                entry.name: [column.cell(entry.digest, now) for column in COLUMNS]
                for entry in self.listed.entries
                if entry.digest
            }
        self.remake()

    def watch_matching(self) -> None:
        """Show what matches."""
        self.remake()

    def watch_order(self) -> None:
        """Sort anew."""
        self.remake()

    @property
    def entry(self) -> Entry | None:
        """The experiment under the cursor."""
        return next((entry for entry in self.shown if entry.name == self.key), None)

    @property
    def visible_names(self) -> Sequence[str]:
        """Those on the screen, and as many beneath."""
        first, height = self.scroll_offset.y, self.size.height
        return [entry.name for entry in self.shown[first : first + 2 * height]]

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """A line per experiment; the models fill what is left."""
        if self.listed is None:
            return None, ()
        found = [e for e in self.listed.entries if self.matching.matches(e.values)]
        self.shown = self.order.sorted(found)
        table = [self._cells[entry.name] for entry in self.shown if entry.digest]
        widths = {NAME: _widest(self._heading_text(NAME), [entry.name for entry in self.shown])}
        for i, column in enumerate(COLUMNS):
            heading = self._heading_text(column.heading)
            widths[column.heading] = _widest(heading, [cells[i] for cells in table])
        columns = _fitting(widths, width)
        rows = [
            Row(
                partial(self._line, entry, self._cells.get(entry.name, ()), columns, widths, width),
                entry.name,
            )
            for entry in self.shown
        ]
        return self._heading_line(columns, widths, width), rows

    def _line(
        self,
        entry: Entry,
        cells: Sequence[str],
        columns: Sequence[Column],
        widths: dict[str, int],
        width: int,
    ) -> Text:
        text = Text(no_wrap=True)
        text.append(entry.name.ljust(widths[NAME] + _GAP), BOLD)
        if entry.digest is None:
            said = f"! unreadable  {entry.problem}" if entry.problem else UNREAD
            text.append(said, self._ink(Status.LOST) if entry.problem else MUTED)
        else:
            for column, cell in zip(COLUMNS, cells, strict=True):
                if column in columns:
                    style = self._style(column, entry.digest.status)
                    text.append(_padded(cell, column, widths), style)
        text.rstrip()
        text.truncate(width, overflow="ellipsis")
        return text

    def _heading_line(self, columns: Sequence[Column], widths: dict[str, int], width: int) -> Text:
        text = Text(self._heading_text(NAME).ljust(widths[NAME] + _GAP))
        self._headings = [(text.cell_len, NAME)]
        for column in columns:
            text.append(_padded(self._heading_text(column.heading), column, widths))
            self._headings.append((text.cell_len, column.heading))
        text.rstrip()
        text.truncate(width, overflow="ellipsis")
        return text

    def _heading_text(self, heading: str) -> str:
        if heading != self.order.heading:
            return heading
        return f"{heading} {'▼' if self.order.falling else '▲'}"

    def _style(self, column: Column, status: Status) -> Style:
        if column.heading == "status":
            return self._ink(status)
        return MUTED if column.heading in ("started", "models") else _PLAIN

    def _ink(self, status: Status) -> Style:
        return self.color(wording.STATUS_COLORS[status])

    def on_click(self, event: events.Click) -> None:
        """Sort by the heading under the mouse."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y != 0 or self.listed is None:
            return
        heading = next((h for end, h in self._headings if offset.x < end), None)
        if heading is not None:
            self.post_message(self.Reordered(self.order.by(heading)))


def _widest(heading: str, cells: Sequence[str]) -> int:
    return max(len(heading), max(map(len, cells), default=0))


def _padded(cell: str, column: Column, widths: dict[str, int]) -> str:
    width = widths[column.heading]
    if column is COLUMNS[-1]:
        return cell
    return (cell.rjust(width) if column.right else cell.ljust(width)) + " " * _GAP


def _fitting(widths: dict[str, int], width: int) -> list[Column]:
    """The columns for which there is room; of the models a part will do."""
    least = widths | {COLUMNS[-1].heading: min(widths[COLUMNS[-1].heading], _LEAST_MODELS)}
    columns = list(COLUMNS)
    while sum(least[h] + _GAP for h in (NAME, *(c.heading for c in columns))) - _GAP > width:
        optional = [column for column in columns if column.gives_way]
        if not optional:
            break
        columns.remove(max(optional, key=lambda column: column.gives_way))
    return columns
