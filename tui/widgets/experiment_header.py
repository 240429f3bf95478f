"""Two lines on top of the dashboard: what runs, how far it is, how busy the machine is."""

from __future__ import annotations

import math
from collections import Counter

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.color import Color
from textual.reactive import reactive
from textual.widget import Widget

from experiments.read_model import ExperimentView
from experiments.status import Status
from tui.follower import Pulse, Snapshot
from tui.formatting import duration
from tui.widgets import wording
from tui.widgets.palette import series_color
from tui.widgets.row_list import BOLD, MUTED

_GAP = 2


class ExperimentHeader(Widget):
    """Experiment, task, counts per status, time left, cpu and memory."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    ExperimentHeader { height: 2; padding: 0 1; background: $panel; }
    """

    snapshot: reactive[Snapshot | None] = reactive(None)
    pulse: reactive[Pulse | None] = reactive(None)
    place: reactive[str] = reactive("")
    """What to call the experiment until its files have been read."""

    def render(self) -> RenderResult:
        """Both lines, each as wide as the screen."""
        width = self.content_size.width
        if self.snapshot is None:
            return Text(self.place, BOLD)
        view = self.snapshot.view
        return Text("\n").join([self._title(view, width), self._progress(view, width)])

    def _title(self, view: ExperimentView, width: int) -> Text:
        budget = view.config.budget
        now = self.pulse.time if self.pulse else math.nan
        status = self._mark(view.status)
        if wording.is_finished(view):
            took = duration(view.ended - view.started)
            times = [Text.assemble(("finished", BOLD), f" after {took}")]
        else:
            times = [
                Text.assemble(("eta ", MUTED), (duration(view.remaining_seconds), BOLD)),
                Text.assemble(("elapsed ", MUTED), duration(now - view.started)),
            ]
        left = [
            Text(view.name, BOLD),
            Text(f"{view.config.task.name} {wording.settings(view.config)}".rstrip()),
            Text(f"{budget.steps} steps of {budget.batch_size}", MUTED),
        ]
        return fitted(left, [status, *times], width)

    def _progress(self, view: ExperimentView, width: int) -> Text:
        part = wording.progress(view)
        size = max(min(width // 4, 40), 10)
        full = round(part * size)
        bar = Text.assemble(
            ("━" * full, self._color(0)), ("─" * (size - full), MUTED), f" {part:4.0%}"
        )
        counts = Counter(trial.status for trial in view.trials)
        left = [bar]
        for status in Status:
            if counts[status]:
                mark = self._mark(status)
                mark.append(f" {counts[status]}")
                left.append(mark)
        right = []
        if self.pulse:
            used, total = self.pulse.memory_used, self.pulse.memory_total
            right = [
                Text.assemble(("cpu ", MUTED), f"{self.pulse.cpu_percent:3.0f}%"),
                Text.assemble(
                    ("memory ", MUTED), f"{wording.size(used)} of {wording.size(total)} GiB"
                ),
            ]
        return fitted(left, right, width)

    def _mark(self, status: Status) -> Text:
        return Text(wording.mark(status), self._color(wording.STATUS_COLORS[status]))

    def _color(self, index: int | None) -> Style:
        if index is None:
            return MUTED
        return Style(color=Color(*series_color(index, self.app.current_theme.dark)).rich_color)


def fitted(left: list[Text], right: list[Text], width: int) -> Text:
    """Parts at both ends of a line; the last ones of the left, then of the right, give way."""
    left, right = list(left), list(right)

    def needed() -> int:
        return sum(part.cell_len + _GAP for part in (*left, *right)) - _GAP

    while needed() > width and len(left) > 1:
        left.pop()
    while needed() > width and len(right) > 1:
        right.pop()
    gap = Text(" " * _GAP)
    start, end = gap.join(left), gap.join(right)
    line = Text.assemble(start, " " * max(width - start.cell_len - end.cell_len, _GAP), end)
    line.truncate(width, overflow="ellipsis")
    return line
