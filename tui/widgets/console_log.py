"""The end of a trial's console log."""

from __future__ import annotations

import re
from pathlib import Path

from textual.reactive import reactive
from textual.widgets import Log

TAIL_BYTES = 64 * 1024

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


class ConsoleLog(Log):
    """Follows the log unless scrolled back."""

    lines_read: reactive[tuple[str, ...]] = reactive(())

    def watch_lines_read(self, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        """Add what is new; begin again where the tail has moved on."""
        if before and after[: len(before)] == before:
            self.write_lines(after[len(before) :])
        else:
            self.clear()
            self.write_lines(after)
