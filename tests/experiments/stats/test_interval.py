import math
import subprocess
import sys
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


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_and_bands_at_95_percent_hold_the_mean_in_95_of_100(n):
    samples = np.random.default_rng(0).normal(3.0, 2.0, (n, 2000))
    mean, low, high = stats.t_band(samples)  # a column is an experiment
    # Binomial(2000, 0.95) lies within +- 0.02 in all but 1 of 25,000 cases.
    assert np.mean((low <= 3) & (high >= 3)) == pytest.approx(0.95, abs=0.02)
    normal = 1.96 * samples.std(axis=0, ddof=1) / math.sqrt(n)
    assert np.mean(abs(mean - 3) <= normal) < 0.93  # what 1.96 would claim to be 95 %


@given(hnp.arrays(np.float64, (5,), elements=st.floats(0, 1)))
def test_bounds_take_away_what_is_impossible_and_no_more(values):
    free, clipped = stats.t_interval(values), stats.t_interval(values, bounds=(0, 1))
    assert (clipped.n, clipped.mean) == (free.n, free.mean)
    for possible in np.linspace(0, 1, 21):
        held = free.low <= possible <= free.high
        assert (clipped.low <= possible <= clipped.high) == held
    assert 0 <= clipped.low <= clipped.high <= 1
    band = stats.t_band(values[:, None], bounds=(0, 1))
    found = (clipped.mean, clipped.low, clipped.high)
    assert np.concatenate(band) == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "low", "high"), [([0.9, 1.0, 1.0], 0.8232, 1.0), ([0.5], math.nan, math.nan)]
)
def test_bounds_by_hand(values, low, high):
    # Mean 0.9667, error 0.0333: 0.9667 - 4.303 x 0.0333 = 0.8232; 1.11 is no accuracy.
    interval = stats.t_interval(values, bounds=(0.0, 1.0))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5, nan_ok=True)
    half = stats.t_interval(values).half_width  # what "plus or minus" says is not clipped
    assert interval.half_width == pytest.approx(half, nan_ok=True)


@pytest.mark.parametrize(
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_the_published_ones(successes, n, low, high):
    interval = stats.wilson_interval(successes, n)
    assert (interval.n, interval.mean) == (n, successes / n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@given(st.data(), st.integers(1, 40), st.floats(0.5, 0.999))
def test_wilson_intervals_are_scipy_s(data, n, confidence):
    successes = data.draw(st.integers(0, n))
    expected = scipy.stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    interval = stats.wilson_interval(successes, n, confidence)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=1e-9)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1


@pytest.mark.parametrize("n", [3, 5, 10])
def test_wilson_intervals_hold_the_share_in_95_of_100_of_all_shares(n):
    share = (np.arange(1000) + 0.5) / 1000
    held = np.zeros(1000)  # exactly, by every outcome
    for successes in range(n + 1):
        interval = stats.wilson_interval(successes, n)
        inside = (interval.low <= share) & (share <= interval.high)
        held += scipy.stats.binom.pmf(successes, n, share) * inside
    assert held.mean() == pytest.approx(0.955, abs=0.002)


def test_no_seed_has_no_share():
    interval = stats.wilson_interval(0, 0)
    assert interval.n == 0
    assert math.isnan(interval.mean)
    assert math.isnan(interval.low)


def test_one_seed_needs_no_scipy():
    """It takes 15 MB and 0.2 s."""
    code = """
import sys
from experiments import stats
stats.t_interval([0.5])
stats.interquartile_interval([[0.5]])
stats.paired_difference([0.5], [0.25])
stats.equivalence([0.5], [0.25], 0.1)
stats.minimum_detectable([0.5], [0.25])
stats.wilson_interval(0, 0)
sys.exit("scipy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
