import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import solving
from experiments.solving import IN_A_ROW, Streak
from experiments.tasks.task import Metric

ACCURACY = Metric("accuracy", higher_is_better=True)
MSE = Metric("mse", higher_is_better=False)


def solved_at(values, metric, threshold):
    """By evaluations after 10, 20, 30 ... steps."""
    streak = Streak(metric, threshold)
    for i, value in enumerate(values):
        streak.add(10 * (i + 1), value)
    return streak.solved_at


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([0.9, 0.9, 0.9], 10),  # at the threshold
        ([0.1, 0.95, 0.99, 0.91], 20),
        ([0.95, 0.95, 0.1, 0.95, 0.95, 0.95], 40),  # two in a row are not three
        ([0.95, 0.95, 0.95, 0.1, 0.1], 10),  # what comes later takes nothing back
        ([0.95, math.nan, 0.95, 0.95], None),
        ([0.95, 0.95], None),
        ([0.89999, 0.89999, 0.89999], None),
        ([], None),
    ],
)
def test_solved_at_the_first_of_three_in_a_row(values, step):
    assert solved_at(values, ACCURACY, 0.9) == step
    # A lower error is the same story upside down.
    assert solved_at([1 - value for value in values], MSE, 1 - 0.9) == step


@given(st.lists(st.one_of(st.just(math.nan), st.floats(0, 1)), max_size=12))
def test_it_is_solved_from_the_last_of_three_on(values):
    steps = list(range(len(values)))
    streak = Streak(ACCURACY, 0.5)
    told = [streak.add(step, value) for step, value in zip(steps, values, strict=True)]
    reached = [value >= 0.5 for value in values]
    first = next((i for i in steps if all(reached[i : i + 3]) and i + 3 <= len(steps)), None)
    assert streak.solved_at == first
    assert told == [first is not None and step >= first + IN_A_ROW - 1 for step in steps]


def test_examples():
    assert doctest.testmod(solving).failed == 0
