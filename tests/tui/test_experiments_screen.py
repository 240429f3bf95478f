from __future__ import annotations

import pytest
from staged import ROOT, SIZES, check_snapshot, screen_text, staged, until

from tui.app import KerasSeqApp
from tui.screens.dashboard import DashboardScreen
from tui.screens.experiments import ExperimentsScreen
from tui.screens.new_experiment import NewExperiment
from tui.widgets.experiment_list import ExperimentList

pytestmark = pytest.mark.usefixtures("frozen")


@pytest.mark.parametrize("size", SIZES)
async def test_without_experiments_it_says_how_to_begin(size: tuple[int, int]) -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen.query_one(ExperimentList).listed)
        await check_snapshot(pilot, "experiments-none")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewExperiment))


@pytest.mark.parametrize("size", SIZES)
async def test_history(size: tuple[int, int]) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen.query_one(ExperimentList).key == "staged")
        await check_snapshot(pilot, "experiments")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and app.snapshot)
        assert "staged" in screen_text(app)


async def test_an_unreadable_experiment_is_listed_with_its_problem() -> None:
    staged()
    (ROOT / "odd").mkdir()
    (ROOT / "odd" / "experiment.toml").write_text("name = ")
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: "! unreadable" in screen_text(app))
        assert "· queued" in screen_text(app)


async def test_from_the_dashboard_and_back() -> None:
    staged().finish()
    staged("other").half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        assert app.check_action("experiments", ()) is False
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        chosen = app.screen.query_one(ExperimentList)
        await until(pilot, lambda: chosen.key is not None)
        chosen.choose("other")
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.view.name == "other")
        assert isinstance(app.screen, DashboardScreen)
        assert len(app.screen_stack) == 2
