"""A setting in a form: its name, its value, what it means, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalGroup
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Label, Select, Static


class Field(VerticalGroup):
    """A line of a form, and a second one while something is wrong.

    Args:
        key: What errors call it, such as `task.length`.
        value: What stands in it at first.
        doc: What it means.
        placeholder: What holds while nothing stands in it.
        choices: The values to choose from; any text where there are none.
        id: The id of the input.
    """

    DEFAULT_CSS = """
    Field {
        .field-line { height: auto; }
        .field-line > Label { width: 18; }
        .field-line > Input, .field-line > Select { width: 20; }
        .field-line > .doc { width: 1fr; height: auto; padding: 0 1; color: $foreground 60%; }
        .field-problem { display: none; height: auto; padding: 0 0 0 2; color: $error; }
        &.-wrong .field-problem { display: block; }
        &.-wrong Input { color: $error; text-style: bold underline; }
        &.-wrong .field-line > Label { color: $error; }
    }
    """

    @dataclass
    class Changed(Message):
        """Another value stands in it."""

        field: Field

    problem: reactive[str] = reactive("")
    """What is wrong with the value."""

    def __init__(
        self,
        key: str,
        value: str = "",
        doc: str = "",
        placeholder: str = "",
        choices: Sequence[str] = (),
        id: str | None = None,
    ) -> None:
        super().__init__()
        self.key = key
        self.default = value
        self._doc, self._placeholder, self._choices = doc, placeholder, choices
        self._input_id = id

    def compose(self) -> ComposeResult:
        """Name, value and meaning side by side, the problem beneath."""
        with Horizontal(classes="field-line"):
            yield Label(self.key.rpartition(".")[2])
            if self._choices:
                options = [(choice, choice) for choice in self._choices]
                # Without a value it is the placeholder's that holds.
                chosen = self.default or Select.NULL
                yield Select(
                    options,
                    value=chosen,
                    prompt=self._placeholder,
                    allow_blank=not self.default,
                    compact=True,
                    id=self._input_id,
                )
            else:
                yield Input(
                    self.default, placeholder=self._placeholder, compact=True, id=self._input_id
                )
            yield Label(self._doc, classes="doc", markup=False)
        yield Static(classes="field-problem", markup=False)

    @property
    def value(self) -> str:
        """What stands in it."""
        if self._choices:
            value = self.query_one(Select).value
            return "" if value is Select.NULL else str(value)
        return self.query_one(Input).value.strip()

    def watch_problem(self, problem: str) -> None:
        """Say it beneath."""
        self.set_class(bool(problem), "-wrong")
        if problem:
            self.query_one(".field-problem", Static).update(f"✗ {problem}")

    @on(Input.Changed)
    @on(Select.Changed)
    def _on_changed(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed(self))
