"""The pane of what a network does inside: from the files of a recording to the screen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from recorded import SIGNALS, attention, record, recording
from staged import ROOT, STARTED, Stage, check_snapshot, screen_text, staged, until

from experiments.events import NotRecorded
from experiments.recorders.recording import Recording
from tui.app import KerasSeqApp
from tui.screens.trial import TrialScreen
from tui.widgets.heat_map import HeatMap
from tui.widgets.inside import Choice, Inside, views
from tui.widgets.inside_view import InsideView
from tui.widgets.line_plot import LinePlot
from tui.widgets.trial_list import TrialList

pytestmark = pytest.mark.usefixtures("frozen")

SIZES = ((80, 24), (160, 50), (240, 70))


@pytest.fixture
def stage() -> Stage:
    stage = staged()
    stage.half_way()
    record(stage, "gru-s2", 10, 40, 60)
    return stage


async def open_trial(app: KerasSeqApp, pilot, name: str = "gru-s2") -> TrialScreen:
    await until(pilot, lambda: app.snapshot and app.pulse)
    app.screen.query_one(TrialList).choose(name)
    app.screen.query_one(TrialList).focus()
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, TrialScreen))
    return app.screen


async def inside_of(app: KerasSeqApp, pilot) -> InsideView:
    screen = await open_trial(app, pilot)
    view = screen.query_one(InsideView)
    await until(pilot, lambda: view.inside is not None)
    return view


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", ["attention", "states_over_units"])
async def test_views(stage: Stage, size: tuple[int, int], view: str) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await pilot.press("1")
        pane = await inside_of(app, pilot)
        await pilot.press("4")
        pane.show_view(view)
        await check_snapshot(pilot, f"inside-{view}")


async def test_keys_go_through_what_was_recorded(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        pane = await inside_of(app, pilot)
        heat_map = pane.query_one(HeatMap)
        assert pane.step == 60
        assert "[layer 1/2]  {head 1/3}  (sample 1/2)  ,step 60 3/3." in screen_text(app)
        expected = recording(60).traces[0].values[0, 0]
        np.testing.assert_allclose(heat_map.heat.values, expected, atol=1e-3)
        # Any focus will do.
        app.screen.query_one("#metric").focus()
        await pilot.press("right_square_bracket", "right_curly_bracket", "right_parenthesis")
        expected = recording(60).traces[1].values[1, 1]
        np.testing.assert_allclose(heat_map.heat.values, expected, atol=1e-3)
        assert heat_map.title == "attention, block_1, head 2"
        # There is no third layer, and no second step behind the last.
        await pilot.press("right_square_bracket", "full_stop")
        assert (pane.inside.trace.layer, pane.step) == ("block_1", 60)
        await pilot.press("comma")
        await until(pilot, lambda: pane.inside and pane.step == 40)
        expected = recording(40).traces[1].values[1, 1]
        np.testing.assert_allclose(heat_map.heat.values, expected, atol=1e-3)
        await pilot.press("w")
        assert heat_map.title == "states, lstm, f"
        assert heat_map.heat.scale == (0, 1)
        assert heat_map.heat.columns.tolist() == list(range(0, 200, 10))
        await pilot.press("w", "w", "w", "w")
        assert pane.inside.view == "attention"


async def test_curves_stand_beside_those_of_the_first_recording(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        pane = await inside_of(app, pilot)
        plot = pane.query_one(LinePlot)
        pane.show_view("gradient_norm")
        await pilot.pause()
        assert [curve.label for curve in plot.curves] == ["step 60", "step 10"]
        assert plot.y_scale == "log"
        for curve, step in zip(plot.curves, (60, 10), strict=True):
            np.testing.assert_allclose(curve.y, recording(step).find("gradient_norm")[0].values[0])
        await pilot.press("right_parenthesis")
        np.testing.assert_allclose(
            plot.curves[0].y, recording(60).find("gradient_norm")[0].values[1]
        )
        pane.show_view("accuracy")
        await pilot.pause()
        assert plot.y_scale == "linear"
        # The cursor of one axis is none of another.
        plot.focus()
        await pilot.press("right")
        assert plot.cursor_x is not None
        assert app.screen.query_one("#metric", LinePlot).cursor_x is None
        await pilot.press("comma", "comma")
        await until(pilot, lambda: pane.step == 10)
        assert [curve.label for curve in plot.curves] == ["step 10"]


async def test_the_newest_recording_comes_by_itself(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        pane = await inside_of(app, pilot)
        record(stage, "gru-s2", 61)
        await until(pilot, lambda: pane.step == 61 and pane.inside)
        assert pane.query_one(HeatMap).heat is not None


async def test_another_trial_shows_its_own(stage: Stage) -> None:
    record(stage, "lstm-s0", 20)
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        pane = await inside_of(app, pilot)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: app.screen.trial.name == "simple_rnn-s0")
        assert pane.inside is None
        assert not app.screen.has_class("-recorded")
        await pilot.press(*["less_than_sign"] * 6)
        await until(pilot, lambda: app.screen.trial.name == "lstm-s0")
        await until(pilot, lambda: pane.inside)
        assert pane.step == 20


async def test_why_nothing_is_recorded_is_said(stage: Stage) -> None:
    reason = "with it recordings would take 0.3 s of 5 s of training, more than 3 %"
    stage.write("lstm-s0", [NotRecorded(time=STARTED + 50, step=10, reason=reason)])
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(100, 24)) as pilot:
        await open_trial(app, pilot, "lstm-s0")
        await pilot.press("4")
        await until(pilot, lambda: reason in screen_text(app))
        for what in ("layer", "part", "sample", "step", "view"):
            assert app.screen.check_action("inside", (what, 1)) is False


async def test_a_damaged_recording_is_said(stage: Stage) -> None:
    stage.folder.trial("gru-s2").recording(60).write_bytes(b"nothing")
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await open_trial(app, pilot)
        await until(pilot, lambda: "after step 60 cannot be read" in screen_text(app))
        (notification,) = app._notifications
        assert "step-60.npz is damaged" in notification.message
        # The others can.
        await pilot.press("comma")
        await until(pilot, lambda: app.screen.query_one(InsideView).inside)


async def test_a_click_shows_a_view(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        pane = await inside_of(app, pilot)
        await pilot.click("#views", offset=(15, 0))
        assert pane.inside.view == "states"


async def test_the_keys_beside_what_is_chosen_are_clicked(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        pane = await inside_of(app, pilot)
        said = str(pane.query_one("#chosen").render())
        after = said.index("sample 1/2") + len("sample 1/2")
        await pilot.click("#chosen", offset=(after, 0))
        assert pane.inside.sample == 1
        await pilot.click("#chosen", offset=(after - len("(sample 1/2"), 0))
        assert pane.inside.sample == 0


def test_what_is_not_there_becomes_the_nearest_that_is() -> None:
    shown = Inside(recording(50), Choice("states", {"layer": 7, "part": 99, "sample": -3}))
    assert (shown.trace.layer, shown.part, shown.sample) == ("lstm", 5, 0)
    assert shown.sizes() == {"part": (5, 6), "sample": (0, 2)}
    other = Inside(recording(50), Choice("none of these"))
    assert other.view == views(recording(50))[0] == "attention"


def test_numbers_that_are_none_reach_the_picture() -> None:
    trace = attention(10, "block")
    values = trace.values.copy()
    values[0, 0, 3] = np.nan
    broken = Recording(10, (dataclasses.replace(trace, values=values),))
    heat = Inside(broken, Choice()).heat()
    assert np.isnan(heat.values[3]).all()
    assert np.isfinite(heat.scale).all()
    nothing = Recording(10, (dataclasses.replace(trace, values=values * np.nan),))
    assert np.isfinite(Inside(nothing, Choice()).heat().scale).all()


def test_signed_states_have_a_scale_with_zero_in_the_middle() -> None:
    cell = SIGNALS.index("c")
    low, high = Inside(recording(50), Choice("states", {"part": cell})).heat().scale
    assert low == -high
    assert high > 0
