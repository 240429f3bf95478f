import sys

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from experiments.series import EMPTY, extended, up_to

# Steps that 32 bits hold, and a few that they do not.
Steps = st.integers(0, 1000) | st.integers(2**31 - 2, 2**53)
Values = st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=True))
Records = st.lists(st.tuples(Steps, st.floats(0, 2e9), Values), max_size=20)


def content(one):
    return list(zip(one.step.tolist(), one.time.tolist(), one.value.tolist(), strict=True))


def same(found, expected):
    """Whether two lists of points are equal, NaN equal to NaN."""
    return np.array_equal(
        np.array(found).reshape(-1, 3), np.array(expected, float).reshape(-1, 3), equal_nan=True
    )


class BranchesOfSeries(RuleBasedStateMachine):
    """All series ever made keep saying what plain lists say."""

    def __init__(self):
        super().__init__()
        self.made = [({}, {})]
        self.arrays = []

    @rule(data=st.data(), records=Records)
    def extend_any_of_them(self, data, records):
        series, told = data.draw(st.sampled_from(self.made))
        # An array handed out before must not change behind its holder's back either.
        for one in series.values():
            self.arrays += [(array, array.copy()) for array in (one.step, one.time, one.value)]
        longer = {key: list(points) for key, points in told.items()}
        for step, time, values in records:
            for key, value in values.items():
                longer.setdefault(key, []).append((step, time, value))
        self.made.append((extended(series, records), longer))

    @rule(data=st.data(), step=Steps)
    def cut_any_of_them(self, data, step):
        series, told = data.draw(st.sampled_from(self.made))
        shorter = {key: [point for point in told[key] if point[0] <= step] for key in told}
        self.made.append((up_to(series, step), shorter))

    @invariant()
    def nobody_has_changed(self):
        for series, told in self.made:
            assert series.keys() == told.keys()
            for key, one in series.items():
                assert len(one) == len(told[key])
                assert same(content(one), told[key])
        for array, copy in self.arrays:
            np.testing.assert_array_equal(array, copy)
        assert len(EMPTY) == 0


TestBranches = BranchesOfSeries.TestCase
TestBranches.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


@given(st.lists(st.floats(allow_nan=True), max_size=40))
def test_last_is_the_newest_value_and_nan_when_there_is_none(values):
    series = extended({"a": EMPTY}, [(1, 0.0, {"a": value}) for value in values])
    np.testing.assert_equal(series["a"].last, values[-1] if values else np.nan)


def test_what_comes_in_the_same_records_has_its_steps_and_times_once():
    series = {}
    for step in range(100):
        series = extended(series, [(step, step / 2, {"a": 1.0, "b": 2.0})])
        if step % 10 == 0:
            series = extended(series, [(step, step / 2, {"c": 3.0})])
    kept = up_to(extended(up_to(series, 90), [(91, 60.0, {"a": 1.0, "b": 2.0})]), 90.5)
    for found in (series, kept):
        for array in ("step", "time"):
            a, b, c = (getattr(found[key], array) for key in "abc")
            assert np.shares_memory(a, b)
            assert not np.shares_memory(a, c)
        assert not np.shares_memory(found["a"].value, found["b"].value)


@pytest.mark.parametrize("total", [10_000])
def test_following_a_growing_journal_moves_each_point_a_few_times_at_most(total):
    series, buffers = {}, {"step": set(), "value": set()}
    for i in range(total):
        series = extended(series, [(i, i, {"a": i, "b": i})])
        for array, seen in buffers.items():
            seen.add(id(getattr(series["a"], array).base))
    assert list(series["a"].value[:: total - 1]) == [0, total - 1]
    # Doubling: about log2(total / 16) reallocations.
    assert max(map(len, buffers.values())) <= 12


def mapped():
    """Bytes of the mappings of this process."""
    return psutil.Process().memory_info().vms


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere sizes are told in other ways")
def test_what_has_been_outgrown_goes_back_to_the_system():
    keys = ("a", "b", "c", "d", "e")
    # 4 bytes of a step and 8 of a time, once for all, and 8 of each value.
    whole = 1_000_000 * (12 + 8 * len(keys))
    records = [(0, 0.0, dict.fromkeys(keys, 0.0))] * 1000
    # Long enough that all around it has found its size.
    series, before = extended({}, records), mapped()
    for _ in range(999):
        series = extended(series, records)
    # Doubling leaves up to half of it unwritten.
    assert mapped() - before < 2.2 * whole
    del series
    assert mapped() - before < whole / 20
