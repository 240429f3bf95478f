from __future__ import annotations

import numpy as np
import pytest
from one_map import OneMap, heat
from staged import screen_text

from tui.widgets.color_map import COLOR_MAP, RAMP
from tui.widgets.heat_map import HALF_BLOCK, HeatMap

pytestmark = pytest.mark.usefixtures("frozen")


def colors_at(app: OneMap, y: int, x: int) -> tuple[object, object]:
    """The colours of the upper and the lower pixel of a cell."""
    for segment in app.map.render_line(y).crop(x, x + 1):
        assert segment.text == HALF_BLOCK
        return segment.style.color.triplet, segment.style.bgcolor.triplet
    raise AssertionError("there is no cell")


async def test_a_cell_shows_two_rows() -> None:
    app = OneMap()
    # Four columns for the two numbers of a row, three lines around the matrix.
    async with app.run_test(size=(10, 5)) as pilot:
        app.map.heat = heat([[0, 1], [1, 0], [0.5, 0.5], [0, 0]])
        await pilot.pause()
        low, high = COLOR_MAP[0], COLOR_MAP[-1]
        assert colors_at(app, 1, 2) == (low, high)
        assert colors_at(app, 1, 9) == (high, low)
        middle = COLOR_MAP[round(0.5 * (len(COLOR_MAP) - 1))]
        assert colors_at(app, 2, 5) == (middle, low)


@pytest.mark.parametrize("has_color", [True, False])
async def test_without_colours_characters_tell(monkeypatch, has_color: bool) -> None:
    if not has_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = OneMap()
    async with app.run_test(size=(12, 5)) as pilot:
        app.map.mode = "ascii" if has_color else None
        app.map.heat = heat([np.arange(10) / 9, [np.nan] * 10])
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert lines[1:3] == [f"0 {RAMP}", "  xxxxxxxxxx"]
        assert HALF_BLOCK not in screen_text(app)


async def test_the_cursor_tells_the_number_under_it() -> None:
    app = OneMap()
    async with app.run_test(size=(50, 13)) as pilot:
        values = np.linspace(0, 1, 12).reshape(3, 4)
        app.map.heat = heat(values)
        app.map.focus()
        await pilot.pause()
        assert "key across, query down" in screen_text(app)
        await pilot.press("right")
        assert app.map.cursor == (1, 2)
        assert "query 1, key 2: 0.5455" in screen_text(app)
        await pilot.press("up", "up", "left", "left", "left")
        assert app.map.cursor == (0, 0)
        await pilot.press("end", "down", "down", "down", "right")
        assert app.map.cursor == (2, 1)
        await pilot.press("escape")
        assert app.map.cursor is None
        await pilot.hover(HeatMap, offset=(49, 1))
        assert app.map.cursor == (0, 3)
        await pilot.hover(HeatMap, offset=(0, 0))
        # Outside of the matrix the cursor stays where it was.
        assert app.map.cursor == (0, 3)
        app.map.heat = heat(np.zeros((2, 2)))
        assert app.map.cursor is None


async def test_the_cursor_steps_over_what_a_cell_hides() -> None:
    app = OneMap()
    async with app.run_test(size=(34, 13)) as pilot:
        app.map.heat = heat(np.zeros((100, 100)))
        app.map.focus()
        await pilot.press("right", "right", "down")
        assert app.map.cursor == (60, 53)


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (9, 5), (3, 2), (1, 1)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (128, 128)])
async def test_every_size_is_drawn(size: tuple[int, int], shape: tuple[int, int]) -> None:
    app = OneMap()
    async with app.run_test(size=size) as pilot:
        app.map.heat = heat(np.random.default_rng(0).random(shape))
        app.map.title = "attention"
        await pilot.pause()
        for y in range(size[1]):
            assert app.map.render_line(y).cell_length == size[0]


async def test_nothing_to_show_is_said() -> None:
    app = OneMap()
    async with app.run_test(size=(30, 6)) as pilot:
        app.map.placeholder = "nothing yet"
        await pilot.pause()
        assert "nothing yet" in screen_text(app)
        app.map.heat = heat(np.zeros((0, 3)))
        await pilot.pause()
        assert "too small" in screen_text(app)
