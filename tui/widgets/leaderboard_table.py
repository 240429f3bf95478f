"""The leaderboard: models in order, with intervals, costs and null baselines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive

from experiments.leaderboard import Standing
from experiments.read_model import Baseline
from experiments.stats import Interval
from tui import wording
from tui.follower import Snapshot
from tui.formatting import bounds, count, milliseconds, number
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

_GAP = 2
_FOREST = 30
_LEAST_FOREST = 12
_REMARK = 20


@dataclass(frozen=True)
class _Line:
    """A row before its columns have widths."""

    cells: tuple[str, ...]
    color: int | None
    interval: Interval
    remark: str


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
        """Models in order, then the null baselines; columns as far as they fit."""
        if self.snapshot is None:
            return None, ()
        view, board = self.snapshot.view, self.snapshot.board
        colors = {choice.label: index for index, choice in enumerate(view.config.models)}
        lines = [
            _standing_line(rank, standing, colors[standing.model])
            for rank, standing in enumerate(board.standings, 1)
        ]
        test_key = f"test_{board.key.partition('_')[2]}"
        # Baselines are measured on the test split, which bounds validation as well.
        said = "null baseline" if board.key == test_key else "baseline on test"
        lines += [_baseline_line(baseline, test_key, said) for baseline in view.baselines]
        heading = ("#", "model", "mean", "95% interval", "seeds", "parameters", "step")
        widths = [
            max(len(heading[i]), *(len(line.cells[i]) for line in lines))
            for i in range(len(heading))
        ]
        widths[1] += 2  # the letter
        shown = _columns_that_fit(widths, width)
        rest = width - sum(widths[i] + _GAP for i in shown)
        # Short remarks stand beside the drawing, long ones go beneath their row.
        forest = min(_FOREST, rest - _REMARK) if rest - _REMARK >= _LEAST_FOREST else 0
        span = _span([line.interval for line in lines if line.color is not None])
        head = "".join(_cell(heading[i], i, widths) for i in shown)
        if forest:
            head += _scale(span, forest)
        rows = []
        for line in lines:
            text = self._row(line, shown, widths, forest, span)
            key = None if line.color is None else line.cells[1]
            remark = Text(line.remark, MUTED if line.color is None else self.color(1))
            if text.cell_len + remark.cell_len <= width:
                rows.append(Row(text.append_text(remark), key))
                continue
            below = Text.assemble(" " * 5, wording.shortened(remark, width - 5))
            rows += [Row(text, key), Row(below)]
        return Text(head), rows

    def _row(
        self,
        line: _Line,
        shown: Sequence[int],
        widths: Sequence[int],
        forest: int,
        span: tuple[float, float],
    ) -> Text:
        muted = line.color is None
        text = Text(style=MUTED if muted else Style.null())
        for i in shown:
            cell = line.cells[i]
            style = self.color(line.color) + BOLD if i == 1 and not muted else Style.null()
            if i == 1:
                letter = " " if line.color is None else series_letter(line.color)
                cell = f"{letter} {cell}"
            elif i == 2 and not muted:
                style = BOLD
            text.append(_cell(cell, i, widths), style)
        if forest:
            drawn = interval_drawing(line.interval, span, forest)
            text.append(drawn.ljust(forest + _GAP), self.color(line.color))
        return text


def standings_title(snapshot: Snapshot) -> str:
    """What the table ranks by, and whether that is final."""
    split, _, metric = snapshot.board.key.partition("_")
    state = "finished" if snapshot.view.is_finished else "so far"
    best = "best " if split == "validation" else ""
    return f"Leaderboard, {state}: {best}{wording.words(metric)} on {split}"


def _standing_line(rank: int, standing: Standing, color: int) -> _Line:
    interval = standing.interval
    ranked = standing.is_complete and interval.n
    return _Line(
        (
            str(rank) if ranked else "-",
            standing.model,
            number(interval.mean),
            bounds(interval),
            f"{interval.n}/{standing.trials}",
            count(standing.num_parameters),
            milliseconds(standing.step_seconds),
        ),
        color,
        interval,
        "; ".join(wording.remarks(standing)),
    )


def _baseline_line(baseline: Baseline, key: str, said: str) -> _Line:
    interval = baseline.interval(key)
    cells = ("", baseline.name, number(interval.mean), "", str(interval.n), "", "")
    return _Line(cells, None, interval, said)


def _cell(text: str, column: int, widths: Sequence[int]) -> str:
    fitted = text.ljust(widths[column]) if column in (1, 3) else text.rjust(widths[column])
    return fitted + " " * _GAP


def _columns_that_fit(widths: Sequence[int], width: int) -> list[int]:
    """Columns to show: step time, then parameters, give way first."""
    shown = list(range(len(widths)))
    for column in (6, 5):
        if sum(widths[i] + _GAP for i in shown) + 18 > width:
            shown.remove(column)
    return shown


def _span(intervals: Sequence[Interval]) -> tuple[float, float]:
    """The range that holds every interval."""
    ends = [
        value
        for interval in intervals
        for value in (interval.low, interval.mean, interval.high)
        if math.isfinite(value)
    ]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _scale(span: tuple[float, float], width: int) -> str:
    low, high = number(span[0]), number(span[1])
    return f"{low}{high.rjust(width - len(low))}"


def interval_drawing(interval: Interval, span: tuple[float, float], width: int) -> str:
    """The interval as `├──●──┤` on a line that covers `span`; nothing where it is unknown."""
    low, high = span

    def column(value: float) -> int:
        part = (value - low) / (high - low) if high > low else 0.5
        return round(part * (width - 1))

    if not math.isfinite(interval.mean) or not low <= interval.mean <= high:
        return ""
    cells = [" "] * width
    if math.isfinite(interval.low):
        start, stop = column(max(interval.low, low)), column(min(interval.high, high))
        cells[start : stop + 1] = "─" * (stop - start + 1)
        cells[start], cells[stop] = "├", "┤"
    cells[column(interval.mean)] = "●"
    return "".join(cells)
