from __future__ import annotations

from dataclasses import replace

import pytest
from staged import (
    ROOT,
    STEPS,
    Stage,
    calm,
    check_snapshot,
    completed,
    error,
    screen_text,
    staged,
    training,
    until,
)
from textual.pilot import Pilot
from textual.widgets import Input, Label

from experiments.cut import Cut, most, shared
from experiments.distinctions import distinctions
from experiments.events import Measured
from experiments.leaderboard import leaderboard
from tui import compared
from tui.app import KerasSeqApp
from tui.compared import Question
from tui.formatting import number
from tui.screens.ask_number import AskNumber
from tui.screens.compare import CompareScreen
from tui.screens.dashboard import DashboardScreen
from tui.widgets.distinction_list import DistinctionList
from tui.widgets.leaderboard_table import LeaderboardTable
from tui.widgets.line_plot import LinePlot
from tui.widgets.pair_matrix import PairMatrix

pytestmark = pytest.mark.usefixtures("frozen")

SIZES = ((80, 24), (160, 50), (240, 70))
LENGTHS = (30, 40, 80)


@pytest.fixture(autouse=True)
def settings_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """One number of settings in the pictures, however many there come to be."""
    monkeypatch.setattr(
        compared, "distinctions", lambda view: replace(distinctions(view), total=22)
    )


@pytest.fixture
def half_way() -> Stage:
    stage = staged()
    stage.half_way()
    return stage


@pytest.fixture
def finished() -> Stage:
    """Every trial completed, and was tested on longer sequences too."""
    stage = staged()
    stage.begin()
    for trial in stage.folder.read_config().trials():
        model, seed = trial.model.label, trial.seed
        events = completed(model, seed)
        reached = error(model, seed, STEPS)
        longer = {f"extrapolation_mse_{n}_{n}": reached * n / 20 for n in LENGTHS}
        told = Measured(
            time=events[-1].time, step=STEPS, values={"test_mse_20_20": reached, **longer}
        )
        stage.write(trial.name, [*events[:-1], told, events[-1]])
    return stage


async def opened(pilot: Pilot[None]) -> CompareScreen:
    """The screen, once it shows an answer."""
    app = pilot.app
    assert isinstance(app, KerasSeqApp)
    await until(pilot, lambda: app.snapshot and app.pulse)
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen))
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    await until(pilot, lambda: table(screen).snapshot)
    return screen


def table(screen: CompareScreen) -> LeaderboardTable:
    return screen.query_one(LeaderboardTable)


def asked(screen: CompareScreen) -> Question | None:
    """What the answer on the screen is about."""
    found = screen.snapshot.compared if screen.snapshot else None
    return found.question if found else None


async def press(pilot: Pilot[None], screen: CompareScreen, *keys: str) -> None:
    """Press keys and wait until what is shown answers the question that came of it."""
    await pilot.press(*keys)
    await until(pilot, lambda: asked(screen) == screen.question)


@pytest.mark.parametrize("size", SIZES)
async def test_running(half_way: Stage, size: tuple[int, int]) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot)
        await press(pilot, screen, "a", ".")
        await check_snapshot(pilot, "compare-running")


@pytest.mark.parametrize("size", SIZES)
async def test_finished(finished: Stage, size: tuple[int, int]) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        await check_snapshot(pilot, "compare-finished")


@pytest.mark.parametrize("pane", ["2", "3", "4"])
async def test_narrow_panes(finished: Stage, pane: str) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press(pane)
        await check_snapshot(pilot, f"compare-pane-{pane}")


