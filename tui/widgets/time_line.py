"""The time of a replay: a line to move along, play, and leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import localtime, strftime
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.formatting import duration, number
from tui.messages import ReplayEnded
from tui.playback import Playback
from tui.widgets.row_list import BOLD, MUTED


class TimeLine(Widget, can_focus=True):
    """How far a replay is; it is shown while there is one. A click goes to a time."""

    HELP = """
    # Replay

    All screens show what had happened by this time. The line is the whole of the experiment; behind
    it stand how much of it has passed, the clock of that time, and how many seconds pass in one.
    """

    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", id="replay.play", tooltip="Let time pass, or hold it"),
        Binding(
            "left", "shift(-0.01)", "Earlier", id="replay.earlier", tooltip="Back by one percent"
        ),
        Binding("right", "shift(0.01)", "Later", id="replay.later", tooltip="On by one percent"),
        Binding(
            "shift+left", "shift(-0.1)", "Back", show=False, id="replay.back",
            tooltip="Back by a tenth",
        ),
        Binding(
            "shift+right", "shift(0.1)", "On", show=False, id="replay.on", tooltip="On by a tenth"
        ),
        Binding(
            "home", "shift(-1)", "Start", show=False, id="replay.start", tooltip="To the start"
        ),
        Binding("end", "shift(1)", "End", show=False, id="replay.end", tooltip="To the end"),
        Binding(
            "plus", "speed(1)", "Faster", key_display="+", id="replay.faster", tooltip="Faster"
        ),
        Binding(
            "minus", "speed(-1)", "Slower", key_display="-", id="replay.slower", tooltip="Slower"
        ),
        Binding(
            "escape", "end_replay", "Leave", id="replay.leave", tooltip="Leave the replay"
        ),
    ]  # fmt: skip

    DEFAULT_CSS = """
    TimeLine {
        height: 1; padding: 0 1; display: none; background: $panel;
        &.-replaying { display: block; }
        &:focus { background: $block-cursor-background 35%; }
    }
    """

    @dataclass
    class Moved(Message):
        """A person wants another time, another speed, or time to pass.

        What to do rather than what comes of it: keys may come faster than the screen follows.
        """

        change: Callable[[Playback], Playback]

    playback: reactive[Playback | None] = reactive(None)

    def watch_playback(self, before: Playback | None, after: Playback | None) -> None:
        """Take up room only while there is a replay; take the keys when one begins."""
        self.set_class(after is not None, "-replaying")
        if before is None and after is not None:
            self.call_after_refresh(self.focus)

    @property
    def _bar(self) -> tuple[int, int]:
        """Where the bar begins, and its width."""
        return 2, max(self.content_size.width - 2 - _WORDS, 8)

    def render(self) -> RenderResult:
        """A sign, the bar, and the time in words."""
        playback = self.playback
        if playback is None:
            return Text()
        _, width = self._bar
        at = round(playback.part * (width - 1))
        passed = duration(playback.time - playback.start)
        whole = duration(playback.length)
        clock = strftime("%H:%M:%S", localtime(playback.time))
        return Text.assemble(
            ("▶ " if playback.is_playing else "‖ ", BOLD),
            "━" * at,
            ("●", BOLD),
            ("─" * (width - 1 - at), MUTED),
            (f" {passed} of {whole}", BOLD),
            (f"  {clock}  x{number(playback.pace)}", MUTED),
            no_wrap=True,
        )

    def on_click(self, event: events.Click) -> None:
        """Go to the time under the mouse."""
        offset, (start, width) = event.get_content_offset(self), self._bar
        if offset is not None:
            part = (offset.x - start) / max(width - 1, 1)
            self.post_message(self.Moved(lambda playback: playback.to(part)))

    def action_play(self) -> None:
        """Let time pass, or hold it."""
        self.post_message(self.Moved(Playback.toggled))

    def action_shift(self, part: float) -> None:
        """Go earlier or later by a part of the whole."""
        self.post_message(self.Moved(lambda playback: playback.moved(part)))

    def action_speed(self, steps: int) -> None:
        """Let time pass faster or more slowly."""
        self.post_message(self.Moved(lambda playback: playback.faster(steps)))

    def action_end_replay(self) -> None:
        """Show what is, again."""
        self.post_message(ReplayEnded())


_WORDS = 38
"""Columns for the time in words."""
