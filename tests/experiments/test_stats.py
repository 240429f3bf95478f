import math
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from experiments import stats

Values = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12)


def spread_out(values):
    """Whether the spread is far above rounding, so that two formulas can be compared."""
    return np.std(values) > 1e-6 * max(1.0, np.abs(values).max())


@pytest.mark.parametrize(
    # Two-sided 95 % quantiles from the tables (Student 1908; any textbook).
    ("degrees", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (29, 2.045), (10**6, 1.960)],
)
def test_quantiles_are_the_published_ones(degrees, quantile):
    assert stats.t_quantile(degrees) == pytest.approx(quantile, abs=5e-4)


def test_an_interval_by_hand():
    # Mean 2, standard deviation 1, three values: 2 +- 4.303 / sqrt(3).
    interval = stats.t_interval([1.0, 2.0, 3.0])
    assert (interval.n, interval.mean) == (3, 2.0)
    assert interval.half_width == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert interval.high - 2 == pytest.approx(2 - interval.low)


@given(values=Values, confidence=st.floats(0.5, 0.999))
def test_intervals_are_scipy_s(values, confidence):
    assume(spread_out(values))
    low, high = scipy.stats.t.interval(
        confidence, len(values) - 1, np.mean(values), scipy.stats.sem(values)
    )
    interval = stats.t_interval(values, confidence)
    assert interval.low == pytest.approx(low, rel=1e-6, abs=1e-6)
    assert interval.high == pytest.approx(high, rel=1e-6, abs=1e-6)


@given(st.data())
def test_paired_differences_are_scipy_s(data):
    a = np.array(data.draw(Values))
    b = np.array(data.draw(st.lists(st.floats(-1e6, 1e6), min_size=len(a), max_size=len(a))))
    assume(spread_out(a - b))
    expected = scipy.stats.ttest_rel(a, b)
    low, high = expected.confidence_interval(0.95)
    found = stats.paired_difference(a, b)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert found.interval.low == pytest.approx(low, rel=1e-6, abs=1e-6)
    assert found.interval.high == pytest.approx(high, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        ([1.0, 2.0], [1.0, 2.0], 1.0),  # no difference at all
        ([2.0, 3.0], [1.0, 2.0], 0.0),  # the same difference each time
        ([1.0], [0.0], math.nan),
        ([], [], math.nan),
        ([1.0, math.nan], [0.0, 0.0], math.nan),
        ([1.0, math.inf], [0.0, 0.0], math.nan),
        ([1.0, math.inf], [0.0, math.inf], math.nan),
    ],
)
def test_differences_at_the_edges(a, b, p):
    assert stats.paired_difference(a, b).p == pytest.approx(p, nan_ok=True)


def test_one_value_says_nothing_of_the_spread():
    interval = stats.t_interval([0.5])
    assert (interval.n, interval.mean) == (1, 0.5)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert math.isnan(interval.half_width)


def test_no_value_says_nothing():
    interval = stats.t_interval([])
    assert interval.n == 0
    assert math.isnan(interval.mean)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_trial_that_diverged_is_not_averaged_away(bad):
    interval = stats.t_interval([1.0, bad, 2.0])
    assert not math.isfinite(interval.mean)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_an_interval_at_95_percent_holds_the_mean_in_95_of_100():
    generator = np.random.default_rng(0)
    samples = generator.normal(3.0, 2.0, (2000, 3))
    held = [i.low <= 3.0 <= i.high for i in map(stats.t_interval, samples)]
    # Binomial(2000, 0.95) lies within +- 0.02 in all but 1 of 25,000 cases.
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)
    normal = [abs(s.mean() - 3) <= 1.96 * s.std(ddof=1) / math.sqrt(3) for s in samples]
    assert np.mean(normal) < 0.9  # what 1.96 for three seeds would claim to be 95 %


def test_holm_by_hand():
    # Holm 1979: 0.01 x 4, 0.03 x 3, then never less than the one before.
    assert stats.holm([0.04, 0.01, 0.03, 0.05]) == pytest.approx([0.09, 0.04, 0.09, 0.09])


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.2], [0.2]),
        ([0.6, 0.9], [1.0, 1.0]),
        ([math.nan], [math.nan]),
        ([0.01, math.nan, 0.04], [0.02, math.nan, 0.04]),
    ],
)
def test_holm_at_the_edges(p_values, adjusted):
    assert stats.holm(p_values) == pytest.approx(adjusted, nan_ok=True)


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values):
    adjusted = stats.holm(p_values)
    for (p, q), (other_p, other_q) in zip(
        sorted(zip(p_values, adjusted, strict=True)),
        sorted(zip(p_values, adjusted, strict=True))[1:],
        strict=False,
    ):
        assert p <= other_p
        assert q <= other_q
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1, p * len(p_values)) + 1e-12


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.one_of(st.just(math.nan), st.floats(-1e3, 1e3)),
    )
)
def test_a_band_is_the_interval_of_each_column(values):
    mean, low, high = stats.t_band(values)
    for column, found in zip(values.T, zip(mean, low, high, strict=True), strict=True):
        expected = stats.t_interval(column[~np.isnan(column)])
        assert found == pytest.approx(
            (expected.mean, expected.low, expected.high), rel=1e-9, abs=1e-6, nan_ok=True
        )


def test_a_band_with_an_infinite_loss_warns_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean, low, high = stats.t_band(np.array([[1.0, 1.0], [3.0, math.inf]]))
    assert mean[0] == 2.0
    assert low[0] < 2 < high[0]
    assert not math.isfinite(mean[1])
    assert math.isnan(low[1])
