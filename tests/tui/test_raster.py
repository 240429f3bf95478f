import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tui.widgets.axis import Axis
from tui.widgets.band import band_tints
from tui.widgets.curve import Curve
from tui.widgets.raster import cell_dots, column_of, curve_spans, owners, row_of

WIDTH, HEIGHT = 12, 5
COLUMNS, ROWS = WIDTH * 2, HEIGHT * 4
UNIT = Axis(0.0, 1.0)


def curve(y, x=None, **fields):
    x = np.arange(len(y)) if x is None else x
    return Curve("name", "key", x, y, **fields)


def lit(spans, index=0):
    """The pixels of a curve as a set of (row, column)."""
    return {
        (row, column)
        for column in range(spans.top.shape[1])
        for row in range(spans.top[index, column], spans.bottom[index, column] + 1)
    }


values = st.floats(0, 1, allow_subnormal=False)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=60))
def test_every_point_lights_its_own_pixel(points):
    x, y = np.array(sorted(points)).T
    spans = curve_spans([curve(y, x).finite], UNIT, UNIT, COLUMNS, ROWS)
    pixels = lit(spans)
    rows, columns = row_of(y, UNIT, ROWS), column_of(x, UNIT, COLUMNS)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) <= pixels


@given(st.lists(st.tuples(values, values), min_size=2, max_size=20))
def test_lines_are_joined_and_stay_between_their_points(points):
    x, y = np.array(sorted(points)).T
    spans = curve_spans([curve(y, x).finite], UNIT, UNIT, COLUMNS, ROWS)
    top, bottom = spans.top[0], spans.bottom[0]
    columns = column_of(x, UNIT, COLUMNS)
    rows = row_of(y, UNIT, ROWS)
    inside = slice(columns[0], columns[-1] + 1)
    assert (top[inside] <= bottom[inside]).all()
    # Pixels of neighbouring columns touch, at least by a corner.
    assert (top[inside][1:] <= bottom[inside][:-1] + 1).all()
    assert (bottom[inside][1:] >= top[inside][:-1] - 1).all()
    assert top[inside].min() >= rows.min()
    assert bottom[inside].max() <= rows.max()
    outside = np.ones(COLUMNS, bool)
    outside[inside] = False
    assert (top[outside] > bottom[outside]).all()


def test_a_line_is_one_dot_thick():
    y = np.array([0.0, 1.0])
    spans = curve_spans([curve(y, y).finite], UNIT, UNIT, 20, 20)
    assert lit(spans) == {(19 - column, column) for column in range(20)}


def test_lines_reach_beyond_a_zoomed_view():
    line = curve([0.0, 1.0], [-1.0, 2.0])
    spans = curve_spans([line.finite], UNIT, UNIT, COLUMNS, ROWS)
    assert (spans.top[0] <= spans.bottom[0]).all()
    assert spans.end_column[0] == -1
    assert spans.end_row[0] == row_of(np.array([2 / 3]), UNIT, ROWS)[0]


def test_not_finite_values_break_the_line():
    line = curve([0.5, 0.5, np.nan, 0.5, np.inf, 0.5], [0, 0.2, 0.4, 0.6, 0.8, 1.0])
    spans = curve_spans([line.finite], UNIT, UNIT, 20, 8)
    drawn = (spans.top[0] <= spans.bottom[0]).tolist()
    assert drawn == [True] * 5 + [False] * 7 + [True] + [False] * 6 + [True]
    assert line.finite.above.tolist() == [0.4, 0.8]


def test_log_axis_is_linear_in_the_exponent():
    axis = Axis(1e-3, 10.0, "log")
    x = np.linspace(0, 1, 50)
    y = 10.0 ** np.linspace(-3, 1, 50)
    log = curve_spans([curve(y, x).positive], UNIT, axis, COLUMNS, ROWS)
    straight = curve_spans([curve(x, x).finite], UNIT, UNIT, COLUMNS, ROWS)
    assert np.array_equal(log.top, straight.top)
    assert np.array_equal(log.bottom, straight.bottom)


