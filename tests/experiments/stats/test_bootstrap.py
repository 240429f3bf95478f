import doctest
import math
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtr

from experiments import stats
from experiments.stats import bootstrap

Values = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e3, 1e3))


def mean(values):
    return values.mean(axis=-1)


@pytest.mark.parametrize(
    ("values", "middle"),
    [
        ([7.0], 7.0),
        ([9.0, 1.0], 5.0),
        ([0.0, 2.0, 100.0], (0.25 * 0 + 2 + 0.25 * 100) / 1.5),
        ([4.0, 1.0, 2.0, 90.0], 3.0),
        ([1.0, 2.0, 4.0, 8.0, 99.0], (0.75 * 2 + 4 + 0.75 * 8) / 2.5),
        ([1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0], 9.0),
        ([1.0, math.nan, 2.0, 3.0], math.nan),
    ],
)
def test_interquartile_means_by_hand(values, middle):
    assert stats.interquartile_mean(np.array(values)) == pytest.approx(middle, nan_ok=True)


@given(Values)
def test_the_interquartile_mean_cuts_whole_values_where_each_is_there_four_times(values):
    expected = scipy.stats.trim_mean(np.repeat(values, 4), 0.25)
    assert stats.interquartile_mean(values) == pytest.approx(expected, abs=1e-9)


def test_interquartile_means_of_rows():
    rows = np.random.default_rng(0).normal(size=(3, 4, 7))
    found = stats.interquartile_mean(rows)
    assert found.shape == (3, 4)
    assert found[2, 1] == pytest.approx(stats.interquartile_mean(rows[2, 1]))


def test_the_ends_are_percentiles_of_every_resample_there_is():
    values = np.array([0.1, 0.5, 0.6, 1.2, 3.0, 3.1])
    interval = stats.interquartile_interval([values], confidence=0.8)
    assert (interval.n, interval.mean) == (6, pytest.approx(stats.interquartile_mean(values)))
    everything = stats.interquartile_mean(np.array(list(product(values, repeat=6))))
    tail = ndtr(-scipy.stats.t.ppf(0.9, 5))
    # 2,000 resamples know a percentile of 7 % to 0.6 %; 2 % is over three times that.
    for end, below in ((interval.low, tail), (interval.high, 1 - tail)):
        assert np.mean(everything < end) - 0.02 <= below <= np.mean(everything <= end) + 0.02


@given(
    st.lists(st.floats(-100, 100), min_size=5, max_size=8), st.floats(0.1, 10), st.floats(-50, 50)
)
def test_intervals_move_with_the_values_and_stay_within_them(values, scale, shift):
    interval = stats.interquartile_interval([values])
    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9
    moved = stats.interquartile_interval([[scale * value + shift for value in values]])
    expected = (scale * interval.low + shift, scale * interval.high + shift)
    assert (moved.low, moved.high) == pytest.approx(expected, abs=1e-6)


def test_every_stratum_is_drawn_from_itself():
    easy, hard = [0.9] * 5, [0.2] * 5
    apart = stats.bootstrap_interval([easy, hard], mean)
    assert (apart.low, apart.mean, apart.high) == pytest.approx((0.55, 0.55, 0.55))
    pooled = stats.bootstrap_interval([easy + hard], mean)
    assert pooled.low < 0.4
    assert pooled.high > 0.7


def test_strata_may_differ_in_size_and_be_empty():
    interval = stats.bootstrap_interval([[1.0] * 6, [], [4.0] * 3], mean)
    assert (interval.n, interval.mean) == (9, 2.0)
    assert (interval.low, interval.high) == pytest.approx((2.0, 2.0))


@pytest.mark.parametrize("strata", [[[1.0]], [[1.0, 2.0, 3.0, 4.0]], [[1.0, 2.0], [1.0, 2.0, 3.0]]])
def test_few_seeds_have_no_interval(strata):
    interval = stats.interquartile_interval(strata)
    assert interval.n == sum(map(len, strata))
    assert math.isfinite(interval.mean)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@pytest.mark.parametrize("strata", [[], [[]]])
def test_no_value_has_no_interval(strata):
    interval = stats.interquartile_interval(strata)
    assert interval.n == 0
    assert math.isnan(interval.mean)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_trial_that_diverged_is_not_cut_off(bad):
    interval = stats.interquartile_interval([[1.0, 2.0, 3.0, 4.0, 5.0, bad]])
    assert interval.n == 6
    assert not math.isfinite(interval.mean)
    assert math.isnan(interval.low)


def interquartile_mean_of(distribution):
    """The true one: the quantile function's mean between its quartiles."""
    middle = 0.25 + 0.5 * (np.arange(10_000) + 0.5) / 10_000
    return distribution.ppf(middle).mean()


# Accuracies near their bound are skewed, as are times.
@pytest.mark.parametrize(
    "distribution",
    [scipy.stats.norm(), scipy.stats.beta(8, 2), scipy.stats.expon()],
    ids=["normal", "beta", "exponential"],
)
@pytest.mark.parametrize("n", [5, 10, 20])
def test_an_interval_at_95_percent_holds_the_interquartile_mean(n, distribution):
    true = interquartile_mean_of(distribution)
    experiments = distribution.rvs((2000, n), random_state=1)
    intervals = [stats.interquartile_interval([values]) for values in experiments.tolist()]
    held = np.mean([interval.low <= true <= interval.high for interval in intervals])
    assert 0.93 <= held <= 0.97


def test_an_interval_at_95_percent_holds_the_interquartile_mean_of_tasks():
    """Ten tasks of different difficulty, ten seeds each; the truth by a million seeds."""
    generator = np.random.default_rng(1)
    difficulty = np.linspace(0, 1, 10)[:, None]
    many = difficulty + generator.normal(0, 0.1, (10, 100_000))
    true = stats.interquartile_mean(many.ravel())
    held = 0
    for _ in range(500):
        interval = stats.interquartile_interval(difficulty + generator.normal(0, 0.1, (10, 10)))
        held += interval.low <= true <= interval.high
    assert 0.93 <= held / 500 <= 0.97


def test_examples():
    result = doctest.testmod(bootstrap)
    assert result.attempted
    assert not result.failed
