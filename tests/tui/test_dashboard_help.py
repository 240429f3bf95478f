from __future__ import annotations

import pytest
from staged import ROOT, SIZES, calm, check_snapshot, screen_text, staged, until
from textual.command import CommandInput, CommandList, CommandPalette

from experiments.control import Request, asked
from experiments.status import Status
from tui.app import KerasSeqApp
from tui.screens.dashboard import DashboardScreen
from tui.screens.help import HelpScreen
from tui.screens.trial import TrialScreen
from tui.widgets.line_plot import LinePlot
from tui.wording import GLYPHS, MEANINGS

pytestmark = pytest.mark.usefixtures("frozen")


@pytest.mark.parametrize("size", [*SIZES, (240, 70)])
async def test_help(size: tuple[int, int]) -> None:
    staged().finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        await calm(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await check_snapshot(pilot, "help")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_explained(status: Status) -> None:
    assert len(GLYPHS[status]) == 1
    assert MEANINGS[status]


async def palette(app: KerasSeqApp, pilot, text: str) -> None:
    await until(pilot, lambda: app.snapshot)
    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(app.screen, CommandPalette))
    app.screen.query_one(CommandInput).value = text
    await until(pilot, lambda: text in screen_text(app) and _hits(app))
    await pilot.press("down", "enter")


def _hits(app: KerasSeqApp) -> int:
    return app.screen.query_one(CommandList).option_count


async def test_palette_opens_a_trial() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await palette(app, pilot, "Open trial gru-s2")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))


async def test_palette_stops_a_trial() -> None:
    stage = staged()
    stage.half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await palette(app, pilot, "Stop trial gru-s2")
        folder = stage.folder.trial("gru-s2")
        await until(pilot, lambda: asked(folder).request is Request.STOP)


async def test_palette_draws_a_measurement() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await palette(app, pilot, "Plot step seconds")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        metric = app.screen.query_one("#plot-1", LinePlot)
        await until(pilot, lambda: metric.title.startswith("step seconds") and metric.curves)
