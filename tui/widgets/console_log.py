"""The end of a trial's console log."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Log

TAIL_BYTES = 64 * 1024
MATCH = Style(reverse=True)
MATCHING_LINE = Style(bold=True, underline=True)

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def read_tail(path: Path) -> bytes:
    """The last part of a file, from the beginning of a line; nothing where there is no file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - TAIL_BYTES, 0))
            content = file.read(TAIL_BYTES)
    except FileNotFoundError:
        return b""
    return content if size <= TAIL_BYTES else content.partition(b"\n")[2]


def console_lines(content: bytes) -> tuple[str, ...]:
    """The lines as a terminal would leave them: overwritten text and escape codes are gone."""
    lines = content.decode(errors="replace").replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    cleaned = (_ESCAPES.sub("", line).rstrip("\r").rpartition("\r")[2] for line in lines)
    return tuple(_CONTROL.sub("", line.expandtabs()) for line in cleaned)


def places_of(wanted: str, line: str) -> Iterator[int]:
    """Where a text begins in a line; large and small letters differ only if it has large ones."""
    line = line if wanted != wanted.lower() else line.lower()
    at = line.find(wanted) if wanted else -1
    while at >= 0:
        yield at
        at = line.find(wanted, at + len(wanted))


def has(wanted: str, line: str) -> bool:
    """Whether a text stands in a line."""
    return next(places_of(wanted, line), None) is not None


class _Marker(Highlighter):
    """Marks a text wherever it stands."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def highlight(self, text: Text) -> None:
        for at in places_of(self._wanted, text.plain):
            text.stylize(MATCH, at, at + len(self._wanted))


class ConsoleLog(Log):
    """Follows the log unless scrolled back; marks what is searched for."""

    lines_read: reactive[tuple[str, ...]] = reactive(())
    wanted: reactive[str] = reactive("")
    """The text that is searched for; empty for none."""
    only_matching: reactive[bool] = reactive(False)
    """Whether lines without that text are left out."""
    match: reactive[int | None] = reactive(None)
    """The line of the match that was last gone to."""

    def __init__(self) -> None:
        super().__init__(highlight=True)
        self._shown: tuple[str, ...] = ()

    def watch_lines_read(self) -> None:
        """Add what is new; begin again where the tail has moved on."""
        shown = self.lines_read
        if self.only_matching and self.wanted:
            shown = tuple(line for line in shown if has(self.wanted, line))
        before, self._shown = self._shown, shown
        if before and shown[: len(before)] == before:
            self.write_lines(shown[len(before) :])
        else:
            self.match = None
            self.clear()
            self.write_lines(shown)

    def watch_wanted(self) -> None:
        """Mark the text, and show the last line that has it."""
        self.highlighter = _Marker(self.wanted)
        self.notify_style_update()  # lines that are drawn already are drawn anew
        self.match = None
        self.watch_lines_read()
        self.go_to_match(-1)
        self.refresh()

    watch_only_matching = watch_wanted

    def watch_match(self) -> None:
        """Show its line."""
        if self.match is not None:
            self.scroll_to(y=self.match - self.size.height // 2, animate=False)
        self.refresh()

    def matching_lines(self) -> list[int]:
        """The lines with the text that is searched for."""
        return [y for y, line in enumerate(self.lines) if has(self.wanted, line)]

    def go_to_match(self, places: int) -> None:
        """Go to a line with a match after (1) or before (-1) the last one; round at the ends."""
        lines = self.matching_lines()
        if not lines:
            self.match = None
        elif self.match is None:
            self.match = lines[0 if places > 0 else -1]
        elif places > 0:
            self.match = lines[bisect_right(lines, self.match) % len(lines)]
        else:
            self.match = lines[bisect_left(lines, self.match) - 1]

    def render_line(self, y: int) -> Strip:
        """A line; that of the last match stands out."""
        strip = super().render_line(y)
        is_match = self.match is not None and y + self.scroll_offset.y == self.match
        return strip.apply_style(MATCHING_LINE) if is_match else strip
