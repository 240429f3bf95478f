import numpy as np
import pytest
from textual import events
from textual.app import App
from textual.containers import Horizontal

from tui.widgets.line_plot import Curve, LinePlot


def curve(name="LSTM", color=0, points=101, scale=1.0):
    x = np.arange(points, dtype=float)
    return Curve(name, name, x, scale * np.sqrt(x), color)


class Plots(App):
    def __init__(self, *plots):
        super().__init__()
        self.plots = plots
        self.moves = []

    def compose(self):
        with Horizontal():
            yield from self.plots

    def on_line_plot_cursor_moved(self, message):
        self.moves.append(message.x)
        for plot in self.query(LinePlot):
            plot.cursor_x = message.x


def plot(**fields):
    fields = {"title": "loss", "x_label": "step", "mode": "braille"} | fields
    return LinePlot((curve(), curve("GRU", 1, scale=0.5)), **fields)


def text(widget):
    return [widget.render_line(y).text for y in range(widget.size.height)]


def wheel(event, widget, x, y):
    return event(widget, x, y, 0, 0, 0, False, False, False, screen_x=x, screen_y=y)


async def test_shows_curves_axes_and_title():
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        shown = text(pilot.app.query_one(LinePlot))
        assert shown[0].startswith("loss")
        assert any("a LSTM" in row for row in shown)
        assert "step" in shown[-1]
        assert all(len(row) == 60 for row in shown)


async def test_waits_for_the_first_measurement():
    async with Plots(LinePlot(title="loss")).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        assert "waiting for the first measurement" in text(widget)[7]
        widget.curves = (curve(),)
        await pilot.pause()
        assert "waiting" not in "".join(text(widget))


async def test_unchanged_data_draws_nothing():
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        first = widget.render_line(3)
        widget.curves = tuple(widget.curves)
        await pilot.pause()
        assert widget.render_line(3) is first
        widget.curves = (curve("LSTM", scale=0.3),)
        assert widget.render_line(3) is not first


class Asked(LinePlot):
    """Counts the rows that it is asked for."""

    def __init__(self, *arguments, **fields):
        super().__init__(*arguments, **fields)
        self.rows = []

    def render_line(self, y):
        self.rows.append(y)
        return super().render_line(y)


async def test_only_rows_that_differ_are_painted():
    widget = Asked((curve(),), title="loss", mode="ascii")
    async with Plots(widget).run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        before = text(widget)
        widget.rows.clear()
        widget.title = "accuracy"
        await pilot.pause()
        assert widget.rows == [0]
        widget.rows.clear()
        x, y = np.arange(101.0), np.sqrt(np.arange(101.0))
        y[50] = 0
        widget.curves = (Curve("LSTM", "LSTM", x, y),)
        await pilot.pause()
        painted = set(widget.rows)
        assert widget.app.screen._compositor.render_strips()[7].text == text(widget)[7]
        after = text(widget)
        differing = {y for y in range(1, 15) if before[y] != after[y]}
        assert differing <= painted < set(range(15))


async def test_a_plot_out_of_sight_is_drawn_when_it_comes_into_it():
    widget = Asked((curve(),), title="loss")
    async with Plots(widget, plot()).run_test(size=(60, 15)) as pilot:
        widget.display = False
        await pilot.pause()
        widget.rows.clear()
        for title in ("accuracy", "error"):
            widget.title = title
            await pilot.pause()
        assert not widget.rows
        widget.display = True
        await pilot.pause()
        assert "error" in pilot.app.screen._compositor.render_strips()[0].text


