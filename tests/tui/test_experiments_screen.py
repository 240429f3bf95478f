from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from staged import ROOT, SIZES, check_snapshot, screen_text, staged, until
from textual.pilot import Pilot
from textual.widgets import Input, Label

from experiments import backend, launch
from experiments.config import ExperimentConfig
from experiments.index import FILE
from experiments.journal import JournalWriter
from experiments.launch import Launched
from experiments.store import ExperimentFolder
from experiments.tell import Tell
from tui.app import KerasSeqApp
from tui.screens.dashboard import DashboardScreen
from tui.screens.experiments import ExperimentsScreen
from tui.screens.new_experiment import NewExperiment
from tui.screens.question import Question
from tui.widgets.experiment_columns import HEADINGS
from tui.widgets.experiment_list import ExperimentList
from tui.widgets.leaderboard_table import LeaderboardTable

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


HISTORY_SIZES = ((80, 24), (160, 50), (240, 70))


def many() -> None:
    """Five experiments: finished, half way, untouched, unreadable, on another task."""
    for age, name in enumerate(("alpha", "beta", "gamma", "delta", "omega")):
        changes = {"task": {"name": "copy_memory", "length": 50}} if name == "omega" else {}
        stage = staged(name, **changes)
        if name == "alpha":
            stage.finish()
        if name == "beta":
            stage.half_way()
        if name == "delta":
            stage.folder.config.write_text("name = ")
        os.utime(stage.folder.config, (1000 - age, 1000 - age))


async def opened(app: KerasSeqApp, pilot: Pilot[None]) -> ExperimentList:
    """The list once every experiment has been read."""
    shown = app.screen.query_one(ExperimentList)
    await until(pilot, lambda: shown.shown and all(entry.is_read for entry in shown.shown))
    return shown


def names(shown: ExperimentList) -> list[str]:
    return [entry.name for entry in shown.shown]


async def type_filter(app: KerasSeqApp, pilot: Pilot[None], text: str) -> None:
    await pilot.press("slash")
    app.screen.query_one(Input).value = text
    await pilot.pause()


@pytest.mark.parametrize("size", HISTORY_SIZES)
async def test_many(size: tuple[int, int]) -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        await type_filter(app, pilot, "model:gru not status:queued lenght>3")
        await check_snapshot(pilot, "history")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("task:adding length=20", ["alpha", "beta", "gamma"]),
        ("status:completed or status:unread", ["alpha", "delta"]),
        ("length>30", ["omega"]),
        ("a not (gamma or delta)", ["alpha", "beta", "omega"]),
        ("model:nothing", []),
    ],
)
async def test_a_filter_leaves_what_matches(text: str, left: list[str]) -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await opened(app, pilot)
        await type_filter(app, pilot, text)
        assert names(shown) == left
        assert f"{len(left)} of 5" in screen_text(app)
        await pilot.press("enter")
        assert app.focused is shown
        await pilot.press("slash", "escape")
        assert names(shown) == ["alpha", "beta", "gamma", "delta", "omega"]
        assert app.focused is shown


async def test_a_letter_lays_out_and_shows_keys_only_where_something_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        await opened(app, pilot)
        await pilot.press("slash", "g", "a")
        await pilot.pause()
        shown, laid_out = [], []
        monkeypatch.setattr(app.screen, "refresh_bindings", lambda: shown.append(1))
        label = app.screen.query_one("#count", Label)
        update = label.update
        monkeypatch.setattr(
            label, "update", lambda *said, layout: (laid_out.append(layout), update(*said))
        )
        # One of two is left, the one that was under the cursor.
        assert names(app.screen.query_one(ExperimentList)) == ["gamma", "omega"]
        await pilot.press("m")
        assert names(app.screen.query_one(ExperimentList)) == ["gamma"]
        assert str(label.content) == "1 of 5"
        assert not shown
        assert not any(laid_out)


async def test_a_filter_that_cannot_be_read_points_at_its_fault() -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await opened(app, pilot)
        await type_filter(app, pilot, "alpha")
        app.screen.query_one(Input).value = "alpha lenght>3"
        await pilot.pause()
        lines = screen_text(app).splitlines()
        (typed,) = (line for line in lines if "lenght>3" in line)
        (said,) = (line for line in lines if "There is no field lenght. Did you" in line)
        assert said.index("^") == typed.index("lenght>3")
        assert names(shown) == ["alpha"]


