import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.widgets.chart import Chart
from tui.widgets.crosshair import draw_crosshair, nearest_x, point_at, readings
from tui.widgets.curve import Curve
from tui.widgets.drawing import draw_chart, render_text
from tui.widgets.glyphs import GLYPHS, mode_for_terminal
from tui.widgets.labels import spread
from tui.widgets.picture import Ink, Picture, shortened

MODES = list(GLYPHS)


def curve(y, name="LSTM", color=0, **fields):
    return Curve(name, name, np.arange(len(y), dtype=float), np.array(y, float), color, **fields)


def rising(name="LSTM", color=0, top=1.0, points=41, **fields):
    return curve(top * np.linspace(0, 1, points) ** 0.5, name, color, **fields)


anything = st.floats() | st.sampled_from([0.0, 1.0, 1.0, -1e308, 1e308, 5e-324, np.nan, np.inf])
lines = st.builds(
    lambda points, color, name, banded, finished: Curve(
        name,
        name,
        np.array([x for x, *_ in points], float),
        np.array([y for _, y, _, _ in points], float),
        color,
        np.array([low for *_, low, _ in points], float) if banded else None,
        np.array([high for *_, high in points], float) if banded else None,
        finished,
    ),
    st.lists(st.tuples(anything, anything, anything, anything), max_size=8),
    st.integers(0, 60),
    st.text(max_size=12),
    st.booleans(),
    st.booleans(),
)
charts = st.builds(
    Chart,
    curves=st.lists(lines, max_size=5).map(tuple),
    title=st.text(max_size=20),
    x_label=st.text(max_size=8),
    y_scale=st.sampled_from(["linear", "log"]),
    x_limits=st.none() | st.just((0.0, 1.0)) | st.just((1e300, 2e300)),
    y_limits=st.none() | st.just((-1.0, 1.0)) | st.just((0.1, 10.0)),
    mode=st.sampled_from(MODES),
    highlight=st.none() | st.text(max_size=2),
    dashed=st.booleans(),
    x_rule=st.none() | st.just((0.5, "here")) | st.just((1e300, "there")),
)


@settings(max_examples=150, deadline=None)
@given(charts, st.integers(1, 100), st.integers(1, 30), st.floats(allow_nan=False))
def test_any_data_is_drawn_at_any_size(chart, width, height, cursor):
    drawing = draw_chart(chart, width, height)
    picture = draw_crosshair(drawing, chart, cursor)
    for drawn in (drawing.picture, picture):
        assert drawn.glyph.shape == (height, width)
        assert len(drawn.lines()) == height
        assert drawn.keys().min() >= 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(20, 5), (8, 3), (1, 1), (50, 15), (160, 50)])
@pytest.mark.parametrize("y", [[5.0], [3.0, 3.0, 3.0], [0.0, 0.0]])
def test_single_points_and_flat_curves_are_visible(y, size, mode):
    drawing = draw_chart(Chart((curve(y),), mode=mode), *size)
    _, ink, _ = drawing.frame.window(drawing.picture)
    assert (ink >= Ink.SERIES).any()


@pytest.mark.parametrize("y_scale", ["linear", "log"])
@given(
    st.lists(st.sampled_from([1.0, 2.0, math.nan, math.inf, -math.inf, 0.0, -1.0]), min_size=2),
    st.integers(20, 80),
    st.integers(6, 20),
)
def test_values_that_cannot_be_drawn_are_marked_in_their_column(y_scale, y, width, height):
    chart = Chart((curve(y),), y_scale=y_scale)
    drawing = draw_chart(chart, width, height)
    glyph, _, _ = drawing.frame.window(drawing.picture)
    for x, value in enumerate(y):
        column = drawing.frame.column_at(x) - drawing.frame.left
        marks = glyph[:3] if math.isnan(value) or value > 0 else glyph[-3:]
        if not math.isfinite(value):
            assert ord("×") in marks[:, column]  # noqa: RUF001 - the sign is meant
        elif y_scale == "log" and value <= 0:
            assert ord("▾") in marks[:, column]


def test_marks_of_several_curves_are_stacked():
    broken = [1.0, math.nan, 1.0]
    text = render_text(Chart((curve(broken), curve(broken, "GRU", 1))), 30, 10)
    assert [row.count("×") for row in text[:3]] == [1, 1, 0]  # noqa: RUF001


