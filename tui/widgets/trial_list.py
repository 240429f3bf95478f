"""The trials of an experiment, grouped by model."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.reactive import reactive

from experiments.leaderboard import Standing
from experiments.status import Status
from experiments.trial_view import TrialView
from tui import wording
from tui.follower import Snapshot
from tui.formatting import duration, number
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

_STATUS_WIDTH = 12


class TrialList(RowList):
    """Models with their seeds beneath: status, progress, time left or result."""

    snapshot: reactive[Snapshot | None] = reactive(None)

    def watch_snapshot(self) -> None:
        """Show what changed."""
        self.remake()

    def make_rows(self, width: int) -> tuple[None, Sequence[Row]]:
        """A line per model and a line per trial."""
        if self.snapshot is None:
            return None, ()
        view, board = self.snapshot.view, self.snapshot.board
        standings = {standing.model: standing for standing in board.standings}
        rows = []
        for index, choice in enumerate(view.config.models):
            trials = [trial for trial in view.trials if trial.model == choice.label]
            rows.append(Row(self._model(index, standings[choice.label], width)))
            for trial in trials:
                last = trial is trials[-1]
                rows.append(Row(self._trial(trial, last, index, board.key, width), trial.name))
        return None, rows

    def _model(self, index: int, standing: Standing, width: int) -> Text:
        interval = standing.interval
        text = Text.assemble((f"{series_letter(index)} {standing.model}", self.color(index) + BOLD))
        value = number(interval.mean) if interval.n else ""
        if interval.half_width == interval.half_width:
            value += f" ±{number(interval.half_width)}"
        return _justified(text, Text(value, BOLD), width)

    def _trial(self, trial: TrialView, last: bool, index: int, key: str, width: int) -> Text:
        color = self.color(wording.STATUS_COLORS[trial.status])
        text = Text.assemble(
            (" └ " if last else " ├ ", MUTED),
            f"s{trial.seed} ",
            (wording.mark(trial.status).ljust(_STATUS_WIDTH), color),
        )
        room = width - text.cell_len
        if trial.status is Status.RUNNING:
            text.append(f"{trial.progress:4.0%} ")
            if rung := wording.rung(trial):
                text.append(rung, self.color(wording.STATUS_COLORS[Status.STOPPED]))
                return text
            right = duration(trial.remaining_seconds).rjust(5)
            text.append_text(self._bar(trial.progress, room - 6 - len(right), index))
            return _justified(text, Text(right), width)
        if trial.status is Status.COMPLETED:
            right = duration(trial.seconds).rjust(6)
            return _justified(text, Text.assemble(number(trial.best(key)), (right, MUTED)), width)
        if trial.reason:
            text.append_text(wording.shortened(Text(trial.reason, MUTED), room))
        return text

    def _bar(self, part: float, width: int, index: int) -> Text:
        width = max(width, 0)
        full = round(part * width)
        return Text.assemble(("━" * full, self.color(index)), ("─" * (width - full), MUTED))


def _justified(left: Text, right: Text, width: int) -> Text:
    gap = max(width - left.cell_len - right.cell_len, 1)
    return Text.assemble(left, " " * gap, right)
