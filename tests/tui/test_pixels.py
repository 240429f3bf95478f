"""Maps of pixels, from the question that the terminal is asked to what it shows."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from pixel_terminal import PixelTerminal
from recorded import record, recording
from staged import ROOT, staged

from tui.widgets.color_map import COLOR_MAP
from tui.widgets.heat_map import HALF_BLOCK

pytestmark = pytest.mark.usefixtures("frozen")

# A share of a hundredth is all that Sixel can tell.
TOLERANCE = {"kitty": 0, "sixel": 2}


@contextmanager
def trial_shown(terminal: PixelTerminal, **environ: str) -> Iterator[int]:
    """A trial with recordings on the screen; gives the process."""
    stage = staged()
    stage.half_way()
    record(stage, "lstm-s0", 10, 60)
    session = terminal.start("attach", "staged", "--root", ROOT, **environ)
    try:
        terminal.until(lambda: has(terminal, "Open") and has(terminal, "s0 ✓"))
        terminal.press("\r")
        terminal.until(lambda: has(terminal, "key across"))
        yield session.pid
    finally:
        session.kill()
        session.wait()
        terminal.close()


def place(terminal: PixelTerminal) -> tuple[int, int, int, int]:
    """The cells of the map: first row, first column, rows, columns."""
    top, left = terminal.find("attention, block, head")
    bottom, _ = terminal.find("████")  # the scale
    border = "".join(cell[0] for cell in terminal.text[top]).find("│", left)
    # Beneath the map stand the columns, left of it the rows, right of it a space and the border.
    return top + 1, left + 3, bottom - top - 2, border - 1 - left - 3


def expected(terminal: PixelTerminal, head: int, step: int = 60) -> np.ndarray:
    """The colour of each pixel, from the number that it stands for."""
    values = recording(step).traces[0].values[0, head].astype(float)
    _, _, rows, columns = place(terminal)
    width, height = terminal.cell
    y = np.arange(rows * height) * len(values) // (rows * height)
    x = np.arange(columns * width) * len(values) // (columns * width)
    levels = np.round(values / values.max() * (len(COLOR_MAP) - 1)).astype(int)
    return np.array(COLOR_MAP)[levels[np.ix_(y, x)]]


def has(terminal: PixelTerminal, text: str) -> bool:
    return text in terminal.screen


def shows(terminal: PixelTerminal, head: int, step: int = 60) -> bool:
    if not has(terminal, f"block, head {head + 1}") or not has(terminal, "████"):
        return False
    found = place(terminal)
    if min(found) <= 0:  # half of it is drawn
        return False
    shown = terminal.pixels(*found)
    return np.abs(shown - expected(terminal, head, step)).max() <= TOLERANCE[terminal.kind]


def is_of_text(terminal: PixelTerminal) -> bool:
    if not has(terminal, "████"):
        return False
    row, column, rows, columns = place(terminal)
    texts = {cell for line in terminal.text[row : row + rows] for cell in line[column:][:columns]}
    return texts == {HALF_BLOCK} and (terminal.pixels(row, column, rows, columns) == -1).all()


@pytest.mark.parametrize("tells_pixels", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["kitty", "sixel"])
def test_every_number_is_pixels_of_its_colour(kind, tells_pixels) -> None:
    terminal = PixelTerminal(kind, 160, 50, tells_pixels=tells_pixels)
    with trial_shown(terminal) as pid:
        terminal.until(lambda: shows(terminal, head=0))
        # Another head, another recording.
        terminal.press("}")
        terminal.until(lambda: shows(terminal, head=1))
        terminal.press(",")
        terminal.until(lambda: shows(terminal, head=1, step=10))
        # Other characters, and pixels again.
        terminal.press("v")
        terminal.until(lambda: is_of_text(terminal))
        terminal.press("vv")
        terminal.until(lambda: shows(terminal, head=1, step=10))
        # A question covers them, and goes.
        terminal.press("?")
        terminal.until(
            lambda: has(terminal, "Trial") and (terminal.pixels(0, 0, 50, 160) == -1).all()
        )
        terminal.press("\x1b")
        terminal.until(lambda: shows(terminal, 1, 10))
        if tells_pixels:
            terminal.resize(170, 45, (9, 17))
            os.kill(pid, signal.SIGWINCH)
            terminal.until(lambda: shows(terminal, 1, 10))


@pytest.mark.parametrize("kind", ["kitty", "sixel"])
def test_the_cursor_sends_no_pixels(kind) -> None:
    terminal = PixelTerminal(kind, 160, 50)
    with trial_shown(terminal):
        terminal.until(lambda: shows(terminal, head=0))
        # The screen is at rest once the clock has ticked without more.
        sent = -1
        while sent != len(terminal.written):
            sent = len(terminal.written)
            before = terminal.text[1][-40:]
            terminal.until(lambda before=before: terminal.text[1][-40:] != before)
        row, column, rows, columns = place(terminal)
        for y, x in ((0, 0), (rows // 2, columns // 3), (rows - 1, columns - 1)):
            terminal.press(f"\x1b[<35;{column + x + 1};{row + y + 1}M")
            query, key = y * 20 // rows, x * 20 // columns
            terminal.until(lambda told=f"query {query}, key {key}: ": has(terminal, told))
            # The cursor stands beside the pixels, where the number's begin.
            assert terminal.text[row + query * rows // 20][column - 1] == "▸"
            assert terminal.text[row + rows][column + key * columns // 20] == "▴"
        assert len(terminal.written) == sent
        assert shows(terminal, head=0)


@pytest.mark.parametrize(
    ("kind", "environ"),
    [("plain", {}), ("silent", {}), ("sixel", {"NO_COLOR": "1"}), ("sixel", {"TMUX": "/tmp/t"})],
)
def test_everywhere_else_there_are_characters(kind, environ) -> None:
    terminal = PixelTerminal(kind, 160, 50)
    with trial_shown(terminal, **environ):
        if "NO_COLOR" in environ:
            terminal.until(lambda: has(terminal, "query down"))
            assert HALF_BLOCK not in terminal.screen
        else:
            terminal.until(lambda: is_of_text(terminal))
        assert not terminal.written


def test_an_answer_from_afar_is_waited_for() -> None:
    """Late it would be keys: a `c` opens the comparison."""
    terminal = PixelTerminal("sixel", 160, 50, is_slow=True)
    stage = staged()
    stage.half_way()
    record(stage, "lstm-s0", 60)
    session = terminal.start("attach", "staged", "--root", ROOT, SSH_TTY="/dev/pts/0")
    try:
        terminal.until(lambda: terminal.answers and terminal.answers[-1].endswith("c"))
        assert not terminal.screen.strip()
        terminal.answer_all()
        terminal.until(lambda: has(terminal, "Open") and has(terminal, "s0 ✓"))
        terminal.press("\r")
        terminal.until(lambda: shows(terminal, head=0))
    finally:
        session.kill()
        session.wait()
        terminal.close()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("kitty", "pixels Kitty graphics, cells of 10x20"),
        ("sixel", "pixels Sixel, cells of 10x20"),
        ("plain", "pixels no, half blocks: this terminal has neither"),
    ],
)
def test_the_doctor_says_what_the_terminal_has(kind, expected) -> None:
    terminal = PixelTerminal(kind, 160, 50)
    # Without a backend there is less to look for.
    session = terminal.start("doctor", KERAS_BACKEND="nothing")
    try:
        terminal.until(lambda: has(terminal, expected))
    finally:
        session.kill()
        session.wait()
        terminal.close()
