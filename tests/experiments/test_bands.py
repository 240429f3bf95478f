import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import stats
from experiments.bands import MOST_PLACES, GrowingBand, common_band, union_band

FREE = (-math.inf, math.inf)


def curve(values):
    return np.array(list(values), float), np.array(list(values.values()), float)


numbers = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf])
curves_by_step = st.lists(
    st.dictionaries(st.integers(0, 30), numbers, max_size=12).map(
        lambda values: curve(dict(sorted(values.items())))
    ),
    min_size=1,
    max_size=5,
)


def test_a_band_over_curves_of_differing_length():
    curves = [curve(c) for c in ({1: 1.0, 2: 2.0, 3: 3.0}, {1: 3.0, 3: 5.0}, {1: 5.0})]
    found = union_band(curves, FREE)
    assert found.n == 3
    assert list(found.x) == [1, 2, 3]
    assert list(found.counts) == [3, 1, 2]
    expected = [stats.t_interval(v) for v in ([1.0, 3.0, 5.0], [2.0], [3.0, 5.0])]
    np.testing.assert_allclose(found.mean, [i.mean for i in expected])
    np.testing.assert_allclose(found.low, [i.low for i in expected])
    np.testing.assert_allclose(found.high, [i.high for i in expected])


@pytest.mark.parametrize("band", [union_band, common_band])
def test_a_band_ends_where_its_measure_does(band):
    curves = [curve({1: 0.1, 2: 5.0}), curve({1: 0.9, 2: 6.0})]
    free = stats.t_interval([0.1, 0.9])
    for bounds, low in ((FREE, free.low), ((0.0, math.inf), 0.0)):
        found = band(curves, bounds)
        assert found.low[0] == pytest.approx(low)
        assert (found.mean[0], found.high[0]) == pytest.approx((free.mean, free.high))


@pytest.mark.parametrize("band", [union_band, common_band])
def test_a_band_of_one_curve_is_that_curve_without_bounds(band):
    found = band([curve({2: 4.0, 5: 3.0})], FREE)
    assert found.n == 1
    np.testing.assert_array_equal(found.mean, [4.0, 3.0])
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


@pytest.mark.parametrize("band", [union_band, common_band])
def test_a_band_of_nothing_is_empty(band):
    found = band([], FREE)
    assert found.n == 0
    assert {len(part) for part in (found.x, found.mean, found.low, found.high)} == {0}


def test_a_curve_that_diverged_leaves_the_band_and_does_not_break_it():
    curves = [curve(c) for c in ({1: 1.0, 2: 1.0}, {1: 3.0, 2: math.nan}, {1: 2.0, 2: math.inf})]
    found = union_band(curves, FREE)
    assert found.mean[0] == 2.0
    assert not math.isfinite(found.mean[1])
    assert list(found.counts) == [3, 2]


@given(curves_by_step, st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_a_growing_band_is_the_band_of_all_points(curves, ends):
    """However the curves come, and however much of each comes at a time."""
    growing = GrowingBand(FREE)
    for end in [*sorted(ends), 12]:
        # Each curve at a pace of its own.
        parts = [(x[: end + i], y[: end + i]) for i, (x, y) in enumerate(curves)]
        found, expected = growing.update(parts), union_band(parts, FREE)
        for name in ("x", "mean", "low", "high", "counts"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@settings(max_examples=50)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0.1, 9.0), st.floats(-5, 5)), min_size=1, max_size=8),
        min_size=2,
        max_size=4,
    )
)
def test_the_common_grid_lies_where_all_curves_are_and_means_what_they_say_there(steps):
    curves = []
    for points in steps:
        gaps, values = zip(*points, strict=True)
        curves.append((np.cumsum(gaps), np.array(values)))
    found = common_band(curves, FREE)
    low, high = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    if low >= high:
        assert found.x.size == 0
        return
    assert (found.x[0], found.x[-1]) == (low, high)
    assert (np.diff(found.x) > 0).all()
    assert found.x.size <= MOST_PLACES + 3
    for at in (0, found.x.size // 2, -1):
        place = float(found.x[at])
        values = [interpolated(x.tolist(), y.tolist(), place) for x, y in curves]
        interval = stats.t_interval(values)
        expected = (interval.mean, interval.low, interval.high)
        assert (found.mean[at], found.low[at], found.high[at]) == pytest.approx(expected, abs=1e-9)
        assert found.counts[at] == len(curves)


def interpolated(x, y, place):
    for left in range(len(x) - 1):
        if x[left] <= place <= x[left + 1]:
            part = (place - x[left]) / (x[left + 1] - x[left])
            return y[left] * (1 - part) + y[left + 1] * part
    raise AssertionError("not where the curve is")


def test_the_common_grid_stays_where_it_is_while_curves_grow():
    long = np.arange(0.0, 70.0, 0.5)
    before, after = (
        common_band([(long[:n], long[:n]), (long[:n] + 0.2, long[:n])], FREE) for n in (110, 120)
    )
    kept = before.x[1:-1]
    assert np.isin(kept, after.x).all()
    np.testing.assert_array_equal(before.mean[1:-1], after.mean[np.isin(after.x, kept)])


def test_what_is_not_finite_takes_no_part_in_the_common_grid():
    x = np.array([0.0, 1.0, 2.0])
    found = common_band([(x, np.array([1.0, math.nan, 3.0])), (x, np.array([1.0, 2.0, 3.0]))], FREE)
    np.testing.assert_allclose(found.mean, 1 + found.x)
