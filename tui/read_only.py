"""What a session that only watches can do: nothing but what is known to change nothing.

Every action of our screens and widgets is in one of the two lists, which a test sees to. One that
was forgotten does not work in such a session, whatever it does.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.actions import ActionParseResult
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message

from tui.messages import ChangeAsked

CHANGING = frozenset(
    {
        "answer",
        "clone",
        "delete",
        "document",
        "estimate",
        "kill",
        "new_experiment",
        "pause",
        "pause_all",
        "rerun",
        "retry",
        "save",
        "save_document",
        "set_rate",
        "start",
        "stop_all",
        "stop_trial",
    }
)
"""Actions that change an experiment or the files under the root, or lead to a question or a form
that does."""

LOOKING = frozenset(
    {
        "back",
        "clear",
        "compare",
        "copy_document",
        "end_replay",
        "end_search",
        "experiments",
        "filter",
        "filter_lines",
        "go",
        "help",
        "hide_cursor",
        "inside",
        "inside_view",
        "leave",
        "move",
        "move_cursor",
        "next_budget",
        "next_count",
        "next_match",
        "next_metric",
        "next_mode",
        "next_reading",
        "next_smoothing",
        "next_x",
        "open",
        "order",
        "page",
        "pan",
        "play",
        "quit",
        "replay",
        "reset_view",
        "reverse",
        "search",
        "set_baseline",
        "set_limit",
        "set_target",
        "shift",
        "show_metric",
        "show_nth_pane",
        "show_pane",
        "sort",
        "speed",
        "take",
        "toggle_highlight",
        "toggle_log",
        "toggle_members",
        "toggle_seeds",
        "zoom",
    }
)
"""Actions that change nothing but what is on this screen."""


class GuardedApp(App[str]):
    """An app that can be told to watch only.

    In a `read_only` session an action that is not known to change nothing is absent: its key, its
    place in the footer, the help and the palette. A message that asks for a change goes nowhere.
    """

    def __init__(self, *, read_only: bool = False) -> None:
        super().__init__()
        self.read_only = read_only

    @property
    def watches_only(self) -> bool:
        """Whether nothing can be changed from what is on the screen."""
        return self.read_only

    def _is_absent(self, target: DOMNode, name: str) -> bool:
        if name in LOOKING or not self.watches_only:
            return False
        # Textual's own actions move, scroll, select, copy and close.
        method = getattr(target, f"action_{name}", None) or getattr(target, f"_action_{name}", None)
        return not getattr(method, "__module__", "").startswith("textual.")

    def _check_action_state(self, action: str, default_namespace: DOMNode) -> bool | None:
        # The footer, the help and the palette show what Textual finds enabled here.
        target, name, _ = self._parse_action(action, default_namespace)
        if self._is_absent(target, name):
            return False
        return super()._check_action_state(action, default_namespace)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Perform an action, unless it is absent; whether it was performed."""
        target, name, _ = self._parse_action(action, default_namespace or self, namespaces)
        if self._is_absent(target, name):
            return False
        return await super().run_action(action, default_namespace, namespaces)

    def check_message_enabled(self, message: Message) -> bool:
        """Whether `message` may be sent to the app."""
        if isinstance(message, ChangeAsked) and self.watches_only:
            return False
        return super().check_message_enabled(message)