async def test_sorting_by_key_and_by_mouse() -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        shown = await opened(app, pilot)
        await pilot.press("o")
        assert names(shown) == ["alpha", "beta", "delta", "gamma", "omega"]
        await pilot.press("O")
        assert names(shown) == ["omega", "gamma", "delta", "beta", "alpha"]
        assert "experiment ▼" in screen_text(app)
        line = next(line for line in screen_text(app).splitlines() if "status" in line)
        at = line.index("done") - shown.region.x
        await pilot.click(ExperimentList, offset=(at, 0))
        await until(pilot, lambda: shown.order.heading == "done")
        assert names(shown) == ["alpha", "beta", "gamma", "omega", "delta"]
        await pilot.click(ExperimentList, offset=(at, 0))
        await until(pilot, lambda: not shown.order.falling)
        # What cannot be read is last either way.
        assert names(shown) == ["gamma", "omega", "beta", "alpha", "delta"]


async def test_every_column_has_its_turn() -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        shown = await opened(app, pilot)
        turns = []
        for _ in range(len(HEADINGS) + 1):
            await pilot.press("o")
            turns.append(shown.order.heading)
            assert sorted(names(shown)) == ["alpha", "beta", "delta", "gamma", "omega"]
        assert turns == [*HEADINGS, ""]


async def test_delete_asks_first() -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        shown = await opened(app, pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, Question))
        assert (ROOT / "alpha").exists()
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: names(shown) == ["beta", "gamma", "delta", "omega"])
        assert not (ROOT / "alpha").exists()
        await until(pilot, lambda: "Deleted alpha." in screen_text(app))
        assert shown.key == "beta"


async def test_what_runs_or_waits_cannot_be_deleted_and_what_is_unreadable_can() -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await opened(app, pilot)
        possible = {}
        for name in names(shown):
            shown.choose(name)
            await pilot.pause()
            possible[name] = [app.screen.check_action(key, ()) for key in ("delete", "rerun")]
        assert possible == {
            "alpha": [True, True],
            "beta": [False, True],
            "gamma": [False, True],
            "delta": [True, False],
            "omega": [False, True],
        }


async def test_a_refused_deletion_says_why() -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(app, pilot)
        journal = JournalWriter(ROOT / "alpha" / "supervisor.jsonl")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: "being written by" in " ".join(screen_text(app).split()))
        journal.close()
    assert (ROOT / "alpha").exists()


async def test_deleting_the_one_on_the_dashboard_leaves_the_dashboard() -> None:
    many()
    app = KerasSeqApp(ROOT, "alpha")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        await opened(app, pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot is None and len(app.screen_stack) == 2)
        assert isinstance(app.screen, ExperimentsScreen)
        assert app.screen.check_action("back", ()) is False


async def test_rerun_starts_the_same_under_the_next_name(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = []

    def launched(root: Path, config: ExperimentConfig, tell: Tell) -> Launched:
        folder = ExperimentFolder.create(root, config, {})
        processes.append(subprocess.Popen([sys.executable, "-c", "pass"]))
        return Launched(folder, processes[0])

    monkeypatch.setattr(backend, "check_backend", lambda *_: "none")
    monkeypatch.setattr(launch, "launch", launched)
    many()
    before = ExperimentFolder(ROOT / "alpha").read_config().document()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("r")
        await until(pilot, lambda: "Run alpha again, as alpha-r2?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: app.snapshot)
        assert isinstance(app.screen, DashboardScreen)
    assert ExperimentFolder(ROOT / "alpha-r2").read_config().document() == {
        **before,
        "name": "alpha-r2",
    }
    assert processes[0].wait() == 0


async def test_standings_are_of_the_one_under_the_cursor() -> None:
    many()
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await opened(app, pilot)
        table = app.screen.query_one(LeaderboardTable)
        await until(pilot, lambda: table.snapshot and table.snapshot.view.name == "alpha")
        shown.choose("beta")
        await until(pilot, lambda: table.snapshot.view.name == "beta")
        assert app.screen.query_one("#standings").display
        shown.choose("delta")
        await until(pilot, lambda: not app.screen.query_one("#standings").display)


async def test_whoever_only_watches_leaves_no_file() -> None:
    many()
    app = KerasSeqApp(ROOT, read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
    assert not (ROOT / FILE).exists()


async def test_what_is_imported_is_no_garbage_to_look_for(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(1))
    many()
    app = KerasSeqApp(ROOT)
    app._is_starting = True  # as when it is run
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.pause()
        assert len(frozen) == 1
