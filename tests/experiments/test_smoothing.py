import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.smoothing import Smoother

values = st.floats(-1e9, 1e9) | st.sampled_from([math.nan, math.inf, -math.inf])
points = st.lists(st.tuples(st.floats(0, 5000), values), max_size=30)


def by_hand(x, y, constant):
    """The definition, value by value."""
    smoothed = []
    for i, value in enumerate(y):
        if not math.isfinite(value):
            smoothed.append(value)
            continue
        earlier = [j for j in range(i + 1) if math.isfinite(y[j])]
        weights = [math.exp(-(x[i] - x[j]) / constant) for j in earlier]
        total = math.fsum(w * y[j] for w, j in zip(weights, earlier, strict=True))
        smoothed.append(total / math.fsum(weights))
    return smoothed


@given(points, st.sampled_from([0.5, 1.0, 30.0]), st.lists(st.integers(0, 30), max_size=4))
def test_it_is_the_weighted_mean_of_all_before_in_however_many_pieces(gaps, constant, cuts):
    x = np.cumsum([gap for gap, _ in gaps])
    y = np.array([value for _, value in gaps], float)
    smoother = Smoother(constant)
    edges = [0, *sorted(min(cut, y.size) for cut in cuts), y.size]
    parts = [smoother.extend(x[a:b], y[a:b]) for a, b in itertools.pairwise(edges)]
    finite = y[np.isfinite(y)]
    scale = float(np.abs(finite).max()) if finite.size else 1.0
    expected = by_hand(x.tolist(), y.tolist(), constant)
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-7, atol=1e-9 * scale)


def test_a_constant_of_zero_changes_nothing():
    y = np.array([1.0, math.nan, 5.0])
    assert Smoother(0.0).extend(np.arange(3.0), y) is y


def test_one_huge_value_is_forgotten():
    """Sums that are subtracted from each other would remember it for ever."""
    x = np.arange(2000.0)
    y = np.ones(2000)
    y[0] = 1e20
    assert Smoother(10.0).extend(x, y)[-1] == pytest.approx(1.0)


@given(st.floats(-1e6, 1e6), st.integers(1, 40))
def test_what_is_flat_stays_flat(level, count):
    smoothed = Smoother(3.0).extend(np.arange(float(count)), np.full(count, level))
    np.testing.assert_allclose(smoothed, level, rtol=1e-12, atol=1e-300)
