"""The leaderboard: models and null baselines in order, with intervals, seeds and costs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive

from experiments.leaderboard import Row as Place
from experiments.leaderboard import Standing
from tui import forest, wording
from tui.follower import Snapshot
from tui.formatting import (
    UNKNOWN,
    bounds,
    count,
    mean_and_bounds,
    milliseconds,
    number,
    quantity,
)
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

_GAP = 2
_FOREST = 30
_LEAST_FOREST = 12
_REMARK = 20


@dataclass(frozen=True)
class _Column:
    """What stands in a column, and when it makes room for others."""

    heading: str
    cell: Callable[[Standing], str]
    left: bool = False
    gives_way: int = 0
    """The higher, the sooner; 0 never, 1 and 2 after the drawing, the others before it."""


# The rank and the name stand before these.
_COLUMNS = (
    _Column("mean", lambda row: number(row.interval.mean)),
    _Column("95% interval", lambda row: bounds(row.interval), left=True),
    _Column("interquartile", lambda row: mean_and_bounds(row.interquartile), True, 4),
    _Column("seeds", lambda row: f"{row.interval.n}/{row.trials}"),
    _Column("parameters", lambda row: count(row.num_parameters), gives_way=1),
    _Column("state", lambda row: quantity(row.state_size), gives_way=6),
    _Column("FLOPs", lambda row: quantity(row.flops), gives_way=7),
    _Column("step", lambda row: milliseconds(row.step_seconds), gives_way=2),
    _Column("memory", lambda row: wording.memory(row.peak_memory_bytes), gives_way=8),
    _Column("solved", lambda row: wording.solved(row.time_to_solve), gives_way=3),
    _Column("steps", lambda row: wording.steps_to_solve(row.time_to_solve), gives_way=5),
)


@dataclass(frozen=True)
class _Line:
    """A row before its columns have widths."""

    place: Place
    rank: str
    name: str
    cells: tuple[str, ...]
    color: int | None


class LeaderboardTable(RowList):
    """Rank, model, mean, interval, seeds, cost, and what must be said beside it."""

    snapshot: reactive[Snapshot | None] = reactive(None)

    def watch_snapshot(self) -> None:
        """Show what changed."""
        self.remake()

    def remake(self) -> None:
        """Make the lines again; the table is as high as it has lines."""
        super().remake()
        self.styles.height = len(self.rows) + 1

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """Models and null baselines in order; columns as far as they fit."""
        if self.snapshot is None:
            return None, ()
        board = self.snapshot.board
        lines = _lines(self.snapshot)
        name = max(len("model"), *(len(line.name) for line in lines)) + 2  # the letter
        widths = [
            max(len(column.heading), *(len(line.cells[i]) for line in lines))
            for i, column in enumerate(_COLUMNS)
        ]
        start = 1 + _GAP + name + _GAP
        shown = _columns_that_fit(lines, widths, width - start)
        rest = width - start - sum(widths[i] + _GAP for i in shown)
        # Short remarks stand beside the drawing, long ones go beneath their row.
        room = min(_FOREST, rest - _REMARK) if rest - _REMARK >= _LEAST_FOREST else 0
        span = forest.span(board.rows)
        head = f"#{' ' * _GAP}{'model'.ljust(name)}{' ' * _GAP}"
        head += "".join(_cell(_COLUMNS[i].heading, i, widths) for i in shown)
        if room:
            head += forest.scale(span, room)
        rows = []
        for line in lines:
            text = self._row(line, name, shown, widths)
            if room:
                drawn = forest.drawing(line.place.interval, forest.dots(line.place), span, room)
                text.append(drawn.ljust(room + _GAP), self.color(line.color))
            key = None if line.color is None else line.name
            said = "; ".join(wording.remarks(line.place, board))
            remark = Text(said, MUTED if line.color is None else self.color(1))
            if text.cell_len + remark.cell_len <= width:
                rows.append(Row(text.append_text(remark), key))
                continue
            below = Text.assemble(" " * 5, wording.shortened(remark, width - 5))
            rows += [Row(text, key), Row(below)]
        return Text(head), rows

    def _row(self, line: _Line, name: int, shown: Sequence[int], widths: Sequence[int]) -> Text:
        muted = line.color is None
        letter = " " if line.color is None else series_letter(line.color)
        text = Text(f"{line.rank.rjust(1)}{' ' * _GAP}", style=MUTED if muted else Style.null())
        said = f"{letter} {line.name}".ljust(name + _GAP)
        text.append(said, Style.null() if muted else self.color(line.color) + BOLD)
        for i in shown:
            style = BOLD if i == 0 and not muted else Style.null()
            text.append(_cell(line.cells[i], i, widths), style)
        return text


def standings_title(snapshot: Snapshot) -> str:
    """What the table ranks by, and whether that is final."""
    split, _, metric = snapshot.board.key.partition("_")
    state = "finished" if snapshot.view.is_finished else "so far"
    best = "best " if split == "validation" else ""
    return f"Leaderboard, {state}: {best}{wording.words(metric)} on {split}"


def _lines(snapshot: Snapshot) -> list[_Line]:
    colors = {choice.label: index for index, choice in enumerate(snapshot.view.config.models)}
    ranks = itertools.count(1)
    lines = []
    for place in snapshot.board.rows:
        if isinstance(place, Standing):
            ranked = place.is_complete and place.interval.n
            cells = tuple(column.cell(place) for column in _COLUMNS)
            rank = str(next(ranks)) if ranked else "-"
            lines.append(_Line(place, rank, place.model, cells, colors[place.model]))
            continue
        known = {
            "mean": number(place.interval.mean),
            "95% interval": bounds(place.interval),
            "interquartile": mean_and_bounds(place.interquartile),
            "seeds": str(place.interval.n),
        }
        cells = tuple(known.get(column.heading, "") for column in _COLUMNS)
        lines.append(_Line(place, "", place.name, cells, None))
    return lines


def _cell(text: str, column: int, widths: Sequence[int]) -> str:
    width = widths[column]
    return (text.ljust(width) if _COLUMNS[column].left else text.rjust(width)) + " " * _GAP


def _columns_that_fit(lines: Sequence[_Line], widths: Sequence[int], width: int) -> list[int]:
    """Columns to show: those of which something is known, and for which there is room."""
    shown = [
        i
        for i, column in enumerate(_COLUMNS)
        if not column.gives_way or any(line.cells[i] not in ("", UNKNOWN) for line in lines)
    ]
    giving_way = [i for i in shown if _COLUMNS[i].gives_way]
    for column in sorted(giving_way, key=lambda i: -_COLUMNS[i].gives_way):
        beside = _REMARK + (_FOREST if _COLUMNS[column].gives_way > 2 else 0)
        if sum(widths[i] + _GAP for i in shown) + beside > width:
            shown.remove(column)
    return shown
