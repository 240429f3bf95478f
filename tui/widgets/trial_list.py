"""The trials of an experiment, grouped by model."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive

from experiments.leaderboard import Standing
from experiments.status import Status
from experiments.trial_view import TrialView
from tui import wording
from tui.formatting import duration, number
from tui.snapshot import Snapshot
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

_STATUS_WIDTH = 12
_REST_WIDTH = 16
"""Of the branch, how far a trial is and what time is left."""
_LEAST_BAR = 5
_GROUP = "model "
"""What the key of a model's line begins with; no trial's name has a blank."""


class TrialList(RowList):
    """Models with their trials beneath: status, progress, time left or result.

    Those that tune come first, under their learning rate and as validation judged them.
    """

    HELP = """
    # Trials

    Each model with its mean and 95 % interval over seeds, and its trials beneath: sign and name of
    the status, how far it is and what time is left, or its result and how long it took. Where there
    is room, also how many cores its process keeps busy, none where it hangs or waits, and what
    memory it holds. Keys that act on a trial act on all of a model where the cursor is on the
    model's line.

    Enter, or a second click, opens a trial; on a model's line it brings its curves to the front.
    """

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, tuple[tuple[object, ...], Row]] = {}
        """By trial, what its line was made of."""

    def watch_snapshot(self) -> None:
        """Show what changed."""
        self.remake()

    @property
    def model(self) -> str | None:
        """The label of the model under the cursor, or of that of the trial there."""
        if self.key is None or self.snapshot is None:
            return None
        if self.key.startswith(_GROUP):
            return self.key.removeprefix(_GROUP)
        trial = self.snapshot.view.trial(self.key)
        return trial.model if trial else None

    @property
    def names(self) -> tuple[str, ...]:
        """The trial under the cursor, or all of the model under it."""
        if self.key is None or self.snapshot is None:
            return ()
        if not self.key.startswith(_GROUP):
            return (self.key,)
        return tuple(t.name for t in self.snapshot.view.trials if t.model == self.model)

    def first_choice(self, keys: Sequence[str]) -> str:
        """The first trial: few act on all of a model."""
        return next((key for key in keys if not key.startswith(_GROUP)), keys[0])

    def make_rows(self, width: int) -> tuple[None, Sequence[Row]]:
        """A line per model and a line per trial."""
        if self.snapshot is None:
            return None, ()
        view, board = self.snapshot.view, self.snapshot.board
        standings = {standing.model: standing for standing in board.standings}
        chosen = {rate.model: rate.learning_rate for rate in view.rates}
        # Statuses stand beneath one another: of the trials that tune, and of the others.
        names = {
            is_tuning: max(
                (len(_said(t)) for t in view.trials if t.is_tuning is is_tuning), default=0
            )
            for is_tuning in (True, False)
        }
        rows = []
        for index, choice in enumerate(view.config.models):
            trials = [trial for trial in view.trials if trial.model == choice.label]
            text = self._model(index, standings[choice.label], width)
            rows.append(Row(text, _GROUP + choice.label))
            for trial in trials:
                last, key = trial is trials[-1], board.key
                is_chosen = False
                if trial.is_tuning:
                    key = self.snapshot.metric_key
                    is_chosen = trial.config.budget.learning_rate == chosen.get(trial.model)
                told = (trial, last, index, key, width, is_chosen, self.app.current_theme.dark)
                known = self._lines.get(trial.name)
                if known is None or not _same(known[0], told):
                    name = _said(trial).ljust(names[trial.is_tuning])
                    text = self._trial(trial, name, last, index, key, width, is_chosen)
                    known = self._lines[trial.name] = told, Row(text, trial.name)
                rows.append(known[1])
        return None, rows

    def _model(self, index: int, standing: Standing, width: int) -> Text:
        interval = standing.interval
        text = Text.assemble((f"{series_letter(index)} {standing.model}", self.color(index) + BOLD))
        value = number(interval.mean) if interval.n else ""
        if interval.half_width == interval.half_width:
            value += f" ±{number(interval.half_width)}"
        return _justified(text, Text(value, BOLD), width)

    def _trial(
        self,
        trial: TrialView,
        name: str,
        last: bool,
        index: int,
        key: str,
        width: int,
        is_chosen: bool,
    ) -> Text:
        color = self.color(wording.STATUS_COLORS[trial.status])
        mark = f"{wording.GLYPHS[trial.status]} chosen" if is_chosen else wording.mark(trial.status)
        has_room = len(name) + _STATUS_WIDTH + _REST_WIDTH <= width
        text = Text.assemble(
            (" └ " if last else " ├ ", MUTED),
            (f"{name} ", MUTED if trial.is_tuning else Style.null()),
            (f"{mark} ".ljust(_STATUS_WIDTH if has_room else 0), color),
        )
        room = width - text.cell_len
        is_paused = trial.status is Status.PAUSED and trial.process is not None
        if trial.status is Status.RUNNING or is_paused:
            text.append(f"{trial.progress:4.0%} ")
            if rung := wording.rung(trial):
                text.append(rung, self.color(wording.STATUS_COLORS[Status.STOPPED]))
                return text
            right = duration(trial.remaining_seconds).rjust(5)
            room = width - text.cell_len - len(right) - 1
            taken = _taken(trial, room - _LEAST_BAR)
            text.append_text(self._bar(trial.progress, room - len(taken), index))
            text.append(taken, MUTED)
            return _justified(text, Text(right), width)
        if trial.status is Status.COMPLETED:
            result = Text(number(trial.best(key)))
            seconds = duration(trial.seconds).rjust(6)
            if len(result) + len(seconds) < room:
                result.append(seconds, MUTED)
            return _justified(text, result, width)
        if trial.reason:
            text.append_text(wording.shortened(Text(trial.reason, MUTED), room))
        return text

    def _bar(self, part: float, width: int, index: int) -> Text:
        width = max(width, 0)
        full = round(part * width)
        return Text.assemble(("━" * full, self.color(index)), ("─" * (width - full), MUTED))


def _said(trial: TrialView) -> str:
    """What its line calls it: `s0`, or `lr 0.001` where it tunes."""
    rate = trial.config.budget.learning_rate
    return f"lr {rate:g}" if trial.is_tuning else f"s{trial.seed}"


def _taken(trial: TrialView, room: int) -> str:
    """What its process takes, as much of that as there is room for."""
    parts = [f" {part}" for part in wording.taken(trial)]
    while parts and sum(map(len, parts)) > room:
        parts.pop()
    return "".join(parts)


def _same(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    # Whether two trials are equal takes long to find out; whether they are one does not.
    return before[0] is after[0] and before[1:] == after[1:]


def _justified(left: Text, right: Text, width: int) -> Text:
    gap = max(width - left.cell_len - right.cell_len, 1)
    return Text.assemble(left, " " * gap, right)
