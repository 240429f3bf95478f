"""Drawing without repetition against counts."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.distinct import draw_distinct


@given(
    stop=st.integers(1, 50), share=st.floats(0, 1), rows=st.integers(1, 20), seed=st.integers(0, 99)
)
def test_rows_are_distinct_and_in_range(stop, share, rows, seed):
    count = 1 + round(share * (stop - 1))
    drawn = draw_distinct(np.random.default_rng(seed), stop, (rows, count))
    assert drawn.shape == (rows, count)
    for row in drawn.tolist():
        assert len(set(row)) == count
        assert set(row) <= set(range(stop))


@pytest.mark.parametrize(("stop", "count"), [(5, 1), (4, 2), (4, 3), (4, 4)])
def test_every_order_of_every_choice_is_as_likely(stop, count):
    possible = list(itertools.permutations(range(stop), count))
    expected = 2000
    drawn = draw_distinct(np.random.default_rng(0), stop, (expected * len(possible), count))
    times = Counter(map(tuple, drawn.tolist()))
    assert set(times) == set(possible)
    deviations = [(n - expected) / expected**0.5 for n in times.values()]
    assert max(map(abs, deviations)) < 4  # about Poisson
