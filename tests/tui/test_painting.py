"""Pixels as Sixel and as Kitty's placeholders: what a terminal makes of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from one_map import OneMap, heat
from pixel_terminal import CELL, PixelTerminal
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from staged import screen_text, until
from textual.geometry import Offset
from textual.strip import Strip

from tui.graphics import Graphics
from tui.terminal import refusal, understood
from tui.widgets.bitmap import Bitmap
from tui.widgets.color_map import COLOR_MAP
from tui.widgets.kitty import ACCENTS, placeholders
from tui.widgets.painted_strip import PaintedStrip
from tui.widgets.painting import Painting, fits, painting
from tui.widgets.sixel import sixel

WIDTH, HEIGHT = CELL
GRAPHICS = {kind: Graphics(kind, WIDTH, HEIGHT) for kind in ("kitty", "sixel")}
PALETTE = [(0, 0, 0), (255, 255, 255), (51, 102, 153), (255, 0, 51)]
"""Colours that are whole hundredths, which Sixel can tell."""


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[PixelTerminal]:
    found = PixelTerminal(request.param, 12, 6)
    yield found
    found.close()


def bitmap(columns: int, rows: int, seed: int = 0) -> Bitmap:
    shape = rows * HEIGHT, columns * WIDTH
    levels = np.random.default_rng(seed).integers(len(PALETTE), size=shape)
    return Bitmap(levels, PALETTE, columns, rows)


@settings(deadline=None, max_examples=50)
@given(
    arrays(np.int64, st.tuples(st.integers(1, 60), st.integers(1, 40)), elements=st.integers(0, 3)),
    st.integers(1, 9),
)
def test_sixel_is_the_same_pixels(levels, times) -> None:
    levels = levels.repeat(times, axis=1)
    terminal = PixelTerminal("sixel", 40, 10)
    terminal.feed(sixel(Bitmap(levels, PALETTE, 40, 10)).encode())
    shown = terminal.pixels(0, 0, 10, 40)
    terminal.close()
    height, width = levels.shape
    np.testing.assert_array_equal(shown[:height, :width], np.array(PALETTE)[levels])
    assert (shown[height:] == -1).all()
    assert (shown[:, width:] == -1).all()


def test_placeholders_are_those_of_the_documentation() -> None:
    """Its example of a picture of two by two cells, with the number 42."""
    first, second = (placeholders(42, row, range(2)) for row in (0, 1))
    assert first == "\x1b[38;2;0;0;42m\U0010eeee\u0305\u0305\U0010eeee\u0305\u030d\x1b[39m"
    assert second == "\x1b[38;2;0;0;42m\U0010eeee\u030d\u0305\U0010eeee\u030d\u030d\x1b[39m"


def test_accents_are_all_that_kitty_knows() -> None:
    assert len(ACCENTS) == 297
    assert list(ACCENTS) == sorted(set(ACCENTS))
    # By the documentation: of that class, and in Unicode since 6.0 at the latest.
    assert {unicodedata.combining(accent) for accent in ACCENTS} == {230}
    assert not any(unicodedata.decomposition(accent) for accent in ACCENTS)


def painted(kind: str, columns: int, rows: int, left: int) -> tuple[Painting, list[PaintedStrip]]:
    """Rows of text with a painting from the cell `left` on."""
    found = painting(GRAPHICS[kind], bitmap(columns, rows), 7)
    text = Strip([Segment("abcdefghijkl", Style(color="red"))])
    return found, [PaintedStrip(text, found, row, left) for row in range(rows)]


def show(terminal: PixelTerminal, y: int, x: int, strip: Strip) -> None:
    console = Console(force_terminal=True, color_system="truecolor")
    terminal.feed(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}".encode())


@pytest.mark.parametrize("terminal", ["kitty", "sixel"], indirect=True)
@pytest.mark.parametrize("cuts", [(12,), (1, 12), (3, 8, 12), (5, 5, 11, 12)])
def test_pixels_are_cut_with_their_text(terminal, cuts) -> None:
    found, strips = painted(terminal.kind, 8, 3, left=2)
    for y, strip in enumerate(strips):
        start = 0
        for stop, piece in zip(cuts, strip.divide(cuts), strict=True):
            assert piece.text == strip.text[start:stop]
            show(terminal, y, start, piece)
            start = stop
    assert found.is_due
    terminal.feed(found.rest(Offset(2, 0)).encode())
    assert not found.is_due
    expected = np.array(PALETTE)[found.bitmap.levels]
    np.testing.assert_array_equal(terminal.pixels(0, 2, 3, 8), expected)
    assert (terminal.pixels(0, 0, 3, 2) == -1).all()
    assert terminal.screen.splitlines()[0][:2] == "ab"
    assert terminal.screen.splitlines()[0][-2:] == "kl"


@pytest.mark.parametrize("terminal", ["kitty", "sixel"], indirect=True)
def test_what_lies_on_pixels_hides_them_and_no_more(terminal) -> None:
    found, strips = painted(terminal.kind, 8, 3, left=2)
    for y, strip in enumerate(strips):
        show(terminal, y, 0, strip)
    terminal.feed(found.rest(Offset(2, 0)).encode())
    whole = terminal.pixels(0, 0, 3, 12)
    show(terminal, 1, 4, Strip([Segment("note")]))
    changed = (terminal.pixels(0, 0, 3, 12) != whole).any(axis=-1)
    rows, columns = changed.nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 39, 40, 79)
    # And comes back with the text beneath.
    show(terminal, 1, 4, strips[1].crop(4, 8))
    if found.is_due:
        terminal.feed(found.rest(Offset(2, 0)).encode())
    np.testing.assert_array_equal(terminal.pixels(0, 0, 3, 12), whole)


@pytest.mark.parametrize("terminal", ["kitty", "sixel"], indirect=True)
def test_text_beside_pixels_is_written_without_them(terminal) -> None:
    found, strips = painted(terminal.kind, 8, 1, left=2)
    for piece in (strips[0].crop(0, 2), strips[0].crop(10, 12), strips[0].crop(3, 3)):
        show(terminal, 0, 0, piece)
    assert not found.is_due
    assert terminal.screen.strip() == "kl"


def test_kitty_has_pictures_of_no_more_cells_than_accents() -> None:
    assert fits(GRAPHICS["kitty"], 297, 297)
    assert not fits(GRAPHICS["kitty"], 298, 1)
    assert not fits(GRAPHICS["kitty"], 1, 298)
    assert fits(GRAPHICS["sixel"], 400, 400)


SIZE, OK = b"\x1b[6;20;10t", b"\x1b_Gi=58857;OK\x1b\\"


@pytest.mark.parametrize(
    ("answer", "cell", "expected"),
    [
        (SIZE + b"\x1b[?62;4;22c", None, GRAPHICS["sixel"]),
        (OK + SIZE + b"\x1b[?62;22c", None, GRAPHICS["kitty"]),
        # Some that have both take Kitty's without placeholders.
        (OK + SIZE + b"\x1b[?62;4c", None, GRAPHICS["sixel"]),
        # The system knows best: it follows when the font changes.
        (OK + SIZE + b"\x1b[?62;22c", (8, 17), Graphics("kitty", 8, 17)),
        # Keys that were pressed meanwhile.
        (b"q" + OK + b"jj" + b"\x1b[?62;22c", (8, 17), Graphics("kitty", 8, 17)),
        (SIZE + b"\x1b[?62;22c", None, "neither Sixel nor Kitty's placeholders"),
        (
            b"\x1b_Gi=58857;UnicodePlaceholderUnsupported\x1b\\" + SIZE + b"\x1b[?62c",
            None,
            "neither Sixel nor Kitty's placeholders",
        ),
        # 14, 24 and 44 are other attributes.
        (SIZE + b"\x1b[?64;14;24;44c", None, "neither Sixel nor Kitty's placeholders"),
        (OK + b"\x1b[?62;4c", None, "does not tell how large its cells are"),
        (b"\x1b[6;0;0t\x1b[?62;4c", None, "does not tell how large its cells are"),
        (OK + SIZE, None, "did not answer"),
        (b"", None, "did not answer"),
    ],
)
def test_an_answer_tells_what_there_is_or_what_is_missing(answer, cell, expected) -> None:
    found = understood(answer, cell)
    if isinstance(expected, str):
        assert isinstance(found, str)
        assert expected in found
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-kitty"}, ""),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, ""),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "NO_COLOR"),
        ({"TERM": "dumb"}, "no questions"),
        ({"TERM": "linux"}, "no questions"),
        ({}, "no questions"),
        ({"TERM": "xterm-256color", "INSIDE_EMACS": "vterm"}, "no questions"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "prints"),
        ({"TERM": "xterm-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, "tmux"),
        ({"TERM": "tmux-256color"}, "tmux"),
        ({"TERM": "screen"}, "tmux"),
    ],
)
def test_some_terminals_are_not_asked(environ, expected) -> None:
    assert expected in refusal(environ)
    assert bool(expected) == bool(refusal(environ))


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("kind", ["kitty", "sixel"])
async def test_a_map_is_painted_anew_only_when_something_changed(kind) -> None:
    app = OneMap()
    async with app.run_test(size=(30, 12)) as pilot:
        values = np.random.default_rng(0).random((5, 7))
        app.map.heat = heat(values)
        await pilot.pause()
        assert app.map.painting is None
        app.map.graphics = GRAPHICS[kind]
        await pilot.pause()
        first = app.map.painting
        # The title above, two lines below, the numbers of the rows before it.
        assert (first.bitmap.rows, first.bitmap.columns) == (9, 28)
        assert app.map.painting_at == (2, 1)
        middle = first.bitmap.levels[HEIGHT * 9 // 10, WIDTH * 28 // 14]
        assert middle == round(values[0, 0] * (len(COLOR_MAP) - 1))
        app.map.focus()
        await pilot.press("right", "up", "left", "escape")
        app.map.title = "another title"
        app.refresh()
        await pilot.pause()
        assert app.map.painting is first
        app.map.heat = heat(np.where(values > 0.5, np.nan, values))
        await pilot.pause()
        second = app.map.painting
        assert second is not first
        color = app.map.get_component_styles("heat-map--not-a-number").color.rgb
        shown = np.array(second.bitmap.palette)[second.bitmap.levels] == color
        assert 0 < shown.all(axis=-1).mean() < 1
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert app.map.painting.bitmap.columns == 38
        for mode in ("block", "ascii"):
            app.map.mode = mode
            await pilot.pause()
            assert app.map.painting is None
        app.map.mode = "braille"
        await pilot.pause()
        assert app.map.painting is not None
        app.map.heat = None
        await pilot.pause()
        assert app.map.painting is None


@pytest.mark.usefixtures("frozen")
async def test_the_cursor_goes_from_number_to_number() -> None:
    app = OneMap()
    async with app.run_test(size=(23, 13)) as pilot:
        # Forty numbers on twenty cells, each ten pixels wide.
        app.map.heat = heat(np.zeros((30, 40)))
        app.map.graphics = GRAPHICS["sixel"]
        app.map.focus()
        await pilot.press("right", "right")
        assert app.map.cursor == (15, 21)
        text = screen_text(app)
        assert [line.index("▸") for line in text.splitlines() if "▸" in line] == [2]
        assert [line.index("▴") for line in text.splitlines() if "▴" in line] == [13]


@pytest.mark.usefixtures("frozen")
async def test_pixels_wait_for_what_covers_them() -> None:
    """Sixel lies over all text; Kitty's placeholders are cut like it."""
    app = OneMap()
    async with app.run_test(size=(60, 20), notifications=True) as pilot:
        app.map.heat = heat(np.zeros((5, 7)))
        for kind, is_written in (("sixel", False), ("kitty", True)):
            app.map.graphics = GRAPHICS[kind]
            await pilot.pause()
            app.map.painting.cells("", 0, range(5))
            assert app.map.painting.is_due
            app.notify("a message", timeout=99)
            await until(pilot, lambda: any(toast.size for toast in app.screen.query("Toast")))
            assert bool(app.map.rest_of_frame()) is is_written
            app.clear_notifications()
            await until(pilot, lambda: not app.screen.query("Toast"))
            app.map.painting.cells("", 0, range(5))
            assert app.map.rest_of_frame()
            assert not app.map.rest_of_frame()
