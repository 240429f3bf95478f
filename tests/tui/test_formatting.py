"""Numbers as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.stats import Interval
from tui import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.00"),
        (0.05, "0.050"),
        (0.001, "0.001"),
        (0.00099, "<0.001"),
        (0.0, "<0.001"),
        (math.nan, "-"),
    ],
)
def test_probability(value: float, text: str) -> None:
    assert formatting.probability(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.9812, "0.981"),
        (-0.0051, "-0.005"),
        (1.0, "1.00"),
        (12.345, "12.3"),
        (123.45, "123"),
        (99999.0, "99999"),
        (0.00012, "1.20e-04"),
        (123456.0, "1.23e+05"),
        (math.nan, "-"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert formatting.number(value) == text


@given(st.floats(-1e300, 1e300))
def test_number_keeps_the_value_to_two_digits(value: float) -> None:
    # 1e-3 itself is the coarsest of the fixed-point numbers: three decimals hold one digit of it.
    tolerance = 0.0005 if 1e-3 <= abs(value) < 1 else abs(value) * 0.006
    assert float(formatting.number(value)) == pytest.approx(value, rel=0, abs=tolerance)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0, math.nan, math.nan, math.nan), "-"),
        (Interval(1, 0.5, math.nan, math.nan), "one seed"),
        (Interval(3, 0.5, 0.4, 0.6), "[0.400, 0.600]"),
    ],
)
def test_bounds(interval: Interval, text: str) -> None:
    assert formatting.bounds(interval) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0, math.nan, math.nan, math.nan), "-"),
        (Interval(3, 0.5, math.nan, math.nan), "0.500"),
        (Interval(5, 0.5, 0.4, 0.6), "0.500 [0.400, 0.600]"),
    ],
)
def test_mean_and_bounds(interval: Interval, text: str) -> None:
    assert formatting.mean_and_bounds(interval) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (950, "950"),
        (12_345, "12.3 k"),
        (4_560_000, "4.56 M"),
        (789e9, "789 G"),
        (5e12, "5.00 T"),
    ],
)
def test_quantity(value: float | None, text: str) -> None:
    assert formatting.quantity(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(math.nan, "-"), (0, "0:00"), (59.6, "1:00"), (75, "1:15"), (3725, "1:02:05"), (-3, "0:00")],
)
def test_duration(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


def test_counts_and_times() -> None:
    assert formatting.count(None) == "-"
    assert formatting.count(17546) == "17,546"
    assert formatting.milliseconds(math.nan) == "-"
    assert formatting.milliseconds(0.0123) == "12.3 ms"


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(3, 0.0213, 0.0043, 0.0383), "+0.021 ±0.017"),
        (Interval(3, -0.0213, -0.0383, -0.0043), "-0.021 ±0.017"),
        # Digits beyond those of the half-width would say nothing.
        (Interval(3, 0.0002, -0.0028, 0.0032), "+0.000 ±0.003"),
        (Interval(3, 12.34, -1.0, 25.68), "+12.3 ±13.3"),
        (Interval(3, 2e-7, 1e-7, 3e-7), "+2.00e-07 ±1.00e-07"),
        (Interval(1, 0.5, math.nan, math.nan), "+0.500"),
        (Interval(1, -0.5, math.nan, math.nan), "-0.500"),
        (Interval(0, math.nan, math.nan, math.nan), "-"),
        (Interval(3, math.inf, math.nan, math.nan), "+inf"),
    ],
)
def test_signed(interval: Interval, text: str) -> None:
    assert formatting.signed(interval) == text
