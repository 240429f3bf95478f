"""A list of lines in a terminal, by its public keys and what it draws."""

from __future__ import annotations

from functools import partial

import pytest
from rich.text import Text
from textual.app import App, ComposeResult

from tui.widgets.row_list import Row, RowList


class Numbers(RowList):
    """As many lines as asked, each with its number at the left end and `|` at the right one."""

    count = 0

    def make_rows(self, width):
        lines = [f"{number}".ljust(width - 1) + "|" for number in range(self.count)]
        return None, [Row(Text(line), key=line.split()[0]) for line in lines]


class OneList(App[None]):
    def compose(self) -> ComposeResult:
        yield Numbers()


@pytest.mark.parametrize("count", [3, 10, 11, 40])
async def test_lines_end_at_the_same_column_with_and_without_a_scrollbar(count):
    app = OneList()
    async with app.run_test(size=(30, 10)) as pilot:
        lines = app.query_one(Numbers)
        lines.count = count
        # Once before the list knows that it needs a scrollbar, and once after.
        for _ in range(2):
            lines.remake()
            await pilot.pause()
            assert lines.show_vertical_scrollbar == (count > 10)
            assert not lines.show_horizontal_scrollbar
            assert lines.render_line(0).text == "0" + 27 * " " + "| "


async def test_what_is_too_wide_ends_with_an_ellipsis():
    app = OneList()
    async with app.run_test(size=(30, 10)) as pilot:
        lines = app.query_one(Numbers)
        lines.rows = [Row(Text("x" * 31)), Row(Text("y" * 30))]
        await pilot.pause()
        assert lines.render_line(0).text == "x" * 29 + "…"
        assert lines.render_line(1).text == "y" * 30


class Counted(RowList):
    """A thousand lines that keep which of them were made."""

    def __init__(self):
        super().__init__()
        self.made = []
        self.sign = ""

    def make_rows(self, width):
        return None, [Row(partial(self.line, number), str(number)) for number in range(1000)]

    def line(self, number):
        self.made.append(number)
        return Text(f"{number}{self.sign}")


class CountedList(App[None]):
    def compose(self) -> ComposeResult:
        yield Counted()


async def test_only_lines_on_the_screen_are_made():
    app = CountedList()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        lines = app.query_one(Counted)
        assert set(lines.made) == set(range(10))
        lines.made.clear()
        lines.sign = "!"
        lines.remake()
        await pilot.pause()
        assert set(lines.made) == set(range(10))
        assert lines.render_line(3).text.rstrip() == "3!"
        await pilot.press("end")
        await pilot.pause()
        assert lines.render_line(9).text.rstrip() == "999!"
        assert set(lines.made) == {*range(10), *range(990, 1000)}


async def test_lines_that_changed_out_of_sight_are_drawn_when_they_come_into_it():
    app = CountedList()
    async with app.run_test(size=(30, 10)) as pilot:
        lines = app.query_one(Counted)
        await pilot.pause()
        await pilot.press("end")
        await pilot.pause()
        assert lines.render_line(9).text.rstrip() == "999"
        lines.sign = "!"
        lines.remake()
        await pilot.press("home")
        await pilot.pause()
        assert [lines.render_line(y).text.rstrip() for y in (0, 9)] == ["0!", "9!"]