async def test_escape_goes_back_and_asks_no_more(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await opened(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        await until(pilot, lambda: app.snapshot and app.snapshot.compared is None)


async def test_the_palette_opens_it(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("ctrl+p", *"compare")
        await until(pilot, lambda: "Compare" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))


async def test_budgets_in_turn(half_way: Stage) -> None:
    """What is shown is what the statistics say at that cut, and the words say where it is."""
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        for unit, words in (
            ("steps", "at equal steps, 40"),
            ("seconds", "at equal time, 0.480 s of steps"),
            ("flops", "at equal compute, "),
        ):
            await press(pilot, screen, "a")
            view = screen.snapshot.view
            board = table(screen).snapshot.board
            assert board.cut == Cut(unit, shared(view, unit))
            assert board.rows == leaderboard(view, Cut(unit)).rows
            assert words in screen_text(app)
            assert "on validation" in screen_text(app)
            assert "choosing by test would flatter" in screen_text(app)
        await press(pilot, screen, "a")
        assert table(screen).snapshot.board.cut is None
        assert "choosing by test would flatter" not in screen_text(app)


async def test_readings_in_turn(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        assert table(screen).snapshot.board.key == "test_mse"
        for reading in ("last", "smoothed"):
            await press(pilot, screen, "o")
            board = table(screen).snapshot.board
            assert (board.key, board.cut.reading) == ("validation_mse", reading)
            assert f"each as far as it came: {reading} mse on validation" in screen_text(app)
            assert board.rows == leaderboard(screen.snapshot.view, board.cut).rows
        await press(pilot, screen, "o")
        assert table(screen).snapshot.board.key == "test_mse"


async def test_a_budget_of_one_s_own(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        assert screen.check_action("set_limit", ()) is False
        await press(pilot, screen, "a")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, AskNumber))
        await press(pilot, screen, *"60", "enter")
        board = table(screen).snapshot.board
        assert board.cut == Cut("steps", 60.0)
        assert {s.model: s.interval.n for s in board.standings}["lstm"] == 2
        # Each unit has its own; an empty field gives the shared one back.
        await press(pilot, screen, "a")
        assert table(screen).snapshot.board.cut.limit == shared(screen.snapshot.view, "seconds")
        await press(pilot, screen, "a", "a", "a")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, AskNumber))
        assert app.screen.query_one(Input).value == "60"
        await press(pilot, screen, "backspace", "backspace", "enter")
        assert table(screen).snapshot.board.cut == Cut("steps", 40.0)


async def test_nobody_has_come_so_far(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        await press(pilot, screen, "a")
        beyond = 1000
        assert most(screen.snapshot.view, "steps") < beyond
        await pilot.press("u")
        await press(pilot, screen, *str(beyond), "enter")
        assert "no trial has come there" in await calm(pilot)


@pytest.mark.parametrize("text", ["x", "nan", "inf", "0", "-3", "[b]"])
async def test_what_is_no_budget_is_refused(half_way: Stage, text: str) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        await press(pilot, screen, "a")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, AskNumber))
        app.screen.query_one(Input).value = text
        await pilot.press("enter")
        problem = app.screen.query_one("#problem", Label)
        said = f"Expected a number above 0, such as 4000 or 1e12. Received: {text}"
        await until(pilot, lambda: str(problem.content) == said)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen.question == Question(Cut("steps"))


async def test_a_target_of_one_s_own(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(240, 70)) as pilot:
        screen = await opened(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, AskNumber))
        await press(pilot, screen, *"0.03", "enter")
        board = table(screen).snapshot.board
        expected = leaderboard(screen.snapshot.view, target=0.03)
        assert board.standings == expected.standings
        assert any(s.time_to_solve.solved.mean for s in board.standings)
        assert "solved: <= 0.030" in await calm(pilot)
        assert f"{board.standings[0].time_to_solve.steps.mean:.0f}" in screen_text(app)


