"""Search in what a trial printed."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from tui.widgets.console import Console
from tui.widgets.console_log import MATCH, ConsoleLog, has, places_of

pytestmark = pytest.mark.usefixtures("frozen")

LINES = tuple(
    f"step {number}: loss {number / 10}" + (" NaN" if number % 10 == 7 else "")
    for number in range(60)
)


class OneConsole(App[None]):
    """A console and nothing else."""

    def compose(self) -> ComposeResult:
        yield Console()

    @property
    def log_shown(self) -> ConsoleLog:
        return self.query_one(ConsoleLog)

    @property
    def told(self) -> str:
        return str(self.query_one("#matches", Static).content)


async def searching(app: OneConsole, pilot, wanted: str) -> ConsoleLog:
    app.log_shown.lines_read = LINES
    await pilot.pause()
    app.query_one(Console).search()
    await pilot.pause()
    await pilot.press(*wanted)
    await pilot.pause()
    return app.log_shown


def shown(log: ConsoleLog) -> list[str]:
    return [log.render_line(y).text.rstrip() for y in range(log.size.height)]


@pytest.mark.parametrize(
    ("wanted", "line", "places"),
    [
        ("nan", "NaN, nan and NAN", [0, 5, 13]),
        ("NaN", "NaN, nan and NAN", [0]),
        ("aa", "aaaa", [0, 2]),
        ("[0m", "\\x1b[0m", [4]),
        ("", "anything", []),
        ("x", "", []),
    ],
)
def test_a_text_is_found_wherever_it_stands(wanted: str, line: str, places: list[int]) -> None:
    assert list(places_of(wanted, line)) == places
    assert has(wanted, line) is bool(places)


async def test_matches_are_marked_while_writing_and_the_last_one_is_shown() -> None:
    app = OneConsole()
    async with app.run_test(size=(60, 12)) as pilot:
        log = await searching(app, pilot, "nan")
        assert log.match == 57
        assert "step 57: loss 5.7 NaN" in shown(log)
        assert app.told == "6 of 6 lines"
        marked = [
            segment.text
            for y in range(log.size.height)
            for segment in log.render_line(y)
            if segment.style and segment.style.reverse is MATCH.reverse
        ]
        assert marked
        assert set(marked) == {"NaN"}
        await pilot.press("x")
        assert (log.match, app.told) == (None, "0 lines")


async def test_next_and_previous_go_round() -> None:
    app = OneConsole()
    async with app.run_test(size=(60, 12)) as pilot:
        log = await searching(app, pilot, "nan")
        await pilot.press("enter")
        assert app.focused is log
        await pilot.press("n")
        assert (log.match, app.told) == (7, "1 of 6 lines")
        await pilot.pause()
        assert "step 7: loss 0.7 NaN" in shown(log)
        await pilot.press("n", "n", "N")
        assert log.match == 17
        await pilot.press("N", "N")
        assert log.match == 57


async def test_other_lines_can_be_left_out() -> None:
    app = OneConsole()
    async with app.run_test(size=(60, 12)) as pilot:
        log = await searching(app, pilot, "nan")
        await pilot.press("enter", "f")
        await pilot.pause()
        assert list(log.lines) == [line for line in LINES if "NaN" in line]
        assert app.told == "6 of 6 lines, the others left out"
        # What comes is filtered too.
        log.lines_read = (*LINES, "step 60: fine", "step 61: nan")
        assert log.lines[-1] == "step 61: nan"
        assert len(log.lines) == 7
        await pilot.press("f")
        assert len(log.lines) == len(LINES) + 2


async def test_escape_ends_the_search() -> None:
    app = OneConsole()
    async with app.run_test(size=(60, 12)) as pilot:
        log = await searching(app, pilot, "nan")
        assert app.query_one("#search").display
        await pilot.press("enter", "f", "escape")
        await pilot.pause()
        assert not app.query_one("#search").display
        assert (log.wanted, log.only_matching, log.match) == ("", False, None)
        assert tuple(log.lines) == LINES
        # Its keys are free again.
        assert not app.query_one(Console).check_action("next_match", (1,))
        app.query_one(Console).search()
        await pilot.pause()
        assert app.query_one(Input).value == ""


async def test_letters_that_are_keys_can_be_searched_for() -> None:
    app = OneConsole()
    async with app.run_test(size=(60, 12)) as pilot:
        log = await searching(app, pilot, "fnN")
        assert log.wanted == "fnN"


async def test_a_match_stays_while_the_log_grows() -> None:
    app = OneConsole()
    async with app.run_test(size=(60, 12)) as pilot:
        log = await searching(app, pilot, "nan")
        await pilot.press("enter", "n")
        log.lines_read = (*LINES, "step 60: NaN")
        await pilot.pause()
        assert log.match == 7
        assert "step 7: loss 0.7 NaN" in shown(log)
