"""A list of lines in a terminal, by its public keys and what it draws."""

from __future__ import annotations

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
