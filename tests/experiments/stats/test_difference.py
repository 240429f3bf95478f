import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from experiments import stats

Values = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12)


def spread_out(values):
    """Whether the spread is far above rounding, so that two formulas can be compared."""
    return np.std(values) > 1e-6 * max(1.0, np.abs(values).max())


def simulated(seed, shape, mean=0.0):
    """Normal values with that mean and spread 1; a row is an experiment."""
    return np.random.default_rng(seed).normal(mean, 1.0, shape)


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


def test_differences_keep_the_bounds_of_what_is_compared():
    a, b = [1.0, 1.0, 0.9], [0.0, 0.5, 0.1]
    free = stats.paired_difference(a, b).interval
    clipped = stats.paired_difference(a, b, bounds=(0, 1)).interval
    assert (clipped.low, clipped.high) == (free.low, 1.0)
    assert free.high > 1
    assert stats.paired_difference(a, b, bounds=(0, math.inf)).interval == free


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_no_winner_where_there_is_none(seeds):
    """Four equal models: who is said to beat whom, over all pairs."""
    experiments = simulated(0, (20_000, 4, seeds))
    pairs = [(i, j) for i in range(4) for j in range(i)]

    def wrong(models, adjust):
        p_values = [stats.paired_difference(models[i], models[j]).p for i, j in pairs]
        return min(adjust(p_values)) < stats.SIGNIFICANT

    assert np.mean([wrong(models, stats.holm) for models in experiments]) <= 0.05
    # Without Holm.
    assert np.mean([wrong(models, list) for models in experiments[:2000]]) > 0.15


@given(st.data(), st.floats(1e-3, 1e3))
def test_equivalence_is_the_worse_of_scipy_s_two_tests(data, margin):
    a = np.array(data.draw(Values))
    b = np.array(data.draw(st.lists(st.floats(-1e6, 1e6), min_size=len(a), max_size=len(a))))
    assume(spread_out(a - b))
    below = scipy.stats.ttest_1samp(a - b, margin, alternative="less").pvalue
    above = scipy.stats.ttest_1samp(a - b, -margin, alternative="greater").pvalue
    p = stats.equivalence(a, b, margin)
    assert p == pytest.approx(max(below, above), rel=1e-6, abs=1e-12)
    # The same said by an interval (Schuirmann 1987): the one at 90 % within the margin.
    interval = stats.t_interval(a - b, confidence=0.9)
    assume(abs(p - 0.05) > 1e-9)
    assert (p < 0.05) == (-margin < interval.low and interval.high < margin)


def test_what_differs_by_the_margin_is_seldom_called_equivalent():
    """The worst case of the null hypothesis, the margin itself; and what is equal is found."""
    apart, equal = simulated(1, (2000, 8), mean=2.0), simulated(1, (2000, 8))
    nothing = np.zeros(8)

    def said(experiments):
        return np.mean([stats.equivalence(row, nothing, 2.0) < 0.05 for row in experiments])

    # Binomial(2000, 0.05) lies within +- 0.02 in all but 1 of 25,000 cases.
    assert said(apart) == pytest.approx(0.05, abs=0.02)
    assert said(equal) > 0.9


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),  # always the same
        ([1.5, 2.5], [1.0, 2.0], 1.0),  # always a margin apart
        ([1.0], [1.0], math.nan),
        ([1.0, math.nan], [1.0, 1.0], math.nan),
        ([math.inf, 1.0], [math.inf, 1.0], math.nan),
    ],
)
def test_equivalence_at_the_edges(a, b, p):
    assert stats.equivalence(a, b, 0.5) == pytest.approx(p, nan_ok=True)


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan])
def test_a_margin_of_nothing_is_refused(margin):
    with pytest.raises(ValueError, match="margin: expected a number above 0"):
        stats.equivalence([1.0, 2.0], [1.0, 2.0], margin)


def with_spread(n):
    """Values whose standard deviation is 1."""
    values = np.arange(float(n))
    return values / values.std(ddof=1)


@pytest.mark.parametrize(
    # Pairs that a paired t test needs at 80 % power (Cohen 1988; R's power.t.test): 198.2, 33.4
    # and 14.3 for effects of 0.2, 0.5 and 0.8 standard deviations.
    ("effect", "too_few", "enough"),
    [(0.2, 198, 199), (0.5, 33, 34), (0.8, 14, 15)],
)
def test_the_detectable_effect_is_the_published_one(effect, too_few, enough):
    def detectable(n):
        return stats.minimum_detectable(with_spread(n), np.zeros(n))

    assert detectable(enough) < effect < detectable(too_few)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("n", [3, 10])
def test_an_effect_so_large_is_found_in_80_of_100(n, alpha):
    nothing = np.zeros(n)
    effect = stats.minimum_detectable(with_spread(n), nothing, alpha)
    experiments = simulated(2, (2000, n), mean=effect)
    found = [stats.paired_difference(row, nothing).p < alpha for row in experiments]
    # Binomial(2000, 0.8) lies within +- 0.036 in all but 1 of 15,000 cases.
    assert np.mean(found) == pytest.approx(0.8, abs=0.036)


@given(st.integers(2, 12), st.floats(0.1, 100), st.floats(-10, 10))
def test_the_detectable_effect_has_the_unit_of_the_values(n, scale, shift):
    values = with_spread(n)
    one = stats.minimum_detectable(values, np.zeros(n))
    assert stats.minimum_detectable(scale * values, np.full(n, shift)) == pytest.approx(scale * one)


@pytest.mark.parametrize(
    ("a", "detectable"),
    [([1.0, 1.0], 0.0), ([1.0], math.nan), ([], math.nan), ([1.0, math.inf], math.nan)],
)
def test_the_detectable_effect_at_the_edges(a, detectable):
    found = stats.minimum_detectable(a, [0.0] * len(a))
    assert found == pytest.approx(detectable, nan_ok=True)
