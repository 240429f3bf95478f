"""Widths of equal time, on made-up machines: nothing here looks at a clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import toy
from hypothesis import example, given
from hypothesis import strategies as st

from experiments.events import StepsTimed
from experiments.models.gru import GRU
from experiments.models.transformer import Transformer
from experiments.pace import AIM, MOST_MEASURED, TOLERANCE, WIDEST, at_pace, differences, nearest

TARGET = 0.01


class Machine:
    """Takes `seconds(width)`, and notes what it was asked to measure."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.asked = []

    def __call__(self, width):
        self.asked.append(width)
        return self.seconds(width)


def distance(seconds):
    return abs(math.log(seconds / TARGET))


STARTS = st.integers(8, 500)
EXPONENTS = st.floats(0.5, 2.5)


@given(start=STARTS, part=st.floats(1 / 8, 12), exponent=EXPONENTS, overhead=st.floats(0, 0.85))
@example(start=64, part=1.0, exponent=1.0, overhead=0.0)
def test_a_step_takes_as_long_where_there_is_such_a_width(start, part, exponent, overhead):
    """Time grows with a power of the width, above what a step takes at any width."""
    right = max(1, round(start * part))

    def seconds(width):
        return TARGET * (overhead + (1 - overhead) * (width / right) ** exponent)

    machine = Machine(seconds)
    found = nearest(machine, TARGET, start)
    # One width more or less may be a larger difference than is aimed at.
    coarseness = max(distance(seconds(right + 1)), distance(seconds(max(1, right - 1))))
    assert distance(seconds(found)) <= max(TOLERANCE / (1 + TOLERANCE), coarseness)
    assert found in machine.asked
    assert machine.asked[0] == start
    assert len(machine.asked) == len(set(machine.asked)) <= MOST_MEASURED


@given(
    start=STARTS,
    part=st.floats(1 / 8, 12),
    exponent=EXPONENTS,
    noise=st.lists(st.floats(0, 0.04), min_size=MOST_MEASURED, max_size=MOST_MEASURED),
)
def test_trembling_measurements_do_little_harm(start, part, exponent, noise):
    right = max(8, round(start * part))

    def seconds(width):
        return TARGET * (width / right) ** exponent

    slower = iter(noise)
    found = nearest(lambda width: seconds(width) * (1 + next(slower)), TARGET, start)
    coarseness = distance(seconds(right - 1))
    assert distance(seconds(found)) <= max(AIM, coarseness) + math.log(1.04)


@given(
    start=STARTS,
    steps=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    block=st.integers(1, 64),
    lowest=st.floats(0.05, 20),
)
def test_a_stepwise_cost_gives_the_best_that_was_seen(start, steps, block, lowest):
    """Such as that of a machine that counts in blocks of a vector's width, or nothing at all."""

    def seconds(width):
        return TARGET * (lowest + sum(steps[: width // block]))

    machine = Machine(seconds)
    found = nearest(machine, TARGET, start)
    best = min((seconds(width) for width in machine.asked), key=distance)
    if best <= (1 + TOLERANCE) * TARGET:
        assert seconds(found) == best
    else:
        assert found in machine.asked
    assert len(machine.asked) <= MOST_MEASURED
    assert all(1 <= width <= WIDEST * start for width in machine.asked)


@given(start=STARTS, seconds=st.floats(1e-9, 1e9))
def test_a_cost_that_does_not_grow_leads_nowhere_far(start, seconds):
    machine = Machine(lambda _: seconds)
    nearest(machine, TARGET, start)
    assert len(machine.asked) <= MOST_MEASURED
    assert all(1 <= width <= WIDEST * start for width in machine.asked)


@pytest.mark.parametrize("start", [1, 2, 64])
def test_what_is_too_slow_at_any_width_has_the_least(start):
    assert nearest(lambda width: TARGET * (3 + width), TARGET, start) == 1


@given(start=STARTS, overhead=st.floats(1.2, 20), share=st.floats(0, 0.3))
def test_what_is_all_but_overhead_keeps_its_width(start, overhead, share):
    """Nothing narrower would bring it to the target, nor much nearer."""

    def seconds(width):
        return TARGET * overhead * (1 + share * width / start)

    assert nearest(seconds, TARGET, start) == start


@given(start=st.integers(64, 500), overhead=st.floats(1.5, 20))
def test_what_is_partly_overhead_shrinks_while_that_helps(start, overhead):
    """At first the overhead is a tenth of a step."""

    def seconds(width):
        return TARGET * overhead * (1 + 9 * width / start)

    found = nearest(seconds, TARGET, start)
    assert 1 < found <= start / 4
    assert seconds(found) < 4 * seconds(1)


def test_a_width_that_is_too_slow_beside_one_that_is_too_fast_is_no_overhead():
    assert nearest(lambda width: TARGET * (0.2, 1.3)[width - 1], TARGET, 2) == 2


def test_what_is_too_fast_at_any_width_ends_at_the_widest():
    assert nearest(lambda width: TARGET * width / 1e6, TARGET, 10) == 10 * WIDEST


def test_a_model_keeps_its_widths_where_they_are_right():
    asked = []

    def measure(model):
        asked.append(model)
        return TARGET

    assert at_pace(GRU(units=17), TARGET, measure) == GRU(units=17)
    assert asked == [GRU(units=17)]


def test_a_finer_width_is_solved_where_the_steps_of_the_coarse_one_are_large():
    """Heads share the width, so that there is nothing between 4 and 8."""

    def measure(model):
        return TARGET * (model.hidden_dim + model.intermediate_dim) / 17

    found = at_pace(Transformer(hidden_dim=8, intermediate_dim=16), TARGET, measure)
    assert found.hidden_dim % found.num_heads == 0
    assert found.hidden_dim + found.intermediate_dim == 17


@dataclass(frozen=True)
class Fixed(toy.Linear):
    """Has no width."""

    widths: ClassVar[tuple[str, ...]] = ()


def test_a_model_without_widths_is_not_measured():
    assert at_pace(Fixed(), TARGET, lambda _: pytest.fail("measured")) == Fixed()


def test_differences_of_more_than_ten_percent_are_said_with_both_numbers():
    models = [{"name": "gru", "label": label} for label in ("slow", "near", "fast")]
    config = toy.experiment(models=[*models, "lstm"], protocol={"match": "none"})
    timed = StepsTimed(
        seconds={"slow": 0.0125, "near": 0.0109, "fast": 0.0085, "lstm": 0.010},
        threads=1,
        backend="jax",
        device="cpu:0",
        host="here",
    )
    assert differences(config, timed) == [
        "a training step of slow took 12.5 ms, 25 % more than of lstm with 10 ms",
        "a training step of fast took 8.5 ms, 15 % less than of lstm with 10 ms",
    ]
