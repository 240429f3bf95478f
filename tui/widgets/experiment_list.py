"""The experiments under a root."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive

from experiments.status import Status
from tui import wording
from tui.messages import Entry, ExperimentsListed
from tui.widgets.row_list import BOLD, MUTED, Row, RowList

_GAP = 2


class ExperimentList(RowList):
    """Name, status, task, trials, age and models of each experiment."""

    listed: reactive[ExperimentsListed | None] = reactive(None)

    def watch_listed(self) -> None:
        """Show what changed."""
        self.remake()

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """A line per experiment; the models fill what is left."""
        if self.listed is None:
            return None, ()
        entries, now = self.listed.entries, self.listed.now
        heading = ("experiment", "status", "task", "trials", "started", "models")
        cells = [_cells(entry, now) for entry in entries]
        widths = [max(len(column[i]) for column in (heading, *cells)) for i in range(5)]
        rows = []
        for entry, line in zip(entries, cells, strict=True):
            status = entry.snapshot.view.status if entry.snapshot else Status.LOST
            color = self.color(wording.STATUS_COLORS[status])
            text = Text()
            for i, cell in enumerate(line[:5]):
                style = (BOLD, color, Style.null(), Style.null(), MUTED)[i]
                text.append(cell.ljust(widths[i] + _GAP), style)
            text.append(line[5], MUTED)
            text.truncate(width, overflow="ellipsis")
            rows.append(Row(text, entry.folder.name))
        head = "".join(word.ljust(widths[i] + _GAP) for i, word in enumerate(heading[:5]))
        head_text = Text(head + heading[5])
        head_text.truncate(width, overflow="ellipsis")
        return head_text, rows


def _cells(entry: Entry, now: float) -> tuple[str, ...]:
    if entry.snapshot is None:
        return entry.folder.name, "! unreadable", "", "", "", entry.problem
    view = entry.snapshot.view
    finished = sum(trial.status.is_finished for trial in view.trials)
    started = wording.age(now - view.started) if view.started == view.started else "not yet"
    return (
        view.name,
        wording.mark(view.status),
        view.config.task.name,
        f"{finished}/{len(view.trials)}",
        started,
        ", ".join(choice.label for choice in view.config.models),
    )
