"""Batches as slices of an endless row of shuffled epochs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.epochs import epoch_rows


@given(count=st.integers(1, 30), index=st.integers(0, 10**6), size=st.integers(1, 70))
def test_batches_are_slices_of_one_endless_row(count, index, size):
    rows = epoch_rows(np.random.default_rng, count, index, size)
    singles = [epoch_rows(np.random.default_rng, count, index * size + i, 1) for i in range(size)]
    assert rows.tolist() == np.concatenate(singles).tolist()


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_an_epoch_has_every_member_once_in_its_own_order(epoch):
    rows = epoch_rows(np.random.default_rng, 20, epoch, 20).tolist()
    assert sorted(rows) == list(range(20))
    assert rows == np.random.default_rng(epoch).permutation(20).tolist()
