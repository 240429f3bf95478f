"""What pixels a terminal can paint: it is asked, before the dashboard reads its keys.

An answer that comes later would be taken for keys, so that there is time for one from afar, and
more than any needs; those that never answer are known.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tui.graphics import Graphics

NEAR_SECONDS = 1.0
"""A terminal on this machine has so long to answer."""
FAR_SECONDS = 3.0
"""One at the other end of `ssh` has so long."""

_NUMBER = 0xE5E9
QUESTION = (
    # A picture of one pixel, shown by placeholders, and away with it.
    f"\x1b_Ga=T,U=1,i={_NUMBER},f=24,s=1,v=1,c=1,r=1;AAAA\x1b\\\x1b_Ga=d,d=I,i={_NUMBER},q=2\x1b\\"
    # How large is a cell?
    "\x1b[16t"
    # What are you? All answer that, and in order: what comes before is all there is.
    "\x1b[c"
)
_KITTY = re.compile(rb"\x1b_Gi=%d;OK\x1b\\" % _NUMBER)
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIXEL = b"4"
"""Among the attributes."""

_SILENT = ("dumb", "linux", "cons", "vt1", "vt2", "eterm", "unknown")
_NO_PICTURES = ("tmux", "screen")


def refusal(environ: Mapping[str, str]) -> str:
    """Why a terminal is not to be asked; nothing where it is."""
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        return "NO_COLOR is set"
    if not term or term.startswith(_SILENT) or "INSIDE_EMACS" in environ:
        return "this terminal answers no questions"
    if environ.get("TERM_PROGRAM") == "Apple_Terminal":
        return "this terminal prints what it does not understand"
    if "TMUX" in environ or term.startswith(_NO_PICTURES):
        # It says that it can, whatever the terminal around it can.
        return "not through tmux or screen"
    return ""


@contextmanager
def asked(environ: Mapping[str, str]) -> Iterator[Callable[[], Graphics | str]]:
    """Ask; what it gives waits for the answer, or says why there are no pixels.

    Whatever takes long is done in between.
    """
    reason = refusal(environ)
    ours = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    if not all(stream is not None and stream.isatty() for stream in ours):
        reason = "not a terminal"
    if reason:
        yield lambda: reason
        return
    assert sys.__stdin__ is not None
    keys = sys.__stdin__.fileno()
    before = termios.tcgetattr(keys)
    is_far = any(name in environ for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    try:
        tty.setcbreak(keys, termios.TCSANOW)
        os.write(keys, QUESTION.encode())
        until = time.monotonic() + (FAR_SECONDS if is_far else NEAR_SECONDS)
        yield lambda: understood(_read(keys, until), cell_size())
    finally:
        termios.tcsetattr(keys, termios.TCSANOW, before)


def _read(file: int, until: float) -> bytes:
    """What arrives up to the answer to the last question."""
    answer = b""
    while not _ATTRIBUTES.search(answer):
        ready, _, _ = select.select([file], [], [], max(until - time.monotonic(), 0))
        received = os.read(file, 4096) if ready else b""
        if not received:
            break
        answer += received
    return answer


def understood(answer: bytes, cell: tuple[int, int] | None) -> Graphics | str:
    """What an answer means, or why there are no pixels.

    Args:
        answer: To `QUESTION`.
        cell: Pixels across and down in a cell, where that is known already.
    """
    attributes = _ATTRIBUTES.search(answer)
    if attributes is None:
        return "this terminal did not answer"
    has_sixel = _SIXEL in attributes[1].split(b";")
    # Some that have both take Kitty's without its placeholders, and do not say so.
    if not has_sixel and not _KITTY.search(answer):
        return "this terminal has neither Sixel nor Kitty's placeholders"
    told = _CELL.search(answer)
    if cell is None and told is not None:
        cell = int(told[2]), int(told[1])
    if cell is None or min(cell) <= 0:
        return "this terminal does not tell how large its cells are"
    return Graphics("sixel" if has_sixel else "kitty", *cell)


def cell_size() -> tuple[int, int] | None:
    """The pixels across and down in a cell of the terminal, where the system knows them."""
    if sys.__stdout__ is None:
        return None
    try:
        found = fcntl.ioctl(sys.__stdout__.fileno(), termios.TIOCGWINSZ, bytes(8))
    except (OSError, ValueError):
        return None
    rows, columns, width, height = struct.unpack("HHHH", found)
    if not min(rows, columns, width, height):
        return None
    return width // columns, height // rows
