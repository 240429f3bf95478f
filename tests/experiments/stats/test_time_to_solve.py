import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiments import stats
from experiments.stats import time_to_solve


def test_by_hand():
    """Two of five solved: the mean of 100, 300 and three times the budget."""
    found = time_to_solve([100, None, 300, None, None], 1000)
    assert found.solved == stats.wilson_interval(2, 5)
    # Their standard deviation is 443.8, the error 198.5: 680 - 2.776 x 198.5 = 128.9.
    assert (found.steps.n, found.steps.mean) == (5, 680.0)
    assert (found.steps.low, found.steps.high) == (pytest.approx(128.9, abs=0.05), 1000.0)


@given(
    st.lists(st.one_of(st.none(), st.integers(1, 2000)), min_size=1, max_size=12),
    st.integers(1, 1500),
)
def test_the_restricted_mean_is_the_area_under_the_survival_curve(steps, budget):
    """By Kaplan and Meier's estimate, as scipy has it, up to the budget."""
    in_time = [step is not None and step < budget for step in steps]
    times = [step if inside else budget for step, inside in zip(steps, in_time, strict=True)]
    curve = scipy.stats.ecdf(
        scipy.stats.CensoredData(
            uncensored=[time for time, inside in zip(times, in_time, strict=True) if inside],
            right=[time for time, inside in zip(times, in_time, strict=True) if not inside],
        )
    ).sf
    ends = np.concatenate(([0], curve.quantiles, [budget]))
    area = np.diff(ends) @ np.concatenate(([1.0], curve.probabilities))
    assert time_to_solve(steps, budget).steps.mean == pytest.approx(area)


@pytest.mark.parametrize(
    ("steps", "share", "mean"),
    [([], math.nan, math.nan), ([None], 0.0, 50.0), ([7], 1.0, 7.0), ([None] * 5, 0.0, 50.0)],
)
def test_at_the_edges(steps, share, mean):
    found = time_to_solve(steps, 50)
    assert (found.solved.n, found.steps.n) == (len(steps), len(steps))
    assert (found.solved.mean, found.steps.mean) == pytest.approx((share, mean), nan_ok=True)


def test_it_is_not_the_mean_of_the_successes():
    """One lucky seed of five is no fast learner."""
    lucky = time_to_solve([50, None, None, None, None], 1000)
    steady = time_to_solve([400, 410, 390, 420, 380], 1000)
    assert lucky.steps.mean > steady.steps.mean


def test_an_interval_at_95_percent_holds_the_restricted_mean():
    """Ten seeds, one in seven of which is not done within the budget."""
    law = scipy.stats.gamma(4, scale=0.25)
    budget = 1.5
    true = law.expect(lambda time: min(time, budget), epsabs=1e-6)
    held = 0
    for times in law.rvs((2000, 10), random_state=1).tolist():
        steps = time_to_solve([t if t < budget else None for t in times], budget).steps
        held += steps.low <= true <= steps.high
    # Binomial(2000, 0.95) lies within +- 0.02 in all but 1 of 25,000 cases.
    assert held / 2000 == pytest.approx(0.95, abs=0.02)