@pytest.mark.parametrize("size", [(60, 15), (60, 9), (40, 20), (3, 2)])
async def test_what_is_painted_row_by_row_is_the_whole_picture(size):
    """After any changes the screen shows what a plot shows that is painted at once."""
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        for scale in (0.5, 0.7, 0.7):
            widget.curves = (curve(scale=scale), curve("GRU", 1, points=80, scale=scale))
            widget.cursor_x = 100 * scale
            await pilot.pause()
        await pilot.resize_terminal(*size)
        widget.cursor_x, widget.title = 10.0, "accuracy"
        await pilot.pause()
        painted = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
        fresh = plot(title="accuracy")
        async with Plots(fresh).run_test(size=size) as other:
            fresh.curves, fresh.cursor_x = widget.curves, 10.0
            await other.pause()
            fresh.refresh()
            await other.pause()
            assert painted == text(fresh)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "accuracy"),
        ("x_label", "epoch"),
        ("y_scale", "log"),
        ("mode", "ascii"),
        ("highlight", "GRU"),
        ("x_limits", (10.0, 20.0)),
        ("y_limits", (0.0, 100.0)),
        ("curves", ()),
        ("cursor_x", 50.0),
    ],
)
async def test_every_field_shows_at_once(field, value):
    async with Plots(plot()).run_test(size=(50, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        before = [widget.render_line(y) for y in range(15)]
        setattr(widget, field, value)
        await pilot.pause()
        assert before != [widget.render_line(y) for y in range(15)]


async def test_keys_move_the_cursor_of_all_plots():
    app = Plots(plot(id="left"), plot(id="right"))
    async with app.run_test(size=(120, 15)) as pilot:
        left, right = app.query_one("#left"), app.query_one("#right")
        left.focus()
        await pilot.press("right")
        assert left.cursor_x == right.cursor_x == 0
        await pilot.press("right", "right")
        assert left.cursor_x == right.cursor_x > 0
        assert f"step {left.cursor_x:g}" in text(right)[0]
        await pilot.press("left", "left", "left")
        assert left.cursor_x == 0
        await pilot.press("escape")
        assert left.cursor_x is right.cursor_x is None
        await pilot.press("left")
        assert left.cursor_x == 100
        assert app.moves[-2:] == [None, 100]


async def test_every_point_can_be_reached_when_points_are_few():
    x = np.array([0.0, 1.0, 2.0])
    async with Plots(LinePlot((Curve("a", "a", x, x),))).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        widget.focus()
        seen = []
        for _ in range(3):
            await pilot.press("right")
            seen.append(widget.cursor_x)
        assert seen == [0, 1, 2]


async def test_zoom_pan_and_reset():
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        widget.focus()
        await pilot.press("minus", "shift+left")
        assert widget.x_limits is None
        await pilot.press("plus")
        assert widget.x_limits == (25, 75)
        assert "zoomed" in text(widget)[0]
        await pilot.press("shift+right")
        assert widget.x_limits == (37.5, 87.5)
        await pilot.press("shift+right", "shift+right", "shift+right")
        assert widget.x_limits == (50, 100)
        await pilot.press("minus")
        assert widget.x_limits == (25, 125)
        await pilot.press("0")
        assert widget.x_limits is None
        widget.cursor_x = 10.0
        await pilot.press("plus")
        assert widget.x_limits == (5, 55)


async def test_zooming_for_ever_stays_drawable():
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        for direction in (1, -1):
            for _ in range(80):
                widget.action_zoom(direction)
                assert len(text(widget)) == 15
        assert widget.x_limits is None


async def test_mouse_moves_the_cursor_and_the_wheel_zooms_there():
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)
        await pilot.hover(LinePlot, offset=(30, 6))
        assert 40 < widget.cursor_x < 70
        assert "│" in text(widget)[10][5:]
        at = widget.cursor_x
        widget.post_message(wheel(events.MouseScrollUp, widget, 30, 6))
        await pilot.pause()
        low, high = widget.x_limits
        assert high - low == pytest.approx(50)
        assert low < at < high
        widget.post_message(wheel(events.MouseScrollRight, widget, 30, 6))
        await pilot.pause()
        assert widget.x_limits[0] > low
        for _ in range(3):
            widget.post_message(wheel(events.MouseScrollDown, widget, 30, 6))
        await pilot.pause()
        assert widget.x_limits is None
        await pilot.hover(LinePlot, offset=(1, 6))
        assert widget.cursor_x is None


async def test_theme_changes_the_colours():
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        widget = pilot.app.query_one(LinePlot)

        def styles():
            return {part.style for y in range(15) for part in widget.render_line(y)}

        dark = styles()
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert styles() != dark


@pytest.mark.parametrize("theme", ["ansi-dark", "nord", "solarized-light"])
async def test_other_themes_are_drawn(theme):
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        pilot.app.theme = theme
        await pilot.pause()
        assert pilot.app.export_screenshot()


async def test_without_colour_every_series_is_dashed(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with Plots(plot()).run_test(size=(60, 15)) as pilot:
        assert pilot.app.query_one(LinePlot).chart.dashed


@pytest.mark.parametrize("size", [(20, 5), (10, 3), (3, 2), (160, 50)])
async def test_any_size(size):
    async with Plots(plot()).run_test(size=size) as pilot:
        pilot.app.query_one(LinePlot).focus()
        await pilot.press("right", "plus", "right", "shift+left", "minus", "0")
        assert len(text(pilot.app.query_one(LinePlot))) == size[1]


def test_bindings_have_an_id_and_a_tooltip_and_an_action():
    for binding in LinePlot.BINDINGS:
        assert binding.id.startswith("plot.")
        assert binding.tooltip
        assert hasattr(LinePlot, f"action_{binding.action.partition('(')[0]}")
