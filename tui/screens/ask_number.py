"""Asks for a number."""

from __future__ import annotations

import math
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from tui.widgets.key_footer import KeyFooter

Answer = tuple[float | None]
"""The number, or None where nothing was typed."""


class AskNumber(ModalScreen[Answer | None]):
    """A question; dismissed with an answer, or with None when a person went away.

    Args:
        question: What is asked.
        otherwise: What holds where nothing is typed.
        value: The number so far, if any.
        is_positive: Whether it has to be above 0.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Set", id="ask.take", tooltip="Take what is typed", priority=True),
        Binding("escape", "dismiss(None)", "Leave", id="ask.leave", tooltip="Change nothing"),
    ]

    def __init__(
        self, question: str, otherwise: str, value: float | None, *, is_positive: bool = False
    ) -> None:
        super().__init__()
        self._question = question
        self._otherwise = otherwise
        self._value = value
        self._is_positive = is_positive

    def compose(self) -> ComposeResult:
        """The question, a field, and what is wrong with what stands in it, keys."""
        with Vertical(classes="dialog"):
            yield Label(self._question, classes="title")
            yield Input("" if self._value is None else f"{self._value:g}")
            yield Label(self._otherwise)
            yield Label("", id="problem", markup=False)
        yield KeyFooter()

    @on(Input.Changed)
    def _on_changed(self) -> None:
        self.query_one("#problem", Label).update("")

    def action_take(self) -> None:
        """Take what is typed, or say what is wrong with it."""
        text = self.query_one(Input).value.strip()
        if not text:
            self.dismiss((None,))
            return
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and (value > 0 or not self._is_positive):
            self.dismiss((value,))
            return
        expected = "a number above 0" if self._is_positive else "a number"
        problem = f"Expected {expected}, such as 4000 or 1e12. Received: {text}"
        self.query_one("#problem", Label).update(problem)
