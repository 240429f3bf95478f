"""Asks before every open trial is stopped."""

from __future__ import annotations

from tui import wording
from tui.screens.question import Question


class StopAll(Question):
    """The question, and True where the answer is yes."""

    def __init__(self, trials: int) -> None:
        super().__init__(
            f"Stop {wording.plural(trials, 'open trial')}?",
            "What was measured so far is kept. A stopped trial is not tested.",
            "Stop all",
            "Go on",
        )
