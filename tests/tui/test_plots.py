"""The dashboard's plots: how many, of what, over what, and how they are drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from staged import ROOT, Stage, check_snapshot, config, screen_text, staged, until
from textual.geometry import Size

from experiments.effort import Effort
from tui.app import KerasSeqApp
from tui.plot_options import PlotOptions, plot_title, seeds_words, smoothing_words, usual_keys
from tui.screens.trial import TrialScreen
from tui.widgets.line_plot import LinePlot
from tui.widgets.model_curves import SMOOTHINGS
from tui.widgets.plot_grid import SHAPES, PlotGrid, fits, suitable
from tui.widgets.reading_line import ReadingLine
from tui.widgets.trial_list import TrialList

pytestmark = pytest.mark.usefixtures("frozen")


@pytest.fixture
def half_way() -> Stage:
    stage = staged()
    stage.half_way()
    return stage


def grid(app: KerasSeqApp) -> PlotGrid:
    return app.screen.query_one(PlotGrid)


def sharp(app: KerasSeqApp) -> bool:
    """Whether the curves are those that were last asked for."""
    options, snapshot = app.options, app.snapshot
    asked = (options.x, options.smoothing, options.members)
    made = snapshot.request
    keys = options.keys(snapshot.view.config)[: grid(app).shown]
    return (made.x, made.smoothing, made.members) == asked and made.keys == frozenset(keys)


@given(st.integers(0, 300), st.integers(0, 100))
def test_what_suits_a_size_fits_it(width, height):
    assert fits(suitable(Size(width, height)), Size(width, height))


@pytest.mark.parametrize(
    ("size", "count"), [((80, 24), 1), ((120, 40), 2), ((160, 50), 3), ((240, 70), 6)]
)
async def test_as_many_plots_as_suit_the_size(half_way, size, count):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and sharp(app))
        assert grid(app).shown == len(grid(app).plots) == count
        for plot in grid(app).plots:
            assert plot.region.width > 20
            assert plot.region.height > 5


async def test_g_goes_through_the_numbers_that_fit(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        seen = []
        for _ in SHAPES:
            before = grid(app).shown
            await pilot.press("g")
            await until(pilot, lambda before=before: grid(app).shown != before)
            await until(pilot, lambda: sharp(app))
            seen.append(grid(app).shown)
            titles = {plot.title for plot in grid(app).plots}
            assert len(titles) == grid(app).shown
            assert all(plot.curves for plot in grid(app).plots if "memory" not in plot.title)
        assert sorted(seen) == sorted(SHAPES)


async def test_six_plots_where_three_suit(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("g", "g")
        await until(pilot, lambda: grid(app).shown == 6 and sharp(app) and app.pulse)
        await pilot.press("i", "x")
        await until(pilot, lambda: sharp(app))
        await check_snapshot(pilot, "dashboard-six-plots")


async def test_m_changes_the_focused_plot_alone_and_it_stays(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot and sharp(app))
        first, second = grid(app).plots[:2]
        before = first.title, second.title
        second.focus()
        await pilot.press("m")
        await until(pilot, lambda: sharp(app) and second.title != before[1])
        assert first.title == before[0]
        after = second.title
        app.screen.query_one(TrialList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query(PlotGrid))
        assert (grid(app).plots[0].title, grid(app).plots[1].title) == (before[0], after)


async def test_x_goes_through_what_is_known_and_forgets_the_view(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("2", "right", "plus")
        plot = grid(app).plots[0]
        await until(pilot, lambda: plot.x_limits is not None)
        # A made-up task without a training set has no epochs.
        for effort, label in (("time", "seconds"), ("examples", "sequences"), ("compute", "FLOPs")):
            await pilot.press("x")
            await until(pilot, lambda effort=effort: app.options.x == effort and sharp(app))
            assert {plot.x_label for plot in grid(app).plots} == {label}
            assert plot.x_limits is plot.cursor_x is None
            assert plot.curves
            assert f"x: {effort}" in screen_text(app)
        await pilot.press("x")
        await until(pilot, lambda: app.options.x is Effort.STEP)


async def test_x_and_smoothing_reach_the_trial_screen(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("x", "v")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        loss = app.screen.query_one("#loss", LinePlot)
        await until(pilot, lambda: loss.x_label == "seconds")
        assert loss.mode == "block"
        smooth = loss.curves[0].y
        await pilot.press("o")
        await until(pilot, lambda: app.options.smoothing == 0.0)
        await until(pilot, lambda: loss.curves[0].y.tolist() != smooth.tolist())
        await pilot.press("o", "o", "o", "o")
        await until(pilot, lambda: app.options.smoothing is None)


async def test_characters_change_in_every_plot(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        for mode in ("block", "ascii", "braille"):
            await pilot.press("v")
            await until(pilot, lambda mode=mode: app.options.mode == mode)
            assert {plot.chart.mode for plot in grid(app).plots} == {mode}


async def test_seeds_on_demand(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot and sharp(app))
        plot = grid(app).plots[0]
        assert not any(curve.thin for curve in plot.curves)
        await pilot.press("i")
        await until(pilot, lambda: any(curve.thin for curve in plot.curves))
        assert sum(curve.thin for curve in plot.curves) == 6
        await pilot.press("i")
        await until(pilot, lambda: not any(curve.thin for curve in plot.curves))


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (240, 70)])
async def test_the_values_of_all_models_at_the_cursor(half_way, size):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and sharp(app) and app.pulse)
        await pilot.press("2")
        await until(pilot, lambda: app.focused in grid(app).plots)
        await pilot.press("left")
        await until(pilot, lambda: app.screen.query_one(ReadingLine).read)
        await check_snapshot(pilot, "dashboard-cursor")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query_one(ReadingLine).read is None)


async def test_zoom_and_pan_are_shared(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot and sharp(app))
        await pilot.press("2", "plus", "shift+right")
        plots = grid(app).plots
        await until(pilot, lambda: all(plot.x_limits for plot in plots))
        assert len({plot.x_limits for plot in plots}) == 1
        await pilot.press("0")
        await until(pilot, lambda: not any(plot.x_limits for plot in plots))


async def test_without_colour_every_model_has_its_own_dashes_everywhere(half_way, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot and sharp(app))
        assert all(plot.chart.dashed for plot in grid(app).plots)
        drawn = {(c.label, c.color) for plot in grid(app).plots for c in plot.curves}
        assert len(drawn) == len({color for _, color in drawn}) == 3


def test_options_go_round():
    options = PlotOptions()
    for _ in SMOOTHINGS:
        options = options.with_next_smoothing()
    known = (Effort.STEP, Effort.TIME)
    assert options.with_next_x(known).with_next_x(known) == options == PlotOptions()
    # What another experiment knows may not be known here.
    assert PlotOptions(x=Effort.EPOCH).with_next_x(known).x is Effort.STEP
    assert options.with_next_mode("ascii").mode == "braille"


def test_scales_belong_to_measurements():
    options = PlotOptions()
    assert (options.scale("train_loss"), options.scale("validation_accuracy")) == ("log", "linear")
    other = options.with_other_scale("train_loss")
    assert (other.scale("train_loss"), other.scale("validation_loss")) == ("linear", "log")
    assert other.with_other_scale("train_loss").scale("train_loss") == "log"


def test_a_measurement_is_chosen_for_one_plot():
    usual = usual_keys(config())
    assert PlotOptions().with_key(1, "learning_rate").keys(config()) == (
        usual[0],
        "learning_rate",
        *usual[2:],
    )


def test_titles_say_what_was_done_to_the_curves():
    assert plot_title("train loss", "train_loss", 0.0) == "train loss"
    assert plot_title("train loss", "train_loss", None) == (
        "train loss, averaged over 1 % of the steps"
    )
    assert plot_title("validation loss", "validation_loss", None) == "validation loss"
    assert [seeds_words(seeds) for seeds in (1, 3)] == ["", "mean of 3 seeds with 95 % band"]
    assert [smoothing_words(s) for s in (None, 0.0, 0.03)] == [
        "batches averaged",
        "nothing averaged",
        "averaged over 3 %",
    ]


async def test_keys_that_come_before_the_screen_has_followed_all_count(half_way):
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        screen = app.screen
        for _ in range(2):
            screen.action_next_count()
            screen.action_next_smoothing()
        await until(pilot, lambda: app.options.count == 6)
        assert app.options.smoothing == SMOOTHINGS[2]
        assert grid(app).shown == 6
