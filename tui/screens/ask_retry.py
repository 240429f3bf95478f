"""Asks from where trials shall be tried again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from experiments.trial_view import TrialView
from tui import wording
from tui.widgets.key_footer import KeyFooter


class AskRetry(ModalScreen["AskRetry.Answer | None"]):
    """From the checkpoint, from there at half the learning rate, or from the first step."""

    class Answer(NamedTuple):
        """How to try again."""

        is_anew: bool
        rate: str | None = None

    AUTO_FOCUS = "#checkpoint"
    """The way that loses nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "c", "answer('checkpoint')", "Checkpoint", id="retry.checkpoint",
            tooltip="Go on from the checkpoint",
        ),
        Binding(
            "h", "answer('half')", "Half", id="retry.half",
            tooltip="Go on from the checkpoint at half the learning rate",
        ),
        Binding(
            "f", "answer('first')", "First step", id="retry.first",
            tooltip="Begin again from the first step",
        ),
        Binding("escape", "dismiss(None)", "Leave", id="retry.leave", tooltip="Leave it"),
    ]  # fmt: skip

    def __init__(self, trials: Sequence[TrialView]) -> None:
        super().__init__()
        self._trials = trials

    def compose(self) -> ComposeResult:
        """What has happened, and a button for each way; keys."""
        with Vertical(classes="dialog"):
            whose = wording.name_or_number(self._trials)
            yield Label(f"Try {whose} again?", classes="title", markup=False)
            yield Label(self._situation(), markup=False)
            with Vertical(classes="buttons"):
                yield Button(
                    "From the checkpoint (c)", variant="primary", id="checkpoint", compact=True
                )
                yield Button("From there at half the learning rate (h)", id="half", compact=True)
                yield Button("From the first step (f)", id="first", compact=True)
        yield KeyFooter()

    def _situation(self) -> str:
        saved = [trial.saved_at for trial in self._trials if trial.saved_at is not None]
        if not saved:
            return "There is no checkpoint: each way begins from the first step."
        if len(self._trials) == 1:
            return f"The checkpoint is after step {saved[0]} of {self._trials[0].step}."
        return f"{len(saved)} of them have a checkpoint; the others begin from the first step."

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id or "")

    def action_answer(self, way: str) -> None:
        """Take one of the ways."""
        self.dismiss(self.Answer(way == "first", "x0.5" if way == "half" else None))
