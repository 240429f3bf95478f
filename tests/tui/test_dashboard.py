from __future__ import annotations

import re

import pytest
from staged import (
    ROOT,
    SIZES,
    STARTED,
    Stage,
    calm,
    check_snapshot,
    completed,
    ended,
    screen_text,
    staged,
    training,
    until,
)
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Footer
from textual.worker import WorkerFailed

from experiments.control import Request, asked
from experiments.events import Alerted
from tui.app import KerasSeqApp
from tui.follower import Follower
from tui.screens.dashboard import DashboardScreen
from tui.screens.stop_all import StopAll
from tui.screens.trial import TrialScreen
from tui.widgets.alert_list import AlertList
from tui.widgets.leaderboard_table import LeaderboardTable
from tui.widgets.line_plot import LinePlot
from tui.widgets.plot_grid import PlotGrid
from tui.widgets.trial_list import TrialList

pytestmark = pytest.mark.usefixtures("frozen")


@pytest.fixture
def half_way() -> Stage:
    stage = staged()
    stage.half_way()
    return stage


@pytest.mark.parametrize("size", [*SIZES, (240, 70)])
async def test_running(half_way: Stage, size: tuple[int, int]) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        await check_snapshot(pilot, "dashboard-running")


@pytest.mark.parametrize("size", SIZES[:2])
async def test_tuning(size: tuple[int, int]) -> None:
    """Trials that tune stand under their rate; curves and standings are of the others."""
    protocol = {"tune": True, "rate_factors": [0.1, 0.3]}
    models = [{"name": "lstm"}, {"name": "gru"}]
    stage = staged(
        models=models, seeds=[0], protocol=protocol, budget={"steps": 100, "learning_rate": 0.01}
    )
    stage.tune()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        await pilot.press("1")
        (curve,) = app.snapshot.curves[app.snapshot.metric_key]
        assert (curve.label, list(curve.x)) == ("lstm", [10, 20, 30])
        await check_snapshot(pilot, "dashboard-tuning")


def lines_of(app: KerasSeqApp) -> list[str]:
    """Those of the list of trials."""
    return [row.text.plain for row in app.screen.query_one(TrialList).rows]


@pytest.mark.parametrize("columns", [80, 120, 160, 240])
async def test_statuses_stand_beneath_one_another(columns: int) -> None:
    """However long the rates are, and no line is wider than the list."""
    protocol = {"tune": True, "rate_factors": [0.0949, 0.1, 0.3]}
    stage = staged(
        models=[{"name": "lstm"}, {"name": "gru"}],
        seeds=[0, 10],
        protocol=protocol,
        budget={"steps": 100, "learning_rate": 0.01},
    )
    stage.begin()
    stage.write("lstm-lr0.000949", [*training("lstm", 0, 40), *ended()])
    stage.write("lstm-lr0.001", training("lstm", 0, 20))
    stage.write("gru-s10", training("gru", 10, 20))
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(columns, 40)) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        await pilot.press("1")
        await calm(pilot)
        lines = lines_of(app)
        for kind, at in ((" lr ", {15}), (" s", {7})):
            signs = [re.search(r"[·▶✓]", line) for line in lines if kind in line[2:6]]
            assert {sign and sign.start() for sign in signs} == at
        trials = app.screen.query_one(TrialList)
        assert max(map(len, lines)) <= trials.content_size.width
        assert any("lr 0.000949" in line and "0.068" in line for line in lines)


async def test_empty_plots_say_what_is_waited_for() -> None:
    protocol = {"tune": True, "rate_factors": [0.1, 0.3]}
    stage = staged(models=[{"name": "lstm"}], seeds=[0], protocol=protocol)
    stage.begin()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "learning rates are tuned first" in screen_text(app))
        for trial in stage.folder.read_config().trials():
            if trial.role == "tuning":
                stage.write(trial.name, [*training("lstm", 0, 40), *ended()])
        await until(pilot, lambda: "waiting for the first measurement" in screen_text(app))


