"""Two lines on top of a trial's screen."""

from __future__ import annotations

import math

from rich.text import Text
from textual.reactive import reactive

from experiments.trial_view import TrialView
from tui import wording
from tui.formatting import duration, milliseconds
from tui.widgets.header import Header, fitted
from tui.widgets.palette import series_letter
from tui.widgets.row_list import BOLD, MUTED


class TrialHeader(Header):
    """Model, seed or learning rate, status with its reason, progress, time left, what its process
    takes.
    """

    trial: reactive[TrialView | None] = reactive(None, repaint=False)
    color: reactive[int] = reactive(0, repaint=False)
    """The palette index of its model."""

    watch_trial = watch_color = Header.renew

    def said(self, width: int) -> Text:
        """Both lines, each as wide as the screen."""
        trial = self.trial
        if trial is None:
            return Text()
        return Text("\n").join([self._title(trial, width), self._progress(trial, width)])

    def _title(self, trial: TrialView, width: int) -> Text:
        name = f"{series_letter(self.color)} {trial.model}"
        rate = trial.config.budget.learning_rate
        which = f"tuning, learning rate {rate:g}" if trial.is_tuning else f"seed {trial.seed}"
        left = [Text(name, self.ink(self.color) + BOLD), Text(which, BOLD)]
        status = self.mark(trial.status)
        if note := wording.rung(trial) or trial.reason:
            status.append(f": {note}")
        now = self.pulse.time if self.pulse else math.nan
        seconds = trial.seconds if trial.status.is_finished else float(trial.seconds_at(now))
        times = [Text.assemble(("elapsed ", MUTED), duration(seconds))]
        if taken := wording.taken(trial):
            times += [Text.assemble(("process ", MUTED), taken[0]), *map(Text, taken[1:])]
        if not trial.status.is_finished:
            times.insert(0, Text.assemble(("eta ", MUTED), duration(trial.remaining_seconds)))
        return fitted([*left, status], times, width, first_to_go="right")

    def _progress(self, trial: TrialView, width: int) -> Text:
        left = [
            self.bar(trial.progress, width),
            Text(wording.step(trial)),
            Text(f"{milliseconds(trial.step_seconds)} a step", MUTED),
        ]
        return fitted(left, self.load(), width, first_to_go="right")