def test_log_axis_keeps_note_of_values_it_cannot_show():
    line = curve([1.0, 0.0, -2.0, 1.0, np.nan, -np.inf])
    assert line.positive.non_positive.tolist() == [1, 2]
    assert line.positive.above.tolist() == [4]
    assert line.positive.below.tolist() == [5]
    assert line.positive.gap_after.tolist() == [True, True]
    assert line.finite.non_positive.size == 0


@given(arrays(np.int64, (2, 4), elements=st.integers(-2, 10)))
def test_cells_hold_the_dots_of_their_spans(ends):
    top, bottom = ends
    spans_of = type(curve_spans([], UNIT, UNIT, 1, 1))
    spans = spans_of(top[None], bottom[None], np.array([-1]), np.array([-1]))
    dots = cell_dots(spans, 2, 2, 2, 4)
    order = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
    for row in range(2):
        for column in range(2):
            expected = sum(
                order[dot][side]
                for dot in range(4)
                for side in range(2)
                if top[column * 2 + side] <= row * 4 + dot <= bottom[column * 2 + side]
            )
            assert dots.bits[0, row, column] == expected
            assert dots.count[0, row, column] == expected.bit_count()


def test_a_cell_belongs_to_the_highlighted_curve_then_to_the_one_with_most_dots():
    count = np.array([[[1, 4, 0, 2]], [[3, 1, 0, 2]], [[2, 0, 0, 0]]], np.uint8)
    assert owners(count, [1] * 3).tolist() == [[1, 0, -1, 0]]
    assert owners(count, [1, 1, 2]).tolist() == [[2, 0, -1, 0]]
    assert owners(count, [0, 2, 1]).tolist() == [[1, 1, -1, 1]]


def test_bands_tint_the_cells_between_their_edges():
    x = np.array([0.0, 1.0])
    band = curve([0.5, 0.5], x, color=3, low=[0.25, 0.25], high=[0.75, 0.75])
    tints = band_tints([band], UNIT, UNIT, 4, 8)
    assert tints.cells[:, 0].tolist() == [0, 0, 8, 8, 8, 8, 0, 0]
    assert (tints.cells == tints.cells[:, :1]).all()
    low = curve([0.5, 0.5], x, color=0, low=[0.3, 0.3], high=[1, 1])
    eighths = band_tints([low], UNIT, UNIT, 1, 2).eighths[:, :, 0]
    assert eighths.tolist() == [[1] * 8, [1, 1, 1, 0, 0, 0, 0, 0]]


def test_bands_do_not_leave_their_curve_nor_hide_where_they_are_undefined():
    x = np.array([0.25, 0.5, 0.75])
    nan = np.nan
    band = curve([0.5] * 3, x, low=[0, 0, nan], high=[1, 1, nan])
    tints = band_tints([band], UNIT, UNIT, 8, 4)
    assert tints.cells.any(axis=0).tolist() == [False] * 2 + [True] * 2 + [False] * 4
    assert band_tints([curve([1.0])], UNIT, UNIT, 8, 4) is None


anything = st.floats() | st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324, np.nan, np.inf])


@settings(max_examples=200)
@given(st.lists(st.tuples(anything, anything), max_size=30))
def test_curves_keep_every_point_or_say_which_not(points):
    x, y = (np.array(column, float) for column in zip(*points, strict=True)) if points else ([], [])
    line = curve(y, x)
    placed = np.isfinite(np.array(x, float))
    assert line.unplaced == np.sum(~placed)
    assert line.x.size == placed.sum()
    assert (np.diff(line.x / 2) >= 0).all()
    for shown in (line.finite, line.positive):
        marked = shown.above.size + shown.below.size + shown.non_positive.size
        assert shown.x.size + marked == line.x.size
