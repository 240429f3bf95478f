"""The dashboard's application: screens, keys, theme, and what reaches beyond the screen.

A screen is imported where it is opened: each takes 10 to 40 ms, and most sessions do without most.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import get_current_worker

from experiments.store import ExperimentFolder
from tui import messages
from tui.graphics import Graphics
from tui.painting_app import PaintingApp
from tui.playback import Playback
from tui.plot_options import PlotOptions
from tui.pulse import Pulse
from tui.replayer import ReplayingApp, ReplayReader
from tui.screens.experiments import ExperimentsScreen
from tui.screens.key_screen import KeyScreen
from tui.screens.too_small import cover
from tui.steering_app import SteeringApp
from tui.themed_app import ThemedApp

if TYPE_CHECKING:
    from tui.follower import Follower
    from tui.screens.dashboard import DashboardScreen


def _commands() -> type:
    # Textual imports providers when the palette opens; so does this.
    from tui.screens.command_palette import Commands

    return Commands


TERMINAL_SECONDS = 5.0
"""How often it is made sure that there still is a terminal."""


def has_terminal() -> bool:
    """Whether somebody can press keys: not in a browser, and not once the terminal is gone."""
    return sys.__stdin__ is not None and sys.__stdin__.isatty()


class KerasSeqApp(PaintingApp, SteeringApp, ThemedApp, ReplayingApp):
    """Shows the experiments under `root`; opens on `experiment` where one is named.

    A `read_only` one can change none of them; a `keymap` gives bindings other keys; a `theme_file`
    keeps the theme from one session to the next, which a `read_only` one only looks up; with
    `graphics` maps are of pixels. `run` returns the name of the experiment that was last on screen,
    if any.
    """

    TITLE = "keras-seq"
    CSS_PATH = "app.tcss"
    COMMANDS = App.COMMANDS | {_commands}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n", "new_experiment", "New", id="app.new", tooltip="Set up and start an experiment"
        ),
        Binding(
            "e", "experiments", "List", id="app.experiments", tooltip="List all experiments"
        ),
        Binding(
            "question_mark,f1", "help", "Help", id="app.help",
            tooltip="What the keys do and what the signs mean",
        ),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Leave; training goes on"),
    ]  # fmt: skip

    # As with `snapshot`, what is bound to it draws itself.
    pulse: reactive[Pulse | None] = reactive(None, repaint=False)
    """The time and the machine's load."""

    def __init__(
        self,
        root: Path,
        experiment: str | None = None,
        *,
        read_only: bool = False,
        keymap: Mapping[str, str] | None = None,
        theme_file: Path | None = None,
        graphics: Graphics | None = None,
    ) -> None:
        super().__init__(read_only=read_only)
        self.set_reactive(KerasSeqApp.options, PlotOptions(graphics=graphics))
        self.set_keymap(keymap or {})
        self.root = root
        self._folder = ExperimentFolder(root / experiment) if experiment else None
        self._follower: Follower | None = None
        self._is_starting = False  # but for `run`, which is a process of its own
        self._is_list_new = True
        self.begin_theme(theme_file)

    def on_mount(self) -> None:
        """Open the experiment that was asked for, or the list of all of them."""
        if self._is_starting and has_terminal():
            self.set_interval(TERMINAL_SECONDS, self._leave_without_terminal)
        if self._folder is None:
            self.push_screen(ExperimentsScreen(self.root))
        else:
            self.push_screen(self._dashboard(self._folder))
            # Reading begins once the first picture is on the screen.
            self.call_after_refresh(self._follow, self._folder)
        self.call_after_refresh(cover, self, self.size)

    @on(events.Resize)
    def _on_another_size(self, event: events.Resize) -> None:
        if len(self.screen_stack) > 1:  # else what is to be covered comes only now
            cover(self, event.size)

    def _leave_without_terminal(self) -> None:
        # One that is gone without a hang-up signal is asked for keys without end.
        if not has_terminal():
            self.exit()

    def run(self, **options: Any) -> str | None:
        """Run until a person leaves; an error of ours is raised here, for the caller to say."""
        self._is_starting = True
        name = super().run(**options)
        if self._exception is not None:
            raise self._exception
        return name

    def _fatal_error(self) -> None:
        # Textual would print the traceback with all local values.
        self._close_messages_no_wait()

    def _dashboard(self, folder: ExperimentFolder) -> DashboardScreen:
        from tui.screens.dashboard import DashboardScreen

        screen = DashboardScreen(folder.name)
        screen.data_bind(KerasSeqApp.snapshot, KerasSeqApp.pulse, KerasSeqApp.options)
        return screen.data_bind(KerasSeqApp.playback)

    @work(thread=True, exclusive=True, group="follow")
    def _follow(self, folder: ExperimentFolder, reader: ReplayReader | None = None) -> None:
        from tui.follower import Follower, follow

        self._follower = Follower(folder, reader)
        follow(self._follower, self.post_message, get_current_worker().cancelled_event)

    @on(messages.SnapshotTaken)
    def _on_snapshot(self, message: messages.SnapshotTaken) -> None:
        # One of the experiment before may still be under way.
        if message.snapshot.folder == self._folder:
            self.snapshot = message.snapshot
            if self._is_starting:
                self._is_starting = False
                self._settle()

    @on(messages.ExperimentsListed)
    def _on_listed(self) -> None:
        if self._is_starting and self._is_list_new:
            self._is_list_new = False
            self._settle()

    def _settle(self) -> None:
        # What is imported by now stays. To look for garbage in it takes 80 ms at a time, in the
        # middle of a tick or of a word that is typed.
        self.call_after_refresh(gc.freeze)

    @on(messages.PulseTaken)
    def _on_pulse(self, message: messages.PulseTaken) -> None:
        self.pulse = message.pulse
        self._set_clock(self.playback)

    def _set_clock(self, playback: Playback | None) -> None:
        """In a replay all clocks show its time."""
        if self.pulse is not None and playback is not None:
            self.pulse = replace(self.pulse, time=playback.time)

    def watch_playback(self, before: Playback | None, after: Playback | None) -> None:
        """Show another time."""
        super().watch_playback(before, after)
        self._set_clock(after)

    @on(messages.ReadingFailed)
    def _on_reading_failed(self, message: messages.ReadingFailed) -> None:
        self.notify(message.problem, severity="error", timeout=20, markup=False)

    @on(messages.CurvesWanted)
    def _on_curves(self, message: messages.CurvesWanted) -> None:
        if self._follower is not None:
            self._follower.request = message.request

    @on(messages.OptionsChosen)
    def _on_options(self, message: messages.OptionsChosen) -> None:
        self.options = message.options

    @on(messages.ComparisonChosen)
    def _on_compare(self) -> None:
        from tui.screens.compare import CompareScreen

        if self._folder is not None:
            screen = CompareScreen(self._folder.name)
            self.push_screen(
                screen.data_bind(KerasSeqApp.snapshot, KerasSeqApp.pulse, KerasSeqApp.options)
            )

    @on(messages.QuestionChosen)
    def _on_comparison(self, message: messages.QuestionChosen) -> None:
        if self._follower is not None:
            self._follower.question = message.question

    @on(messages.TrialChosen)
    def _on_trial(self, message: messages.TrialChosen) -> None:
        if self._folder is not None:
            from tui.screens.trial import TrialScreen

            screen = TrialScreen(self._folder, message.trial)
            screen.data_bind(KerasSeqApp.snapshot, KerasSeqApp.pulse, KerasSeqApp.options)
            self.push_screen(screen.data_bind(KerasSeqApp.playback))

    @on(messages.ExperimentChosen)
    async def _on_experiment(self, message: messages.ExperimentChosen) -> None:
        """Show it in place of whatever is on screen."""
        self.end_replay()
        await self._show_experiment(message.folder)
        self._follow(message.folder)

    async def _show_experiment(self, folder: ExperimentFolder) -> None:
        self._folder, self.snapshot = folder, None
        # What was chosen among the measurements of one experiment another may lack.
        self.options = replace(self.options, chosen={})
        await self._show_alone(self._dashboard(folder))

    @on(messages.ReplayChosen)
    async def _on_replay(self, message: messages.ReplayChosen) -> None:
        """Show how it came about, on the screen that shows it or on its dashboard."""
        if not self.shows_one or message.folder != self._folder:
            await self._show_experiment(message.folder)
        self._follow(message.folder, self.new_replay(message.folder))

    @on(messages.ReplayEnded)
    def _on_replay_ended(self) -> None:
        if self._folder is not None:
            self.end_replay()
            self._follow(self._folder)

    @on(messages.ExperimentDeleted)
    async def _on_deleted(self, message: messages.ExperimentDeleted) -> None:
        """Leave the dashboard of an experiment that is no more."""
        if message.folder == self._folder:
            self.end_replay()
            self.workers.cancel_group(self, "follow")
            self._folder = self.snapshot = None
            await self._show_alone(ExperimentsScreen(self.root))

    async def _show_alone(self, screen: Screen[None]) -> None:
        # The first screen is an empty one, so that every other can be taken away.
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(screen)
        cover(self, self.size)

    @on(messages.LaunchFailed)
    def _on_launch_failed(self, message: messages.LaunchFailed) -> None:
        from tui.screens.new_experiment import NewExperiment

        self.notify(message.problem, severity="error", timeout=20, markup=False)
        for screen in self.screen_stack:  # its help may be over it
            if isinstance(screen, NewExperiment):
                screen.launch_failed(message)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing opens twice, and nothing opens over a question."""
        if action == "help":
            return self.screen.HELP is not None
        if action in ("new_experiment", "experiments"):
            return isinstance(self.screen, KeyScreen) and (
                self.shows_one or action == "new_experiment"
            )
        return True

    def action_new_experiment(self) -> None:
        """Show the form."""
        from tui.screens.new_experiment import NewExperiment

        self.push_screen(NewExperiment())

    def action_experiments(self) -> None:
        """List all experiments on top of the one on screen."""
        self.push_screen(ExperimentsScreen(self.root))

    def action_help(self) -> None:
        """Explain the focused widget and the screen around it."""
        from tui.screens.help import HelpScreen, explained

        self.push_screen(HelpScreen(explained(self.screen)))

    async def action_quit(self) -> None:
        """Leave, and say that training goes on where it does."""
        view = self.snapshot.view if self.snapshot else None
        message = ""
        if view is not None and not view.is_finished and self.playback is None:
            message = (
                f"{view.name} goes on training. Watch it: keras-seq attach {view.name}. "
                f"End it: keras-seq stop {view.name}."
            )
        self.exit(self._folder.name if self._folder else None, message=message)
