"""What went wrong, in full sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.reactive import reactive

from tui import wording
from tui.snapshot import Snapshot
from tui.widgets.row_list import BOLD, Row, RowList

MOST = 4
"""Lines at a time; the others scroll."""
# The colour of a failed trial.
WARNING = 5


class AlertList(RowList):
    """Failed trials with their reasons, what the rules found, doubts about the comparison, damaged
    files. Opening a line leads to its trial.
    """

    HELP = """
    # Alerts

    What went wrong or is doubtful: trials that failed and why, what the rules found, damaged
    files. Each begins with a sign and a word. Enter, or a second click, opens the trial it is
    about.
    """

    DEFAULT_CSS = """
    AlertList {
        height: auto; padding: 0 1; display: none;
        &.-some { display: block; }
    }
    """

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)
    alerts: reactive[tuple[wording.Alert, ...]] = reactive((), repaint=False)
    """What there is to say."""

    def watch_snapshot(self) -> None:
        """Find what there is to say."""
        self.alerts = tuple(wording.alerts(self.snapshot.view)) if self.snapshot else ()

    def watch_alerts(self) -> None:
        """Take up room only when there is something to say."""
        self.set_class(bool(self.alerts), "-some")
        self.styles.height = min(len(self.alerts), MOST)
        self.remake()

    def make_rows(self, width: int) -> tuple[Text | None, Sequence[Row]]:
        """A line for each."""
        rows = []
        for alert in self.alerts:
            status = alert.status
            index = WARNING if status is None else wording.STATUS_COLORS[status]
            head = "! warning" if status is None else wording.mark(status)
            line = Text.assemble((head, self.color(index) + BOLD), f"  {alert.sentence}")
            rows.append(Row(wording.shortened(line, width), key=alert.sentence))
        return None, rows

    def can_open(self, key: str) -> bool:
        """Whether the line is about a trial."""
        return bool(self.trial_of(key))

    def trial_of(self, sentence: str) -> str:
        """The trial that a line is about; nothing where it is about none."""
        found = [alert.trial for alert in self.alerts if alert.sentence == sentence]
        return found[0] if found else ""
