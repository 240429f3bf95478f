"""Asks before every open trial is stopped."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from tui import wording


class StopAll(ModalScreen[bool]):
    """The question, and True where the answer is yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Stop them", id="stop_all.yes", tooltip="Stop all"),
        Binding("n,escape", "dismiss(False)", "Go on", id="stop_all.no", tooltip="Stop none"),
    ]

    def __init__(self, trials: int) -> None:
        super().__init__()
        self._trials = trials

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        with Vertical(classes="dialog"):
            yield Label(f"Stop {wording.plural(self._trials, 'open trial')}?", classes="title")
            yield Label("What was measured so far is kept. A stopped trial is not tested.")
            with Horizontal(classes="buttons"):
                yield Button("Stop all (y)", variant="error", id="yes")
                yield Button("Go on (n)", variant="primary", id="no")

    def on_mount(self) -> None:
        """The harmless answer is chosen first."""
        self.query_one("#no").focus()

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
