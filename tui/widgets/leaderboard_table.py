"""The leaderboard: models and null baselines in order, with intervals, seeds and costs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.reactive import reactive

from experiments.leaderboard import Row as Place
from experiments.leaderboard import Standing
from tui import forest, wording
from tui.formatting import UNKNOWN
from tui.snapshot import Snapshot
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED, Row, RowList
from tui.widgets.standing_columns import (
    COLUMNS,
    GAP,
    StandingColumn,
    columns_against,
    sorted_rows,
)

_FOREST = 30
_LEAST_FOREST = 12
_REMARK = 20
_INDENT = 5

Seeds = Literal["beside", "hidden", "shown"]
"""Dots for the seeds: as far as there is room, none, or on a line of their own where there is no
room beside."""


@dataclass(frozen=True)
class _Line:
    """A row before its columns have widths."""

    place: Place
    rank: str
    name: str
    cells: tuple[str, ...]
    color: int | None


class LeaderboardTable(RowList):
    """Rank, model, mean, interval, seeds, cost, and what must be said beside it.

    With a `baseline` the paired differences to it come before the costs.
    """

    HELP = """
    # Leaderboard

    Models and null baselines, best first: mean and 95 % interval over seeds, drawn beside on one
    scale, then seeds, cost, and what must be said of the row. The signs are explained below.

    A click on a heading sorts by it. Enter, or a second click, brings the model's curves to the
    front.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "less_than_sign", "sort(-1)", "Sort left", key_display="<", show=False,
            id="leaderboard.sort_left", tooltip="Sort by the column to the left",
        ),
        Binding(
            "greater_than_sign", "sort(1)", "Sort", key_display=">", show=False,
            id="leaderboard.sort", tooltip="Sort by the next column; so does a click on its name",
        ),
        Binding(
            "r", "reverse", "Reverse", show=False, id="leaderboard.reverse",
            tooltip="Sort the other way round",
        ),
    ]  # fmt: skip

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)
    baseline: reactive[str | None] = reactive(None)
    """The model that the others are compared with, if any."""
    seeds: reactive[Seeds] = reactive("beside")
    sorted_by: reactive[str | None] = reactive(None)
    """The heading of the column that the rows are sorted by; None is the rank."""
    is_reversed: reactive[bool] = reactive(False)

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._headings: list[tuple[range, str | None]] = []
        self._height = 0

    def watch_snapshot(self, before: Snapshot | None, after: Snapshot | None) -> None:
        """Show what changed."""
        if before is None or after is None or before.board is not after.board:
            self.remake()

    def watch_baseline(self) -> None:
        """Show it in another way."""
        self.remake()

    watch_seeds = watch_sorted_by = watch_is_reversed = watch_baseline

    def remake(self) -> None:
        """Make the lines again; the table is as high as it has lines."""
        super().remake()
        height = len(self.rows) + 1
        if height != self._height:  # a style that is set lays out the screen
            self._height = height
            self.styles.height = height

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """Models and null baselines in order; columns as far as they fit."""
        if self.snapshot is None:
            return None, ()
        board = self.snapshot.board
        columns = self._columns(self.snapshot)
        lines = self._sorted(_lines(self.snapshot, columns), columns)
        name = max(len("model"), *(len(line.name) for line in lines)) + 2  # the letter
        widths = [
            max(len(self._marked(column.heading)), *(len(line.cells[i]) for line in lines))
            for i, column in enumerate(columns)
        ]
        start = 1 + GAP + name + GAP
        shown = self._columns_that_fit(columns, lines, widths, width - start)
        rest = width - start - sum(widths[i] + GAP for i in shown)
        # Short remarks stand beside the drawing, long ones go beneath their row.
        room = min(_FOREST, rest - _REMARK) if rest - _REMARK >= _LEAST_FOREST else 0
        span = forest.span(board.rows)
        head = self._head(columns, shown, widths, name)
        if room:
            head += forest.scale(span, room)
        rows = []
        for line in lines:
            text = self._row(line, name, columns, shown, widths)
            if room:
                text.append(self._drawn(line, span, room).ljust(room + GAP), self.color(line.color))
            key = None if line.color is None else line.name
            # Where models are compared, a null baseline says in a column what it is.
            is_said = line.color is None and self.baseline is not None
            said = "" if is_said else "; ".join(wording.remarks(line.place, board))
            remark = Text(said, MUTED if line.color is None else self.color(1))
            fits = text.cell_len + remark.cell_len <= width
            rows.append(Row(text.append_text(remark) if fits else text, key))
            if said and not fits:
                below = wording.shortened(remark, width - _INDENT)
                rows.append(Row(Text.assemble(" " * _INDENT, below)))
            drawn = self._drawn(line, span, width - _INDENT) if self.seeds == "shown" else ""
            if drawn and not room:
                rows.append(Row(Text.assemble(" " * _INDENT, (drawn, self.color(line.color)))))
        return Text(head), rows

    def _columns(self, snapshot: Snapshot) -> tuple[StandingColumn, ...]:
        if self.baseline is None:
            return COLUMNS
        return columns_against(self.baseline, snapshot.view, snapshot.board)

    def _sorted(self, lines: list[_Line], columns: Sequence[StandingColumn]) -> list[_Line]:
        name = StandingColumn("model", lambda row: row.name, lambda row: row.name)
        column = next((c for c in (name, *columns) if c.heading == self.sorted_by), None)
        if column is None:
            return lines[::-1] if self.is_reversed else lines
        of = {line.name: line for line in lines}
        places = [line.place for line in lines]
        return [of[place.name] for place in sorted_rows(places, column, self.is_reversed)]

    def _marked(self, heading: str) -> str:
        """A heading with an arrow where the rows are sorted by it."""
        if heading != (self.sorted_by or "#"):
            return heading
        if self.is_reversed:
            return f"{heading}▼"
        return heading if self.sorted_by is None else f"{heading}▲"

    def _head(
        self,
        columns: Sequence[StandingColumn],
        shown: Sequence[int],
        widths: Sequence[int],
        name: int,
    ) -> str:
        """The line of headings; keeps where each of them stands."""
        parts = [
            (None, self._marked("#").ljust(1 + GAP)),
            ("model", self._marked("model").ljust(name + GAP)),
        ]
        for i in shown:
            text = _cell(self._marked(columns[i].heading), columns[i], widths[i])
            parts.append((columns[i].heading, text))
        self._headings = []
        at = 0
        for heading, text in parts:
            self._headings.append((range(at, at + len(text)), heading))
            at += len(text)
        return "".join(text for _, text in parts)

    def _drawn(self, line: _Line, span: forest.Span, width: int) -> str:
        dots = () if self.seeds == "hidden" else forest.dots(line.place)
        return forest.drawing(line.place.interval, dots, span, width)

    def _row(
        self,
        line: _Line,
        name: int,
        columns: Sequence[StandingColumn],
        shown: Sequence[int],
        widths: Sequence[int],
    ) -> Text:
        muted = line.color is None
        letter = " " if line.color is None else series_letter(line.color)
        text = Text(f"{line.rank.rjust(1)}{' ' * GAP}", style=MUTED if muted else Style.null())
        said = f"{letter} {line.name}".ljust(name + GAP)
        text.append(said, Style.null() if muted else self.color(line.color) + BOLD)
        for i in shown:
            style = BOLD if i == 0 and not muted else Style.null()
            text.append(_cell(line.cells[i], columns[i], widths[i]), style)
        return text

    def _columns_that_fit(
        self,
        columns: Sequence[StandingColumn],
        lines: Sequence[_Line],
        widths: Sequence[int],
        width: int,
    ) -> list[int]:
        """Columns to show: those of which something is known, and for which there is room."""
        shown = [
            i
            for i, column in enumerate(columns)
            if not column.gives_way or any(line.cells[i] not in ("", UNKNOWN) for line in lines)
        ]
        giving_way = [i for i in shown if columns[i].gives_way]
        for i in sorted(giving_way, key=lambda i: -columns[i].gives_way):
            beside = _REMARK + (_FOREST if columns[i].gives_way > 2 else 0)
            # Where models are compared, numbers come before drawings.
            beside = 0 if self.baseline else beside
            if sum(widths[i] + GAP for i in shown) + beside > width:
                shown.remove(i)
        return shown

    def heading_clicked(self, x: int) -> None:
        """Sort by the column under the mouse; once more, the other way round."""
        for place, heading in self._headings:
            if x in place:
                self.is_reversed = heading == self.sorted_by and not self.is_reversed
                self.sorted_by = heading

    def action_sort(self, columns: int) -> None:
        """Sort by another column of those on screen."""
        headings = [heading for _, heading in self._headings]
        if headings:
            at = headings.index(self.sorted_by) if self.sorted_by in headings else 0
            self.is_reversed = False
            self.sorted_by = headings[(at + columns) % len(headings)]

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.is_reversed = not self.is_reversed


def standings_title(snapshot: Snapshot) -> str:
    """What the table ranks by, and whether that is final."""
    view, board = snapshot.view, snapshot.board
    split, _, metric = board.key.partition("_")
    where, reading = "finished" if view.is_finished else "so far", "best"
    if board.cut is not None:
        where, reading = wording.budget(board.cut), board.cut.reading
    said = f"{reading} " if split == "validation" else ""
    return f"Leaderboard, {where}: {said}{wording.words(metric)} on {split}"


def _lines(snapshot: Snapshot, columns: Sequence[StandingColumn]) -> list[_Line]:
    colors = {choice.label: index for index, choice in enumerate(snapshot.view.config.models)}
    ranks = itertools.count(1)
    lines = []
    for place in snapshot.board.rows:
        cells = tuple(column.cell(place) for column in columns)
        if isinstance(place, Standing):
            ranked = place.is_complete and place.interval.n
            rank = str(next(ranks)) if ranked else "-"
            lines.append(_Line(place, rank, place.model, cells, colors[place.model]))
        else:
            lines.append(_Line(place, "", place.name, cells, None))
    return lines


def _cell(text: str, column: StandingColumn, width: int) -> str:
    return (text.ljust(width) if column.left else text.rjust(width)) + " " * GAP
