"""Two lines on top of the dashboard: what runs, how far it is, how busy the machine is."""

from __future__ import annotations

import math
from collections import Counter

from rich.text import Text
from textual.reactive import reactive

from experiments.read_model import ExperimentView
from experiments.status import Status
from tui import wording
from tui.formatting import duration
from tui.snapshot import Snapshot
from tui.widgets.header import Header, fitted
from tui.widgets.row_list import BOLD, MUTED


class ExperimentHeader(Header):
    """Experiment, task, counts per status, time left, cpu and memory."""

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)
    place: reactive[str] = reactive("", repaint=False)
    """What to call the experiment until its files have been read."""

    watch_snapshot = watch_place = Header.renew

    def said(self, width: int) -> Text:
        """Both lines, each as wide as the screen."""
        if self.snapshot is None:
            return Text(self.place, BOLD)
        view = self.snapshot.view
        return Text("\n").join([self._title(view, width), self._progress(view, width)])

    def _title(self, view: ExperimentView, width: int) -> Text:
        left = [
            Text(view.name, BOLD),
            Text(view.config.task.name),
            *map(Text, wording.settings(view.config)),
            Text(f"{view.config.budget.steps} steps of {view.config.budget.batch_size}", MUTED),
        ]
        status = self.mark(view.status)
        if view.is_finished:
            took = duration(view.elapsed_seconds)
            ended = [status, Text(f" finished after {took} ", "reverse bold")]
            return fitted(left, ended, width, first_to_go="left")
        now = self.pulse.time if self.pulse else math.nan
        times = [
            Text.assemble(("eta ", MUTED), (duration(view.remaining_seconds), BOLD)),
            Text.assemble(("elapsed ", MUTED), duration(now - view.started)),
        ]
        return fitted(left, [status, *times], width, first_to_go="left")

    def _progress(self, view: ExperimentView, width: int) -> Text:
        counts = Counter(trial.status for trial in view.comparison_trials)
        left = [self.bar(view.progress, width)]
        tuned = [trial.status.is_finished for trial in view.tuning_trials]
        if not all(tuned):
            left.append(Text(f"tuning {sum(tuned)}/{len(tuned)}", self.ink(0)))
        # What went wrong comes first, because the last ones give way.
        for status in sorted(Status, key=lambda status: status not in wording.BAD):
            if counts[status]:
                left.append(self.mark(status).append(f" {counts[status]}"))
        return fitted(left, self.load(), width, first_to_go="right")
