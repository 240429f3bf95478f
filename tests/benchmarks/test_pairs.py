import math

import pytest
import scipy.stats

from benchmarks.timing import Pair, in_turn, pairs


@pytest.mark.parametrize("n", [6, 7, 8, 9, 12, 20, 41])
def test_the_interval_leaves_out_no_more_than_the_binomial_law_allows(n):
    low, high = Pair([float(i + 1) for i in range(n)], [1.0] * n).interval
    outside = int(low) - 1
    assert high == n - outside
    law = scipy.stats.binom(n, 0.5)
    # The median lies below the interval where at most `outside` of n ratios lie below it.
    assert 2 * law.cdf(outside) <= 0.05 < 2 * law.cdf(outside + 1)


def test_few_pairs_say_nothing():
    assert Pair([1.0] * 5, [1.0] * 5).interval == (-math.inf, math.inf)


def test_who_goes_first_takes_turns():
    ran = []

    def run(name, value):
        ran.append(name)
        return value

    found = in_turn(lambda: run("ours", 1), lambda: run("theirs", 2), 3)
    assert found == [(1, 2)] * 3
    assert ran == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]


def test_pairs_take_what_is_returned_for_seconds():
    found = pairs(lambda: 3.0, lambda: 2.0, 2)
    assert (found.ours, found.theirs, found.ratio) == ([3.0, 3.0], [2.0, 2.0], 1.5)
