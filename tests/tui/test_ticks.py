import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui.widgets.axis import Axis, rounded, widened
from tui.widgets.ticks import format_number, format_ticks, log_ticks, nice_ticks

numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 5, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 1, 2, (0, 0.5, 1)),
        (0.03, 0.98, 5, (0.2, 0.4, 0.6, 0.8)),
        (0, 4000, 8, (0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000)),
        (-3, 3, 3, (-2, 0, 2)),
        (1e-5, 3e-5, 2, (1e-5, 2e-5, 3e-5)),
    ],
)
def test_nice_ticks(low, high, most, expected):
    assert nice_ticks(low, high, most) == expected


@given(numbers, numbers, st.integers(1, 30))
def test_ticks_are_nice_cover_the_range_and_increase(low, high, most):
    low, high = widened(*sorted((low, high)))
    ticks = nice_ticks(low, high, most)
    steps = [after / 2 - before / 2 for before, after in itertools.pairwise(ticks)]
    assert all(step > 0 for step in steps)
    if len(ticks) < 2 or ticks == (low, high):
        return
    # Doubling could overflow, so everything is halved.
    step = max(steps)
    slack = step * 1e-3
    assert min(steps) == pytest.approx(step, rel=1e-3)
    mantissa = 2 * step / 10.0 ** math.floor(math.log10(step) + math.log10(2) + 1e-3)
    assert any(mantissa == pytest.approx(nice, rel=1e-2) for nice in (1, 2, 5, 10))
    assert low / 2 - slack <= ticks[0] / 2 <= low / 2 + step + slack
    assert high / 2 - step - slack <= ticks[-1] / 2 <= high / 2 + slack
    assert len(ticks) <= most + 2


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, math.inf), (math.nan, 1)])
def test_ticks_need_a_range(ends):
    with pytest.raises(ValueError, match="Received: low="):
        nice_ticks(*ends, 5)


@pytest.mark.parametrize("ends", [(0, 1), (-1, 1), (1, math.inf)])
def test_log_ticks_need_a_positive_range(ends):
    with pytest.raises(ValueError, match="Received: low="):
        log_ticks(*ends, 5)


def test_log_ticks_are_powers_of_ten_with_2_and_5_where_there_is_room():
    assert log_ticks(1e-3, 10, 5) == (1e-3, 1e-2, 1e-1, 1, 10)
    assert log_ticks(1, 100, 8) == (1, 2, 5, 10, 20, 50, 100)
    assert log_ticks(1e-12, 1, 4) == (1e-12, 1e-9, 1e-6, 1e-3, 1)
    assert log_ticks(2.1, 2.9, 4) == (2.2, 2.4, 2.6, 2.8)


@given(st.floats(1e-300, 1e300), st.floats(1.0001, 1e6), st.integers(2, 20))
def test_log_ticks_increase_within_the_range(low, ratio, most):
    high = low * ratio
    ticks = log_ticks(low, high, most)
    assert len(ticks) >= 2
    assert all(before < after for before, after in itertools.pairwise(ticks))
    assert ticks[0] >= low * (1 - 1e-6)
    assert ticks[-1] <= high * (1 + 1e-6)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (1e-5, "1e-05"),
        (0.5, "0.5"),
        (999, "999"),
        (1000, "1k"),
        (-1500, "-1.5k"),
        (10_000, "10k"),
        (2_500_000, "2.5M"),
        (3e9, "3G"),
        (1e20, "1e20"),
        (0.95238, "0.9524"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_compact(value, text):
    assert format_number(value) == text


@given(numbers, numbers, st.integers(2, 10))
def test_different_ticks_have_different_labels(low, high, most):
    low, high = widened(*sorted((low, high)))
    ticks = nice_ticks(low, high, most)
    assert len(set(format_ticks(ticks))) == len(ticks)


@given(numbers, numbers, st.integers(1, 20))
def test_rounded_axis_holds_the_range_and_wastes_little(low, high, most):
    low, high = sorted((low, high))
    axis = rounded(low, high, "linear", most)
    assert axis.low < axis.high
    assert math.isfinite(axis.low)
    assert math.isfinite(axis.high)
    limit = 1.7e308
    assert axis.low <= max(low, -limit)
    assert axis.high >= min(high, limit)
    wide = widened(low, high)
    assume(wide == (low, high))
    assert axis.high / 2 - axis.low / 2 <= 3 * (high / 2 - low / 2)


@given(st.floats(1e-300, 1e300), st.floats(1, 1e7))
def test_rounded_log_axis_holds_the_range(low, ratio):
    axis = rounded(low, low * ratio, "log", 5)
    assert 0 < axis.low <= low
    assert low * ratio <= axis.high < math.inf
    assert axis.low < axis.high


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9), st.floats(0, 1))
def test_axis_value_inverts_position(low, span, position):
    axis = Axis(low, low + span)
    value = axis.value(position)
    assert float(axis.position(value)) == pytest.approx(position, abs=1e-4)


@pytest.mark.parametrize("value", [0.0, -0.0])
def test_what_is_zero_all_the_time_is_not_drawn_as_if_it_could_be_negative(value):
    axis = rounded(value, value, "linear", 4)
    assert (axis.low, axis.high) == (0.0, 1.0)
