"""Induction against plain Python."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.induction import Induction


def brute_force(tokens):
    """What a person would do: find the last token's first place, and look behind it."""
    return tokens[tokens.index(tokens[-1]) + 1]


@given(
    length=st.integers(3, 120),
    vocabulary_size=st.integers(3, 30),
    size=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_the_trigger_is_there_early_and_last(length, vocabulary_size, size, seed):
    inputs, targets = Induction(length, vocabulary_size).train_batch(seed, 0, size)
    trigger = vocabulary_size - 1
    for tokens, target in zip(inputs.tolist(), targets.tolist(), strict=True):
        assert len(tokens) == length
        assert tokens.count(trigger) == 2
        assert tokens[-1] == trigger
        assert tokens.index(trigger) < length // 2
        assert target == brute_force(tokens) != trigger


@pytest.mark.parametrize(
    ("inputs", "place", "target"),
    [([3, 1, 15, 4, 1, 5, 9, 15], 2, 4), ([15, 2, 7, 1, 8, 2, 8, 15], 0, 2)],
)
def test_worked_examples(inputs, place, target):
    ordinary = np.where(np.array([inputs]) == 15, 0, inputs)
    example = Induction(length=8).trigger(ordinary, np.array([place]))
    assert example.inputs[0].tolist() == inputs
    assert example.targets.tolist() == [target] == [brute_force(inputs)]


def test_every_place_and_every_target_is_as_likely():
    inputs, targets = Induction(length=20, vocabulary_size=6).train_batch(0, 0, 10_000)
    places = np.bincount((inputs == 5).argmax(axis=1), minlength=10)
    assert np.abs(places - 1000).max() < 4 * 1000**0.5
    assert np.abs(np.bincount(targets) - 2000).max() < 4 * 2000**0.5


def test_baselines_reach_what_they_can_know():
    task = Induction(length=12, vocabulary_size=6, test_size=10_000)
    test = task.evaluation_set("test", 0)
    measures = {name: task.measure(logits, test) for name, logits in task.baselines(0).items()}
    # Each of the ten ordinary tokens is as likely the one asked for.
    counts = [[row.count(token) for token in range(5)] for row in test.inputs.tolist()]
    commonest = np.mean([max(row) / 10 for row in counts])
    nats = np.mean([sum(-n / 10 * math.log(n / 10) for n in row if n) for row in counts])
    assert list(measures) == ["uniform", "bag of tokens"]
    assert measures["uniform"]["accuracy"] == pytest.approx(1 / 5, abs=0.02)
    assert measures["uniform"]["loss"] == pytest.approx(math.log(5))
    assert measures["bag of tokens"]["accuracy"] == pytest.approx(commonest, abs=0.02)
    assert measures["bag of tokens"]["loss"] == pytest.approx(nats, abs=0.02)


@pytest.mark.parametrize("factor", [1, 1.5, 2, 4, 8])
def test_sequences_grow_to_eight_times_their_length(factor):
    assert Induction().lengthened(factor) == Induction(length=int(32 * factor))


@pytest.mark.parametrize(
    ("field", "value"),
    [("length", 2), ("vocabulary_size", 2), ("validation_size", 0), ("test_size", 0)],
)
def test_settings_below_their_bounds_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, Induction)