async def test_the_baseline_is_the_lstm_until_another_is_chosen(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        assert "over lstm" in await calm(pilot)
        table(screen).choose("gru")
        await pilot.press("b")
        text = await calm(pilot)
        assert "over gru" in text
        pair = table(screen).snapshot.board.comparison("lstm", "gru")
        # The error of the LSTM is larger: it is behind.
        assert pair.interval.mean > 0
        assert f"-{number(pair.interval.mean)} ±" in text
        # In the matrix, too, a model can be chosen.
        await pilot.press("2")
        await until(pilot, lambda: screen.query_one(PairMatrix).has_focus)
        screen.query_one(PairMatrix).choose("simple_rnn")
        await pilot.press("b")
        assert "over simple_rnn" in await calm(pilot)


async def test_seeds_are_dots_on_demand(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "●" not in await calm(pilot)
        await pilot.press(".")
        shown = await calm(pilot)
        # Three seeds of each of three models, some on one spot, and the constants of no spread.
        assert 3 <= shown.count("●") <= 11
        assert "├" in shown
        await pilot.press(".")
        assert "●" not in await calm(pilot)


async def test_sorting_by_keys(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        ranked = [row.key for row in table(screen).rows if row.key]
        await pilot.press(">")
        assert table(screen).sorted_by == "model"
        assert [row.key for row in table(screen).rows if row.key] == sorted(ranked)
        assert "model▲" in await calm(pilot)
        await pilot.press("r")
        assert [row.key for row in table(screen).rows if row.key] == sorted(ranked)[::-1]
        assert "model▼" in await calm(pilot)
        await pilot.press(">", ">")
        assert table(screen).sorted_by == "95% interval"
        widths = {s.model: s.interval.half_width for s in table(screen).snapshot.board.standings}
        assert [r.key for r in table(screen).rows if r.key] == sorted(widths, key=widths.get)
        await pilot.press("<", "<", "<")
        assert table(screen).sorted_by is None
        assert [row.key for row in table(screen).rows if row.key] == ranked


async def test_sorting_by_a_click_on_a_heading(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        await calm(pilot)
        heading = str(table(screen).render_line(0).text)
        place = (heading.index("parameters"), 0)
        await pilot.click(LeaderboardTable, offset=place)
        assert (table(screen).sorted_by, table(screen).is_reversed) == ("parameters", False)
        await pilot.click(LeaderboardTable, offset=place)
        assert (table(screen).sorted_by, table(screen).is_reversed) == ("parameters", True)
        # A click beneath chooses a line, as ever.
        await pilot.click(LeaderboardTable, offset=(4, 2))
        assert table(screen).key == [row.key for row in table(screen).rows][1]


async def test_opening_a_model_brings_its_curve_to_the_front(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        plot = screen.query_one("#by-length", LinePlot)
        assert {curve.key for curve in plot.curves} == {"lstm", "gru", "simple_rnn"}
        table(screen).choose("gru")
        await pilot.press("enter")
        await until(pilot, lambda: plot.highlight == "gru")
        await pilot.press("enter")
        await until(pilot, lambda: plot.highlight is None)


async def test_lengths_beyond_training_are_marked(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        plot = screen.query_one("#by-length", LinePlot)
        assert plot.x_rule == (20.0, "longer than in training")
        assert list(plot.curves[0].x) == [20, *LENGTHS]
        # The same objects while nothing has changed, so that nothing is drawn again.
        before = plot.curves
        await press(pilot, screen, "a")
        assert plot.curves is before


async def test_characters_are_those_of_the_other_screens(finished: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("v")
        await until(pilot, lambda: app.options.mode == "block")
        screen = await opened(pilot)
        plot = screen.query_one("#by-length", LinePlot)
        await until(pilot, lambda: plot.chart.mode == "block")
        await pilot.press("v")
        await until(pilot, lambda: plot.chart.mode == "ascii")


async def test_nothing_is_tested_before_the_end(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        assert screen.query_one("#by-length", LinePlot).curves == ()
        assert "tested once every trial is finished" in screen_text(app)


async def test_it_follows_the_files(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        await press(pilot, screen, "a")
        assert table(screen).snapshot.board.cut.limit == 40
        half_way.write("lstm-s2", training("lstm", 2, 50)[-12:])
        await until(pilot, lambda: table(screen).snapshot.board.cut.limit == 50)
        assert "at equal steps, 50" in screen_text(app)


async def test_one_model_alone() -> None:
    stage = staged(models=[{"name": "gru"}])
    stage.finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        text = await calm(pilot)
        assert "There is only one model." in text
        assert "What differs, 0 of" in text
        assert screen.query_one(DistinctionList).rows[0].text.plain == "Nothing."


async def test_before_anything_has_happened() -> None:
    staged()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot)
        for _ in range(4):
            await press(pilot, screen, "a", "o")
        assert "no " in await calm(pilot)
