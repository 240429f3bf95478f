"""Asks for another learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from experiments.errors import RequestError
from experiments.steering import new_rate
from experiments.trial_view import TrialView
from tui import wording
from tui.widgets.key_footer import KeyFooter


class AskRate(ModalScreen[str | None]):
    """A learning rate or a factor, as `steering.new_rate` takes it; None changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "answer", "Set", id="rate.answer", tooltip="Take what is typed", priority=True
        ),
        Binding("escape", "dismiss(None)", "Leave", id="rate.leave", tooltip="Change nothing"),
    ]

    def __init__(self, trials: Sequence[TrialView]) -> None:
        super().__init__()
        self._trials = trials

    def compose(self) -> ComposeResult:
        """The question, a field, and what comes of what stands in it, keys."""
        with Vertical(classes="dialog"):
            whose = wording.name_or_number(self._trials)
            yield Label(f"Learning rate of {whose}", classes="title", markup=False)
            yield Input(placeholder="0.0005, or x0.5 for half")
            yield Label("The comparison's warnings will tell of it.")
            yield Label("", id="outcome", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Say what it is now."""
        self._say("")

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        self._say(event.value)

    def _say(self, text: str) -> None:
        present = sorted({trial.learning_rate for trial in self._trials})
        said = ", ".join(f"{rate:g}" for rate in present)
        try:
            new = sorted({new_rate(text, rate) for rate in present})
            said += " → " + ", ".join(f"{rate:g}" for rate in new)
        except RequestError:
            pass  # while somebody types; it is told when they are done
        self.query_one("#outcome", Label).update(said)

    def action_answer(self) -> None:
        """Take what is typed, or say what is wrong with it."""
        value = self.query_one(Input).value
        try:
            new_rate(value, 1.0)
        except RequestError as error:
            self.query_one("#outcome", Label).update(str(error))
        else:
            self.dismiss(value)
