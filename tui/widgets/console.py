"""The console log with a search."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Input, Static

from tui.widgets.console_log import ConsoleLog


class Console(Vertical):
    """The log, and beneath it a line for the text to search for while there is one."""

    HELP = """
    # Console

    The end of what the trial printed, followed unless scrolled back. A search marks its matches;
    the line of the match that was gone to is bold and underlined.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n", "next_match(1)", "Next match", id="console.next", tooltip="The next match"
        ),
        Binding(
            "N", "next_match(-1)", "Previous match", id="console.previous",
            tooltip="The match before",
        ),
        Binding(
            "f", "filter_lines", "Filter", id="console.filter",
            tooltip="Leave out lines without a match, or show them again",
        ),
        Binding(
            "escape", "end_search", "End search", id="console.end_search",
            tooltip="Show the console without a search again",
        ),
    ]  # fmt: skip

    DEFAULT_CSS = """
    Console {
        #search { height: 1; display: none; }
        &.-searching #search { display: block; }
        #wanted { width: 1fr; border: none; height: 1; padding: 0; background: $panel; }
        #matches { width: auto; padding: 0 1; background: $panel; }
    }
    """

    is_searching: reactive[bool] = reactive(False)
    """Whether there is a line to search with."""

    def compose(self) -> ComposeResult:
        """The log, the line for a search."""
        yield ConsoleLog()
        with Horizontal(id="search"):
            yield Input(id="wanted", placeholder="search the console", compact=True)
            yield Static(id="matches")

    def watch_is_searching(self) -> None:
        """Show the line, or take the search back."""
        self.set_class(self.is_searching, "-searching")
        if not self.is_searching:
            wanted, log = self.query_one(Input), self.query_one(ConsoleLog)
            wanted.value = log.wanted = ""
            log.only_matching = False
        self.refresh_bindings()

    def search(self) -> None:
        """Begin, or write another text to search for."""
        self.is_searching = True
        self.call_after_refresh(self.query_one(Input).focus)

    @on(Input.Changed)
    def _on_wanted(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(ConsoleLog).wanted = event.value
        self.tell_matches()

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(ConsoleLog).focus()

    def tell_matches(self) -> None:
        """Say how many lines match and which one is shown."""
        log = self.query_one(ConsoleLog)
        lines = log.matching_lines()
        at = f"{lines.index(log.match) + 1} of " if log.match in lines else ""
        told = f"{at}{len(lines)} {'line' if len(lines) == 1 else 'lines'}"
        filtered = ", the others left out" if log.only_matching else ""
        self.query_one("#matches", Static).update(told + filtered if log.wanted else "")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of a search work while there is one; those that are letters, not while writing."""
        return action not in ("next_match", "filter_lines", "end_search") or self.is_searching

    def action_next_match(self, places: int) -> None:
        """Go to the next match (1) or the one before (-1)."""
        self.query_one(ConsoleLog).go_to_match(places)
        self.tell_matches()

    def action_filter_lines(self) -> None:
        """Leave out lines without a match, or show all again."""
        log = self.query_one(ConsoleLog)
        log.only_matching = not log.only_matching
        self.tell_matches()

    def action_end_search(self) -> None:
        """Take the search back."""
        self.is_searching = False
        self.query_one(ConsoleLog).focus()
