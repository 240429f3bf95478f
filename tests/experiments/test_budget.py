import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.budget import Budget


@given(steps=st.integers(1, 5000), evaluations=st.integers(1, 6000))
def test_evaluations_are_as_many_as_asked_even_and_end_with_the_last_step(steps, evaluations):
    found = sorted(Budget(steps=steps, evaluations=evaluations).evaluation_steps())
    assert len(found) == min(steps, evaluations)
    assert found[0] >= 1
    assert found[-1] == steps
    gaps = {after - before for before, after in zip([0, *found], found, strict=False)}
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("steps", [1, 2, 999, 1000, 1001, 1999, 2000, 123_456, 10**7])
def test_a_trial_leaves_about_a_thousand_records_at_most(steps):
    every = Budget(steps=steps).record_every()
    assert every >= 1
    assert math.ceil(steps / every) < 2000
