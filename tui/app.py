"""The dashboard's application: screens, keys, theme, and what happens outside the screen."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import get_current_worker

from experiments.store import ExperimentFolder
from tui import messages
from tui.follower import Follower, Pulse, Snapshot, follow
from tui.screens.dashboard import DashboardScreen

THEME = Theme(
    name="keras-seq",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#56b4e9",
    success="#00b284",
    warning="#e69f00",
    error="#f06228",
    foreground="#d8dee6",
    background="#0e1116",
    surface="#151a21",
    panel="#1c232d",
    dark=True,
    variables={"border": "#39434f", "border-blurred": "#2a323c"},
)


class KerasSeqApp(App[None]):
    """Shows experiments under `root`; opens on `experiment` where one is named."""

    TITLE = "keras-seq"
    CSS_PATH = "app.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Leave; training goes on"),
    ]

    snapshot: reactive[Snapshot | None] = reactive(None)
    """The experiment on screen."""
    pulse: reactive[Pulse | None] = reactive(None)
    """The time and the machine's load."""

    def __init__(self, root: Path, experiment: str | None = None) -> None:
        super().__init__()
        self.root = root
        self._experiment = experiment
        self._follower: Follower | None = None
        self._supervisors: list[subprocess.Popen[bytes]] = []
        self.register_theme(THEME)
        self.theme = THEME.name

    def get_default_screen(self) -> Screen[None]:
        """The experiment that was asked for."""
        name = self._experiment or ""
        return DashboardScreen(name).data_bind(KerasSeqApp.snapshot, KerasSeqApp.pulse)

    def on_mount(self) -> None:
        """Begin reading once the first picture is on the screen."""
        if self._experiment:
            folder = ExperimentFolder(self.root / self._experiment)
            self.call_after_refresh(self._follow, folder)

    @work(thread=True, exclusive=True, group="follow")
    def _follow(self, folder: ExperimentFolder) -> None:
        self._follower = Follower(folder)
        follow(self._follower, self.post_message, get_current_worker().cancelled_event)

    @on(messages.SnapshotTaken)
    def _on_snapshot(self, message: messages.SnapshotTaken) -> None:
        self.snapshot = message.snapshot

    @on(messages.PulseTaken)
    def _on_pulse(self, message: messages.PulseTaken) -> None:
        self.pulse = message.pulse