@pytest.mark.parametrize("pane", ["1", "3"])
async def test_narrow_panes(half_way: Stage, pane: str) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        await pilot.press(pane)
        await pilot.pause()
        await check_snapshot(pilot, f"dashboard-pane-{pane}")


@pytest.mark.parametrize("size", SIZES)
async def test_finished(size: tuple[int, int]) -> None:
    staged().finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        assert "finished after 1:30" in screen_text(app)
        await check_snapshot(pilot, "dashboard-finished")


async def test_it_follows_the_files() -> None:
    stage = staged()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        assert "· queued 9" in screen_text(app)
        assert app.screen.query_one("#plot-1", LinePlot).curves == ()
        stage.begin()
        stage.write("gru-s0", completed("gru", 0))
        await until(pilot, lambda: "✓ completed 1" in screen_text(app))
        (curve,) = app.screen.query_one("#plot-1", LinePlot).curves
        assert (curve.label, curve.color, curve.low) == ("gru", 1, None)
        stage.write("gru-s1", completed("gru", 1))
        await until(pilot, lambda: "✓ completed 2" in screen_text(app))
        (curve,) = app.screen.query_one("#plot-1", LinePlot).curves
        assert curve.low is not None


async def test_failures_and_damage_are_said(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        half_way.kill("gru-s2")
        await until(pilot, lambda: "gru-s2: killed by SIGKILL" in screen_text(app))
        text = screen_text(app)
        assert "simple_rnn-s0: the loss became nan at step 31" in text
        assert "gru-s1's journal: line" in text
        assert "1 of 3 seeds failed: not ranked" in text


async def test_stop_writes_what_is_asked(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        trials = app.screen.query_one(TrialList)
        trials.choose("gru-s2")
        await pilot.press("s")
        folder = half_way.folder.trial("gru-s2")
        await until(pilot, lambda: asked(folder).request is Request.STOP)
        assert asked(half_way.folder.trial("lstm-s2")).request is Request.NONE


async def test_finished_and_stopping_trials_cannot_be_stopped(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        for trial in ("gru-s0", "simple_rnn-s0", "lstm-s2"):
            app.screen.query_one(TrialList).choose(trial)
            assert app.screen.check_action("stop_trial", ()) is False
        app.screen.query_one(TrialList).choose("simple_rnn-s1")
        assert app.screen.check_action("stop_trial", ()) is True


@pytest.mark.parametrize(("answer", "request_"), [("y", Request.STOP), ("n", Request.NONE)])
async def test_stop_all_asks_first(half_way: Stage, answer: str, request_: Request) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        await calm(pilot)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, StopAll))
        await check_snapshot(pilot, "stop-all")
        await pilot.press(answer)
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        open_trials = ("gru-s2", "simple_rnn-s1", "simple_rnn-s2")  # one has been asked before
        folders = [half_way.folder.trial(name) for name in open_trials]
        await until(pilot, lambda: {asked(folder).request for folder in folders} == {request_})
        assert asked(half_way.folder.trial("gru-s0")).request is Request.NONE


async def test_keys_act_on_the_plots(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        metric, loss = (app.screen.query_one(f"#plot-{i}", LinePlot) for i in (1, 2))
        assert (metric.y_scale, loss.y_scale) == ("linear", "log")
        await pilot.press("l")
        await until(pilot, lambda: metric.y_scale == "log")
        loss.focus()
        await pilot.press("l")
        await until(pilot, lambda: loss.y_scale == "linear")
        app.screen.query_one(TrialList).focus()
        await pilot.press("h")
        assert metric.highlight == "lstm"
        await pilot.press("end")
        assert metric.highlight == "simple_rnn"
        await pilot.press("h")
        assert metric.highlight is None
        assert metric.title.startswith("validation mse")
        await pilot.press("m")
        await until(pilot, lambda: not metric.title.startswith("validation mse"))
        await until(pilot, lambda: metric.curves)


async def test_the_cursor_is_shared(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("2", "left")
        plots = app.screen.query_one(PlotGrid).plots
        await until(pilot, lambda: all(plot.cursor_x is not None for plot in plots))
        assert len({plot.cursor_x for plot in plots}) == 1


async def test_a_snapshot_that_says_the_same_paints_nothing(
    half_way: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(
            pilot, lambda: app.snapshot and app.screen.query_one("#plot-1", LinePlot).curves
        )
        await pilot.pause()
        painted: list[Widget] = []
        refresh = Widget.refresh

        def noted(widget: Widget, *regions: Region, **what: bool) -> Widget:
            painted.append(widget)
            return refresh(widget, *regions, **what)

        monkeypatch.setattr(Widget, "refresh", noted)
        app.screen.show_snapshot()
        await pilot.pause()
        assert not painted


async def test_mouse_opens_a_trial(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.click(TrialList, offset=(6, 2))
        assert app.screen.query_one(TrialList).key == "lstm-s1"
        await pilot.click(TrialList, offset=(6, 2))
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))


async def test_a_row_of_the_leaderboard_highlights_its_model(half_way: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.focused, LeaderboardTable))
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one("#plot-1", LinePlot).highlight == "gru"


async def test_quitting_says_that_training_goes_on(
    half_way: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("q")
    assert "staged goes on training" in capsys.readouterr().err
    assert app.return_value == "staged"


async def test_a_missing_experiment_is_one_message() -> None:
    app = KerasSeqApp(ROOT, "nothing")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: len(app._notifications))
        (notification,) = app._notifications
        assert "nothing" in notification.message
        assert "experiment.toml" in notification.message


async def test_no_color(half_way: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        text = screen_text(app)
        assert "✗ failed" in text
        assert "▶ running" in text
        colors = {
            segment.style.color.triplet
            for strip in app.screen._compositor.render_strips()
            for segment in strip.apply_filter(app._filters[0], app.screen.background_colors[1])
            if segment.style and segment.style.color and segment.style.color.triplet
        }
        assert all(color.red == color.green == color.blue for color in colors)


@pytest.mark.parametrize("size", SIZES)
async def test_the_footer_fits(half_way: Stage, size: tuple[int, int]) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot)
        footer = app.screen.query_one(Footer)
        for pane in ("1", "2", "3"):
            await pilot.press(pane)
            await pilot.pause()
            assert footer.virtual_size.width <= footer.size.width


def test_an_error_of_ours_is_raised_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(self: Follower) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(Follower, "poll", fail)
    with pytest.raises(WorkerFailed, match="ours"):
        KerasSeqApp(ROOT, "staged").run(headless=True)
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("columns", "said"), [(110, ""), (140, " 1.0 cores"), (160, " 1.0 cores 0.6 GiB")]
)
async def test_what_processes_take_is_listed_where_there_is_room(columns: int, said: str) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(columns, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        (found,) = re.findall("s2 ▶ running    62% [━─]{5,}(.*?)  0:19 │", await calm(pilot))
        assert found == said


async def test_alerts_lead_to_their_trials() -> None:
    stage = staged()
    stage.half_way()
    for number, trial in enumerate(("gru-s2", "lstm-s2")):
        stage.supervise(
            Alerted(
                time=STARTED + number, trial=trial, attempt=1, rule="plateau", action="notify",
                message="found flat", step=10,
            )
        )  # fmt: skip
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        text = await calm(pilot)
        # What went wrong first, then what the rules found, newest first.
        words = ("simple_rnn-s0: the", "lstm-s2 at step 10, p", "gru-s2 at step 10, p")
        told = [text.index(each) for each in words]
        assert told == sorted(told)
        alerts = app.screen.query_one(AlertList)
        alerts.focus()
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        assert "gru-s2" in app.screen._trial_name


async def test_without_alerts_there_is_no_room_for_them() -> None:
    staged().finish()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await calm(pilot)
        assert not app.screen.query_one(AlertList).display
