"""The experiments under the root, and how to begin one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import get_current_worker

from experiments.store import ExperimentFolder
from tui.follower import Lister, follow_list
from tui.messages import ExperimentChosen, ExperimentsListed
from tui.widgets.experiment_list import ExperimentList
from tui.widgets.key_footer import KeyFooter
from tui.widgets.leaderboard_table import LeaderboardTable, standings_title
from tui.widgets.row_list import RowList
from tui.widgets.verdict_line import VerdictLine

WELCOME = """\
[b]There is no experiment yet.[/b]

An experiment trains several models on one task, with several seeds each,
and says which one is better, at what cost, and whether the seeds were enough to tell.

Press [b]n[/b] to set one up here, or start one from the command line:

    [$primary]keras-seq run digits[/]
    [$primary]keras-seq run adding --models lstm,gru --seeds 3 --set task.length=100[/]
    [$primary]keras-seq list tasks[/]
"""


class ExperimentsScreen(Screen[None]):
    """History and beginning."""

    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="experiments.back", tooltip="Back to the dashboard"),
    ]

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def compose(self) -> ComposeResult:
        """The list, or what to do without one."""
        yield Static(f"[b]keras-seq[/b]  experiments in {self._root}", id="title")
        with Container(id="experiments", classes="pane"):
            yield ExperimentList()
            yield Static(WELCOME, id="welcome")
        with Vertical(id="standings", classes="pane"):
            yield LeaderboardTable()
            yield VerdictLine()
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin reading once there is something to see."""
        self.query_one("#experiments").border_title = "Experiments"
        self.query_one(ExperimentList).focus()
        self.call_after_refresh(self._follow_list)

    @work(thread=True, exclusive=True, group="list")
    def _follow_list(self) -> None:
        follow_list(Lister(self._root), self.post_message, get_current_worker().cancelled_event)

    @on(ExperimentsListed)
    def _on_listed(self, message: ExperimentsListed) -> None:
        self.query_one(ExperimentList).listed = message
        self.set_class(not message.entries, "-empty")
        self._show_chosen()

    @on(RowList.Highlighted, "ExperimentList")
    def _show_chosen(self) -> None:
        """How the experiment under the cursor stands."""
        chosen = self.query_one(ExperimentList)
        entries = chosen.listed.entries if chosen.listed else ()
        found = [entry.snapshot for entry in entries if entry.folder.name == chosen.key]
        snapshot = found[0] if found else None
        pane = self.query_one("#standings")
        pane.display = snapshot is not None
        if snapshot is not None:
            pane.border_title = standings_title(snapshot)
            self.query_one(LeaderboardTable).snapshot = snapshot
            self.query_one(VerdictLine).snapshot = snapshot

    @on(RowList.Opened, "ExperimentList")
    def _on_opened(self, event: RowList.Opened) -> None:
        self.post_message(ExperimentChosen(ExperimentFolder(self._root / event.key)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is a way back only to another screen; the lowest one is empty."""
        return action != "back" or len(self.app.screen_stack) > 2

    def action_back(self) -> None:
        """Back to the dashboard."""
        self.dismiss()
