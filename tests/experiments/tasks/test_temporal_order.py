"""Temporal order against plain Python."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.temporal_order import LETTERS, TemporalOrder

WINDOWS = {"6a": [(10, 20), (50, 60)], "6b": [(10, 20), (33, 43), (66, 76)]}


def spelled(tokens):
    return "".join(LETTERS[token] for token in tokens)


def brute_force(word):
    """What a person would do: note X and Y as they come, and look the order up."""
    order = "".join(letter for letter in word if letter in "XY")
    orders = ["".join("XY"[i >> place & 1] for place in range(len(order))[::-1]) for i in range(8)]
    return orders.index(order)


@given(
    dialect=st.sampled_from(["6a", "6b"]),
    length=st.integers(10, 150),
    size=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_an_e_letters_and_symbols_a_b_padding(dialect, length, size, seed):
    task = TemporalOrder(dialect, length)
    inputs, targets = task.train_batch(seed, 0, size)
    for word, target in zip(map(spelled, inputs), targets.tolist(), strict=True):
        assert len(word) == length + length // 10
        word = word.rstrip("_")
        assert len(word) >= length
        assert (word[0], word[-1]) == ("E", "B")
        assert set(word[1:-1]) <= set("abcdXY")
        places = [place for place, letter in enumerate(word) if letter in "XY"]
        assert len(places) == len(WINDOWS[dialect])
        for place, (low, high) in zip(places, WINDOWS[dialect], strict=True):
            assert low * length // 100 <= place <= high * length // 100
        assert target == brute_force(word)


@pytest.mark.parametrize(
    ("word", "order", "target"), [("EaXdcYabB_", "XY", 1), ("EYddaYcaabB", "YY", 3)]
)
def test_worked_examples(word, order, target):
    word = word.ljust(11, "_")
    letters = np.array([[max(LETTERS.index(letter), 1) for letter in word]])
    places = np.array([[place for place, letter in enumerate(word) if letter in "XY"]])
    symbols = np.array([["XY".index(symbol) for symbol in order]])
    lengths = np.array([len(word.rstrip("_"))])
    example = TemporalOrder(length=10).place(letters, lengths, places, symbols)
    assert spelled(example.inputs[0]) == word
    assert example.targets.tolist() == [target] == [brute_force(word)]


@pytest.mark.parametrize("dialect", WINDOWS)
def test_lengths_places_and_classes_are_those_of_the_paper(dialect):
    inputs, targets = TemporalOrder(dialect).train_batch(0, 0, 8000)
    words = [spelled(tokens).rstrip("_") for tokens in inputs]
    assert {len(word) for word in words} == set(range(100, 111))
    places = [[i for i, letter in enumerate(word) if letter in "XY"] for word in words]
    for found, (low, high) in zip(zip(*places, strict=True), WINDOWS[dialect], strict=True):
        assert set(found) == set(range(low, high + 1))
    count = 2 ** len(WINDOWS[dialect])
    classes = np.bincount(targets, minlength=count)
    assert np.abs(classes - 8000 / count).max() < 4 * (8000 / count) ** 0.5


@pytest.mark.parametrize(
    ("dialect", "accuracies", "losses"),
    [
        # A bag of two is certain of XX and YY; of three it has three orders for XXY and for XYY.
        ("6a", (1 / 4, 1 / 2, 3 / 4), (math.log(4), math.log(2), math.log(2) / 2)),
        ("6b", (1 / 8, 1 / 4, 1 / 2), (math.log(8), math.log(4), math.log(3) * 3 / 4)),
    ],
)
def test_baselines_reach_what_they_can_know(dialect, accuracies, losses):
    task = TemporalOrder(dialect, test_size=10_000)
    test = task.evaluation_set("test", 0)
    baselines = task.baselines(0)
    assert list(baselines) == ["uniform", "last symbol", "bag of tokens"]
    measures = [task.measure(logits, test) for logits in baselines.values()]
    assert [found["accuracy"] for found in measures] == pytest.approx(accuracies, abs=0.02)
    assert [found["loss"] for found in measures] == pytest.approx(losses, rel=0.02)


def test_longer_sequences_keep_their_proportions():
    longer = TemporalOrder("6b").lengthened(2)
    assert longer == TemporalOrder("6b", length=200)
    inputs = longer.train_batch(0, 0, 2000).inputs
    assert sorted(set(np.nonzero(inputs == LETTERS.index("X"))[1].tolist())) == [
        *range(20, 41),
        *range(66, 87),
        *range(132, 153),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [("length", 9), ("dialect", "6c"), ("validation_size", 0), ("test_size", 0)],
)
def test_settings_out_of_their_bounds_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, TemporalOrder)
