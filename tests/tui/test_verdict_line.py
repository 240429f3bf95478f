"""The verdict takes as many lines as it needs, and asks for a layout only when that changes."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from tui import wording
from tui.widgets.verdict_line import VerdictLine


class Taken:
    view = board = None


class OneLine(App[None]):
    def compose(self) -> ComposeResult:
        yield VerdictLine()


@pytest.mark.parametrize(
    ("verdict", "height", "is_laid_out"),
    [("so far", 1, False), ("b leads", 1, False), ("word " * 15, 2, True), ("word " * 50, 2, True)],
)
async def test_a_layout_is_asked_for_when_the_height_changes(
    monkeypatch: pytest.MonkeyPatch, verdict: str, height: int, is_laid_out: bool
) -> None:
    said = iter(["so far", verdict, verdict])
    monkeypatch.setattr(wording, "verdict", lambda view, board: next(said))
    app = OneLine()
    async with app.run_test(size=(50, 10)) as pilot:
        line = app.query_one(VerdictLine)
        line.snapshot = Taken()
        await pilot.pause()
        assert line.content_size.height == 1
        asked = []
        refresh = line.refresh

        def counted(*regions, **changes):
            asked.append(changes.get("layout", False))
            return refresh(*regions, **changes)

        monkeypatch.setattr(line, "refresh", counted)
        for _ in range(2):
            line.snapshot = Taken()
            await pilot.pause()
        assert line.content_size.height == height
        assert line.content == verdict
        assert any(asked) == is_laid_out
