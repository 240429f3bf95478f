"""A line to filter a list by, checked while it is typed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalGroup
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Label, Static

from experiments.query import All, Query, QueryError, parse

EXAMPLE = "model:gru status:failed length>100    or words of a name"


class FilterBar(VerticalGroup):
    """What is typed, what is wrong with it and where, and how many it leaves.

    It is shown while it is in use. Its last sound `query` stays in force while a new one is typed.
    """

    HELP = """
    # Filter

    Words, or conditions such as model:gru, status:failed, length>100, duration<2h,
    started>=2026-11-22; every setting of task, budget and protocol can be asked for. All of them
    must hold, unless or, not and parentheses say it otherwise. : means contains, = is exactly.
    What cannot be read is pointed at with ^, and the last sound filter stays in force.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "No filter", id="filter.clear", tooltip="Show all again"),
        Binding("enter,down", "leave", "To the list", id="filter.leave", tooltip="Go to the list"),
    ]

    DEFAULT_CSS = """
    FilterBar {
        display: none;
        &.-used { display: block; }
        Horizontal { height: 1; }
        #slash { width: 2; text-style: bold; }
        Input { width: 1fr; }
        #count { width: auto; padding: 0 1; color: $foreground 60%; }
        #where { color: $error; padding: 0 0 0 2; height: auto; display: none; }
        &.-wrong #where { display: block; }
    }
    """

    @dataclass
    class Changed(Message):
        """Another query is in force."""

        query: Query

    @dataclass
    class Left(Message):
        """The list is to have the keys."""

    settings: Collection[str] = ()
    """Fields that may be asked for besides those of every experiment."""
    count: reactive[str] = reactive("")
    """How many are left, in words."""
    problem: reactive[QueryError | None] = reactive(None)
    """What is wrong with what is typed."""

    def compose(self) -> ComposeResult:
        """The line, and the problem beneath."""
        with Horizontal():
            yield Label("/", id="slash")
            yield Input(placeholder=EXAMPLE, compact=True)
            yield Label(id="count", markup=False)
        yield Static(id="where", markup=False)

    @property
    def is_used(self) -> bool:
        """Whether there is a filter, or one is being typed."""
        return self.has_class("-used")

    def open(self) -> None:
        """Take the keys."""
        self.add_class("-used")
        self.query_one(Input).focus()

    def watch_count(self, count: str) -> None:
        """Show how many are left."""
        label = self.query_one("#count", Label)
        # A layout of the screen takes longer than all else that a letter asks for.
        label.update(count, layout=len(count) != len(str(label.content)))

    def watch_problem(self, problem: QueryError | None) -> None:
        """Point at what is wrong."""
        self.set_class(problem is not None, "-wrong")
        if problem is not None:
            room = max(self.size.width - 4, 20)
            said, at = str(problem), problem.position
            line = f"{' ' * at}^ {said}" if at + 2 + len(said) <= room else f"^ {said}"
            self.query_one("#where", Static).update(line)

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            query = parse(event.value, self.settings)
        except QueryError as error:
            self.problem = error
        else:
            self.problem = None
            self.post_message(self.Changed(query))

    @on(Input.Submitted)
    def action_leave(self) -> None:
        """Give the keys to the list; a filter that is empty goes away."""
        if not self.query_one(Input).value:
            self.remove_class("-used")
        self.post_message(self.Left())

    def action_clear(self) -> None:
        """Show all again."""
        self.query_one(Input).value = ""
        self.problem = None
        self.remove_class("-used")
        self.post_message(self.Changed(All()))
        self.post_message(self.Left())