def test_log_axis_decades_are_evenly_spaced():
    chart = Chart((curve([1e-3, 1e-2, 0.1, 1, 10]),), y_scale="log")
    rows = [row for row, text in enumerate(render_text(chart, 40, 27)) if "┤" in text]
    assert len(rows) == 5
    assert len(set(np.diff(rows))) <= 2
    assert np.ptp(np.diff(rows)) <= 1


def test_bands_are_backgrounds_and_lines_foregrounds():
    x = np.linspace(0, 1, 50)
    line = Curve("a", "a", x, x, 2, x - 0.2, x + 0.2)
    drawing = draw_chart(Chart((line,)), 50, 20)
    glyph, ink, tint = drawing.frame.window(drawing.picture)
    on_line = ink == Ink.SERIES + 2
    assert on_line.any()
    assert (tint[on_line] == 1 << 2).mean() > 0.9
    assert ((tint > 0) & ~on_line).any()
    assert ((ink == Ink.TINT + (1 << 2)) & (glyph > 0x2580) & (glyph < 0x2588)).any()


def test_overlapping_bands_mix():
    x = np.linspace(0, 1, 50)
    lines = [Curve("a", "a", x, x, color, x - 0.3, x + 0.3) for color in (0, 1)]
    drawing = draw_chart(Chart(tuple(lines)), 50, 20)
    assert 0b11 in drawing.frame.window(drawing.picture)[2]


def test_a_wide_band_does_not_flatten_the_curves():
    x = np.linspace(0, 1, 50)
    line = Curve("a", "a", x, x, 0, x - 100, x + 100)
    frame = draw_chart(Chart((line,)), 50, 20).frame
    assert frame.y_axis.low > -1
    assert frame.y_axis.high < 2


def test_highlight_comes_to_the_front_and_mutes_the_others():
    lines = (rising("a", 0), rising("b", 1), rising("c", 2))
    for key, color in (("a", 0), ("b", 1), ("c", 2)):
        drawing = draw_chart(Chart(lines, highlight=key), 50, 15)
        _, ink, _ = drawing.frame.window(drawing.picture)
        assert (ink == Ink.SERIES + color).any()
        assert not ((ink >= Ink.SERIES) & (ink < Ink.MUTED) & (ink != Ink.SERIES + color)).any()
    unknown = draw_chart(Chart(lines, highlight="nobody"), 50, 15)
    assert not ((unknown.picture.ink >= Ink.MUTED) & (unknown.picture.ink < Ink.STRONG)).any()


def test_modes_use_their_own_characters():
    chart = Chart((rising(),), title="loss", x_label="step")
    texts = {
        mode: "".join(render_text(Chart(**{**vars(chart), "mode": mode}), 50, 15)) for mode in MODES
    }
    assert any(0x2800 < ord(char) <= 0x28FF for char in texts["braille"])
    assert not any(0x2800 <= ord(char) <= 0x28FF for char in texts["block"])
    assert "▀" in texts["block"]
    assert texts["ascii"].isascii()
    assert texts["ascii"].count("a") > 20


def test_series_keep_their_identity_without_colour():
    lines = (rising("x", 0), rising("y", 1, 0.5))
    solid = draw_chart(Chart(lines), 80, 20).picture
    dashed = draw_chart(Chart(lines, dashed=True), 80, 20).picture
    assert not np.array_equal(solid.glyph, dashed.glyph)
    text = "\n".join(dashed.lines())
    assert "○" in text
    assert "□" in text
    assert " a x" in text
    assert " b y" in text


def test_finished_curves_end_in_filled_markers():
    text = "".join(render_text(Chart((rising("x", 0, finished=True), rising("y", 1, 0.5))), 50, 8))
    assert "●" in text
    assert "□" in text


def test_names_stand_beside_the_curves_or_in_a_row_or_not_at_all():
    lines = (rising("Transformer", 0), rising("Peephole LSTM", 1, 0.5))
    assert any(row.rstrip().endswith("a Transformer") for row in render_text(Chart(lines), 100, 12))
    small = render_text(Chart(lines), 50, 12)
    assert "○a Transformer  □b Peephole LSTM" in small[-1]
    assert small[0].rstrip().endswith("a")
    assert "Transformer" not in "".join(render_text(Chart(lines, legend=False), 50, 12))


