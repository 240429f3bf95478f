"""Selective copy against plain Python."""

from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.tasks.selective_copy import SelectiveCopy

UNASKED = -1


def brute_force(tokens, query):
    """What a person would do: note what is not blank, and write it down query by query."""
    answers, noted = [], []
    for token in tokens:
        answers.append(noted.pop(0) - 1 if token == query else UNASKED)
        if token not in (0, query):
            noted.append(token)
    return answers


@given(
    length=st.integers(1, 100),
    share=st.floats(0, 1),
    num_kinds=st.integers(2, 20),
    size=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_tokens_among_blanks_then_as_many_queries(length, share, num_kinds, size, seed):
    num_tokens = 1 + round(share * (length - 1))
    task = SelectiveCopy(length, num_tokens, num_kinds)
    inputs, targets = task.train_batch(seed, 0, size)
    query = num_kinds + 1
    for tokens, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        assert len(tokens) == length + num_tokens
        assert tokens[length:] == [query] * num_tokens
        assert query not in tokens[:length]
        assert sum(token != 0 for token in tokens[:length]) == num_tokens
        assert answers == brute_force(tokens, query)


@pytest.mark.parametrize(
    ("tokens", "places", "inputs", "targets"),
    [
        ([3, 1, 4], [1, 4, 5], "03001400999", [2, 0, 3]),
        ([7, 7, 2], [0, 1, 7], "77000002999", [6, 6, 1]),
    ],
)
def test_worked_examples(tokens, places, inputs, targets):
    task = SelectiveCopy(length=8, num_tokens=3)
    example = task.scatter(np.array([tokens]), np.array([places]))
    assert example.inputs[0].tolist() == [int(token) for token in inputs]
    assert example.targets[0].tolist() == [UNASKED] * 8 + targets


def test_every_place_and_every_kind_is_as_likely():
    task = SelectiveCopy(length=10, num_tokens=4, num_kinds=5)
    inputs = task.train_batch(0, 0, 5000).inputs[:, :10]
    assert np.abs((inputs != 0).sum(axis=0) - 2000).max() < 4 * 1200**0.5
    kinds = np.bincount(inputs.ravel(), minlength=6)[1:]
    assert np.abs(kinds - 4000).max() < 4 * 3200**0.5


def test_baselines_reach_what_they_can_know():
    task = SelectiveCopy(length=20, num_tokens=4, num_kinds=8, test_size=4000)
    test = task.evaluation_set("test", 0)
    measures = {name: task.measure(logits, test) for name, logits in task.baselines(0).items()}
    # The commonest of a bag is right once for each time that it is there.
    bags = [Counter(row[row != UNASKED].tolist()) for row in test.targets]
    commonest = np.mean([max(bag.values()) / 4 for bag in bags])
    nats = np.mean([-n / 4 * np.log(n / 4) for bag in bags for n in bag.values()])
    nats *= np.mean([len(bag) for bag in bags])
    expected = {
        "uniform": (1 / 8, np.log(8)),
        "first token": ((1 + 3 / 8) / 4, 3 / 4 * np.log(8)),
        "bag of tokens": (commonest, nats),
    }
    assert list(measures) == list(expected)
    for name, (accuracy, loss) in expected.items():
        assert measures[name]["token_accuracy"] == pytest.approx(accuracy, abs=0.01)
        assert measures[name]["loss"] == pytest.approx(loss, rel=1e-6)
    # All tokens alike, or the last three guessed: one sequence in 8^3 of the commonest, or of any.
    assert measures["bag of tokens"]["exact_match"] == pytest.approx(8**-3, abs=0.002)
    assert measures["uniform"]["exact_match"] < 0.002


def test_longer_sequences_have_as_many_tokens():
    assert SelectiveCopy(length=64).lengthened(1.5) == SelectiveCopy(length=96)


def test_more_tokens_than_places_are_refused_with_the_range():
    with pytest.raises(RequestError, match=r"num_tokens must be between 1 and 8.*num_tokens=9"):
        SelectiveCopy(length=8, num_tokens=9)


@pytest.mark.parametrize(
    "field", ["length", "num_tokens", "num_kinds", "validation_size", "test_size"]
)
def test_settings_below_their_bounds_are_refused_by_name(field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: 0}, SelectiveCopy)
