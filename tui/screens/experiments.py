"""The experiments under the root: find one, open it, take it away, do it again; or begin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static
from textual.worker import get_current_worker

from experiments.digest import setting_names
from experiments.errors import KerasSeqError
from experiments.history import Entry, History
from experiments.store import ExperimentFolder, free_name
from tui import wording
from tui.lister import Lister, follow_list, follow_standings
from tui.messages import (
    ExperimentChosen,
    ExperimentDeleted,
    ExperimentsListed,
    LaunchAsked,
    ReplayChosen,
    StandingsRead,
)
from tui.read_only import GuardedApp
from tui.screens.key_screen import KeyScreen
from tui.screens.question import Question
from tui.widgets.experiment_list import ExperimentList
from tui.widgets.filter_bar import FilterBar
from tui.widgets.key_footer import KeyFooter
from tui.widgets.leaderboard_table import LeaderboardTable, standings_title
from tui.widgets.row_list import RowList
from tui.widgets.titled import entitle
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


class ExperimentsScreen(KeyScreen):
    """History and beginning."""

    HELP = """
    # History

    All experiments under the root, and the standings of the one under the cursor.
    """

    AUTO_FOCUS = "ExperimentList"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="experiments.back", tooltip="Back to the dashboard"),
        Binding(
            "slash", "filter", "Filter", key_display="/", id="experiments.filter",
            tooltip="Show some of the experiments: model:gru status:failed length>100",
        ),
        Binding(
            "o", "order", "Sort", id="experiments.order",
            tooltip="Sort by the next column; a click on a heading sorts by it",
        ),
        Binding(
            "O", "reverse", "Reverse", show=False, id="experiments.reverse",
            tooltip="Sort the other way round",
        ),
        Binding("d", "delete", "Delete", id="experiments.delete", tooltip="Delete all its files"),
        Binding(
            "r", "rerun", "Rerun", id="experiments.rerun",
            tooltip="Train the same once more, under the next free name",
        ),
        Binding(
            "t", "replay", "Replay", id="experiments.replay",
            tooltip="See how a finished experiment came about",
        ),
        Binding(
            "y", "clone", "Clone", id="experiments.clone",
            tooltip="Set up another one like it, with changes",
        ),
    ]  # fmt: skip

    CHANGING = tuple(
        (action, ()) for action in ("back", "filter", "delete", "replay", "rerun", "clone")
    )

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        # A session that watches only leaves no file behind.
        is_guarded = isinstance(self.app, GuardedApp) and self.app.read_only
        self._lister = Lister(History(root, writes_index=not is_guarded))
        self._standings_of: str | None = None

    def compose(self) -> ComposeResult:
        """The list, or what to do without one."""
        yield Static(f"[b]keras-seq[/b]  experiments in {self._root}", id="title")
        with Container(id="experiments", classes="pane") as experiments:
            experiments.border_title = "Experiments"
            yield FilterBar()
            yield ExperimentList()
            yield Static(WELCOME, id="welcome")
        with Vertical(id="standings", classes="pane") as standings:
            standings.display = False
            yield LeaderboardTable()
            yield VerdictLine()
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin reading once there is something to see."""
        self.call_after_refresh(self._follow_list)

    @work(thread=True, exclusive=True, group="list")
    def _follow_list(self) -> None:
        follow_list(self._lister, self.post_message, get_current_worker().cancelled_event)

    @work(thread=True, exclusive=True, group="standings")
    def _follow_standings(self, folder: ExperimentFolder) -> None:
        follow_standings(folder, self.post_message, get_current_worker().cancelled_event)

    @on(ExperimentsListed)
    def _on_listed(self, message: ExperimentsListed) -> None:
        self.query_one(ExperimentList).listed = message
        if self.query_one(FilterBar).is_used:
            self._know_settings()
        self.set_class(not message.entries, "-empty")
        self._show_shown()

    def _know_settings(self) -> None:
        """What a filter may ask for: that of all our tasks is known only once they are imported."""
        listed = self.query_one(ExperimentList).listed
        found = [entry.digest for entry in listed.entries if entry.digest] if listed else ()
        self.query_one(FilterBar).settings = setting_names(found)

    def _show_shown(self) -> None:
        """Say how many there are; read first what is on the screen."""
        listed = self.query_one(ExperimentList)
        total = len(listed.listed.entries) if listed.listed else 0
        shown = len(listed.shown)
        said = f"{shown} of {total}" if shown < total else wording.plural(total, "experiment")
        self.query_one(FilterBar).count = said
        order = listed.order
        by = order.heading or ("newest first" if order.falling else "oldest first")
        title = f"Experiments ({said}, {by})" if total else "Experiments"
        entitle(self.query_one("#experiments"), title)
        self._lister.visible = listed.visible_names
        self._show_chosen()

    @on(FilterBar.Changed)
    def _on_filter(self, message: FilterBar.Changed) -> None:
        self.query_one(ExperimentList).matching = message.query
        self._show_shown()

    @on(FilterBar.Left)
    def _on_filter_left(self) -> None:
        self.query_one(ExperimentList).focus()

    @on(ExperimentList.Reordered)
    def _on_reordered(self, message: ExperimentList.Reordered) -> None:
        self.query_one(ExperimentList).order = message.order
        self._show_shown()

    @on(RowList.Highlighted, "ExperimentList")
    def _show_chosen(self) -> None:
        """How the experiment under the cursor stands."""
        entry = self._entry
        name = entry.name if entry and entry.digest else None
        self._lister.visible = self.query_one(ExperimentList).visible_names
        if name != self._standings_of:
            self._standings_of = name
            self.workers.cancel_group(self, "standings")
            if entry and name:
                self._follow_standings(entry.folder)
            else:
                self.query_one("#standings").display = False
        self.refresh_keys()

    @on(StandingsRead)
    def _on_standings(self, message: StandingsRead) -> None:
        if message.snapshot.folder.name != self._standings_of:
            return
        pane = self.query_one("#standings")
        pane.display = True
        entitle(pane, standings_title(message.snapshot))
        self.query_one(LeaderboardTable).snapshot = message.snapshot
        self.query_one(VerdictLine).snapshot = message.snapshot

    @on(RowList.Opened, "ExperimentList")
    def _on_opened(self, event: RowList.Opened) -> None:
        self.post_message(ExperimentChosen(ExperimentFolder(self._root / event.key)))

    @property
    def _entry(self) -> Entry | None:
        """The experiment under the cursor."""
        return self.query_one(ExperimentList).entry if self.is_mounted else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys work only while there is something for them to act on."""
        entry = self._entry
        match action:
            case "back":  # only to another screen; the lowest one is empty
                return len(self.app.screen_stack) > 2
            case "filter":
                # While somebody types there, it is a letter.
                is_typing = self.is_mounted and self.query_one(FilterBar).has_focus_within
                return self.is_mounted and not self.has_class("-empty") and not is_typing
            case "order" | "reverse":
                return self.is_mounted and not self.has_class("-empty")
            case "delete":
                return entry is not None and (bool(entry.problem) or not _is_open(entry))
            case "replay":
                return entry is not None and entry.digest is not None and not _is_open(entry)
            case "rerun" | "clone":
                return entry is not None and entry.digest is not None
        return True

    def action_back(self) -> None:
        """Back to the dashboard."""
        self.dismiss()

    def action_filter(self) -> None:
        """Type what to show."""
        self._know_settings()
        self.query_one(FilterBar).open()

    def action_order(self) -> None:
        """Sort by the next column."""
        listed = self.query_one(ExperimentList)
        listed.order = listed.order.next()
        self._show_shown()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        listed = self.query_one(ExperimentList)
        listed.order = listed.order.by(listed.order.heading)
        self._show_shown()

    def action_delete(self) -> None:
        """Take the experiment away, once confirmed."""
        entry = self._entry
        if entry is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._delete(entry.folder)

        self.app.push_screen(
            Question(
                f"Delete {entry.name}?",
                f"Everything in {entry.folder.path} goes. It cannot be brought back.",
                "Delete",
                "Keep",
            ),
            answered,
        )

    @work(thread=True, group="delete")
    def _delete(self, folder: ExperimentFolder) -> None:
        from experiments.deletion import delete  # needed by few

        try:
            delete(folder)
        except KerasSeqError as error:
            self.notify(str(error), severity="error", timeout=20, markup=False)
        else:
            self.notify(f"Deleted {folder.name}.", markup=False)
            self.app.post_message(ExperimentDeleted(folder))
        self._follow_list()

    def action_rerun(self) -> None:
        """Train the same once more, once confirmed."""
        entry = self._entry
        if entry is None or entry.digest is None:
            return
        name = free_name(self._root, entry.name)

        def answered(sure: bool | None) -> None:
            if sure:
                self._rerun(entry.folder, name)

        digest = entry.digest
        steps = digest.settings["budget"]["steps"]
        self.app.push_screen(
            Question(
                f"Run {entry.name} again, as {name}?",
                f"{wording.plural(digest.trials, 'trial')} of {steps:,} steps on {digest.task}.",
                "Start",
                "Leave it",
            ),
            answered,
        )

    @work(thread=True, group="rerun")
    def _rerun(self, folder: ExperimentFolder, name: str) -> None:
        try:
            config = folder.read_config()
        except KerasSeqError as error:
            self.notify(str(error), severity="error", timeout=20, markup=False)
            return
        self.app.post_message(LaunchAsked(replace(config, name=name)))

    def action_replay(self) -> None:
        """See how it came about."""
        if self._entry is not None:
            self.post_message(ReplayChosen(self._entry.folder))

    def action_clone(self) -> None:
        """Open the form, filled in as this experiment was."""
        # Its widgets take 30 ms to import, and most sessions do without.
        from tui.screens.new_experiment import NewExperiment

        if self._entry is not None:
            self.app.push_screen(NewExperiment(self._entry.folder))


def _is_open(entry: Entry) -> bool:
    return entry.digest is None or not entry.digest.status.is_finished