def test_empty_chart_says_what_it_waits_for():
    rows = render_text(Chart(title="loss"), 60, 9)
    assert rows[0].strip() == "loss"
    assert rows[4].strip() == "waiting for the first measurement"
    assert sum(bool(row.strip()) for row in rows) == 2


def test_a_point_without_x_is_counted():
    line = Curve("a", "a", np.array([0, math.nan, 2]), np.array([1.0, 2, 3]))
    assert "1 without x" in render_text(Chart((line,), title="loss"), 60, 9)[0]


def test_curve_arrays_must_fit():
    with pytest.raises(ValueError, match=r"Received: x.shape=\(2,\), y.shape=\(3,\)"):
        Curve("a", "a", np.zeros(2), np.zeros(3))


@pytest.mark.parametrize(
    ("width", "said"),
    [(24, "gra…"), (37, "gradient norm"), (90, "gradient norm, averaged over 1 %")],
)
def test_beside_the_values_the_title_says_what_is_measured(width, said):
    lines = (rising("a", 0, 0.5), rising("b", 1, 1.0))
    chart = Chart(lines, title="gradient norm, averaged over 1 %", x_label="step")
    line = draw_crosshair(draw_chart(chart, width, 12), chart, 10).lines()[0]
    assert line.partition("step 10")[0].strip() == said


def test_crosshair_lists_values_from_large_to_small():
    lines = (rising("a", 0, 0.5), rising("b", 1, 1.0), curve([1.0, math.nan], "c", 2))
    chart = Chart(lines, title="accuracy", x_label="step")
    picture = draw_crosshair(draw_chart(chart, 100, 12), chart, 10)
    assert picture.lines()[0].endswith("step 10  b 0.5  a 0.25")
    assert picture.lines()[0].startswith("accuracy")
    at_nan = draw_crosshair(draw_chart(chart, 100, 12), chart, 1)
    assert at_nan.lines()[0].endswith("b 0.1581  a 0.07906  c NaN")
    narrow = draw_crosshair(draw_chart(chart, 30, 12), chart, 1).lines()[0]
    assert narrow.endswith("step 1  b 0.1581 …")


def test_values_are_those_of_the_nearest_point():
    line = curve([10.0, 20.0, 30.0])
    places = (-1, -0.4, 0.4, 0.6, 2.4, 3)
    assert [point_at(line, x, 0.5) for x in places] == [None, 0, 0, 1, 2, None]
    assert nearest_x([line], 1.2) == 1
    assert nearest_x([], 1.2) == 1.2


def test_readings_are_sorted_by_value_and_tell_interval_and_seeds():
    band = {"low": np.full(3, 1.0), "high": np.full(3, 9.0), "counts": np.array([3, 3, 2])}
    lines = (
        curve([1.0, 2.0, 3.0], "low"),
        curve([5.0, 6.0, 7.0], "high", **band),
        curve([np.nan] * 3, "nan"),
        curve([9.0, 9.0, 9.0], "seed", thin=True),
        curve([8.0], "short"),
    )
    found = readings(Chart(lines), 2.0, 0.5)
    assert [lines[one.index].label for one in found] == ["high", "low", "nan"]
    assert (found[0].value, found[0].low, found[0].high, found[0].n) == (7.0, 1.0, 9.0, 2)
    assert np.isnan(found[1].low)
    assert found[1].n is None


def test_seeds_stand_behind_their_mean_without_a_name():
    """Where both touch a cell it is the mean's, and only the mean is labelled."""
    mean = curve([1.0, 1.0, 1.0], "LSTM", 3)
    seeds = [curve([y, 1.0, y], "LSTM", 3, thin=True) for y in (0.0, 2.0)]
    drawing = draw_chart(Chart((mean, *seeds)), 60, 15)
    glyph, ink, _ = drawing.frame.window(drawing.picture)
    row = drawing.frame.height // 2
    assert (ink[row - 1 : row + 1, :-1] == Ink.SERIES + 3).any(axis=0).all()
    assert (ink == Ink.MUTED + 3).any()
    assert "".join(drawing.picture.lines()).count("LSTM") == 1
    assert (glyph == ord(GLYPHS["braille"].open_markers[3])).sum() == 1


