import sys

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from experiments.series import Series

Points = st.lists(
    st.tuples(st.floats(0, 1e9), st.floats(0, 2e9), st.floats(allow_nan=True)), max_size=40
)


def content(series):
    return list(zip(series.step, series.time, series.value, strict=True))


class BranchesOfASeries(RuleBasedStateMachine):
    """Every series ever made keeps saying what plain lists say."""

    def __init__(self):
        super().__init__()
        self.made = [(Series(), [])]
        self.arrays = []

    @rule(data=st.data(), points=Points)
    def extend_any_of_them(self, data, points):
        series, expected = data.draw(st.sampled_from(self.made))
        # An array handed out before must not change behind its holder's back either.
        self.arrays.append((series.value, series.value.copy()))
        self.made.append((series.extended(points), expected + points))

    @invariant()
    def nobody_has_changed(self):
        for series, expected in self.made:
            assert len(series) == len(expected)
            np.testing.assert_array_equal(
                np.array(content(series)).reshape(-1, 3), np.array(expected).reshape(-1, 3)
            )
        for array, copy in self.arrays:
            np.testing.assert_array_equal(array, copy)


TestBranches = BranchesOfASeries.TestCase
TestBranches.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


@given(Points)
def test_last_is_the_newest_value_and_nan_when_there_is_none(points):
    expected = points[-1][2] if points else np.nan
    np.testing.assert_equal(Series().extended(points).last, expected)


@pytest.mark.parametrize("total", [10_000])
def test_following_a_growing_journal_moves_each_point_a_few_times_at_most(total):
    series, buffers = Series(), set()
    for i in range(total):
        series = series.extended([(i, i, i)])
        buffers.add(id(series.step.base))
    assert list(series.value[:: total - 1]) == [0, total - 1]
    # Doubling: about log2(total / 16) reallocations.
    assert len(buffers) <= 12


def mapped():
    """Bytes of the mappings of this process."""
    return psutil.Process().memory_info().vms


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere sizes are told in other ways")
def test_what_has_been_outgrown_goes_back_to_the_system():
    megabytes = 24 << 20
    points = [(0.0, 0.0, 0.0)] * 1000
    # Long enough that all around it has found its size.
    series, before = Series().extended(points), mapped()
    for _ in range(999):
        series = series.extended(points)
    assert mapped() - before < 2.5 * megabytes
    del series
    assert mapped() - before < megabytes / 2