@pytest.mark.parametrize("mode", MODES)
def test_where_one_seed_was_not_finite_is_marked_though_the_mean_goes_on(mode):
    marked = curve([1.0, 2.0, 3.0], marks=np.array([1.0]))
    mark = GLYPHS[mode].not_finite
    assert sum(row.count(mark) for row in render_text(Chart((marked,), mode=mode), 40, 12)) == 1
    assert not any(mark in row for row in render_text(Chart((curve([1.0]),), mode=mode), 40, 12))


@given(st.lists(st.integers(0, 9), max_size=10), st.integers(10, 20))
def test_labels_are_moved_apart(rows, height):
    placed = spread(sorted(rows), height)
    assert len(set(placed)) == len(rows)
    assert placed == sorted(placed)
    assert all(0 <= row < height for row in placed)


@pytest.mark.parametrize(
    ("term", "encoding", "mode"),
    [
        ("xterm-256color", "utf-8", "braille"),
        ("xterm-kitty", "UTF8", "braille"),
        ("linux", "utf-8", "block"),
        ("dumb", "utf-8", "ascii"),
        ("vt100", "utf-8", "ascii"),
        ("xterm", "iso8859-1", "ascii"),
        ("xterm", None, "ascii"),
    ],
)
def test_mode_follows_the_terminal(term, encoding, mode):
    assert mode_for_terminal({"TERM": term}, encoding) == mode


def test_wide_characters_take_two_cells():
    picture = Picture(6, 1)
    assert picture.put(0, 0, "損失x", Ink.TITLE) == 5
    assert picture.lines() == ["損失x "]
    assert Picture(3, 1).put(0, 0, "損失", Ink.TITLE) == 2
    assert shortened("損失関数", 5, "…") == "損失…"


def test_snapshot():
    lines = (
        rising("Transformer", 0, 0.98, finished=True),
        curve([0.1, 0.3, 0.5, math.nan, 0.6, 0.62], "GRU", 3),
    )
    rows = render_text(Chart(lines, "val_accuracy", "step"), 48, 12)
    assert [row.rstrip() for row in rows] == SNAPSHOT


SNAPSHOT = [
    "val_accuracy",
    "1┤╌╌╌×╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌",  # noqa: RUF001
    " │                                ⢀⣀⣀⡠⠤⠤⠔⠒⠒⠊⠉● a",
    " │                      ⢀⣀⣀⠤⠤⠔⠒⠒⠉⠉⠁",
    " │    ⠤◇d       ⢀⣀⡠⠤⠔⠒⠊⠉⠁                      d",
    " │ ⢀⠆     ⣀⡠⠤⠔⠊⠉⠁",
    " │ ⡎ ⢀⡠⠤⠒⠉",
    " │⡸⡠⠒⠁",
    "0┤⡟╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌",
    " └┬─────────┬──────────┬──────────┬────── step",
    "  0        10         20         30         40",
    "             ●a Transformer  ◇d GRU",
]


@pytest.mark.parametrize("mode", MODES)
def test_an_upright_line_stands_behind_the_curves_at_its_place(mode):
    chart = Chart((curve([0.0, 0.0, 0.0]),), mode=mode, x_rule=(1.0, "training"))
    drawn = draw_chart(chart, 60, 12)
    rows = drawn.picture.lines()
    column = drawn.frame.column_at(1.0)
    upright = GLYPHS[mode].left
    top, bottom = drawn.frame.top, drawn.frame.top + drawn.frame.height
    stands = [rows[row][column] == upright for row in range(top, bottom)]
    # The curve runs along the bottom, in front of it.
    assert sum(stands) == len(stands) - 1
    assert rows[top][column + 1 :].startswith("training")
    assert (drawn.picture.ink[top:bottom, column] == Ink.AXIS).sum() == len(stands) - 1


def test_an_upright_line_out_of_view_is_not_drawn():
    plain = Chart((curve([0.0, 1.0, 2.0]),))
    ruled = Chart((curve([0.0, 1.0, 2.0]),), x_rule=(9.0, "training"))
    assert render_text(ruled, 60, 12) == render_text(plain, 60, 12)
