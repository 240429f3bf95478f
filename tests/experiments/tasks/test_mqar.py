"""Associative recall against plain Python."""

import itertools
import math
import time
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.tasks.mqar import MQAR

UNASKED = -1


def brute_force(tokens, num_pairs):
    """What a person would do: write the pairs into a book, and look keys up when they come."""
    context, rest = tokens[: 2 * num_pairs], tokens[2 * num_pairs :]
    book = dict(zip(context[::2], context[1::2], strict=True))
    return [UNASKED] * len(context) + [book.get(token, UNASKED) for token in rest]


@given(
    half_length=st.integers(2, 60),
    share=st.floats(0, 1),
    more=st.integers(1, 40),
    gaps=st.sampled_from(["power", "uniform"]),
    size=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_pairs_then_each_key_once(half_length, share, more, gaps, size, seed):
    length = 2 * half_length
    num_pairs = 1 + round(share * (length // 4 - 1))
    task = MQAR(length, num_pairs, length + more, gaps)
    inputs, targets = task.train_batch(seed, 0, size)
    half = task.vocabulary_size // 2
    for tokens, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        keys, values = tokens[: 2 * num_pairs : 2], tokens[1 : 2 * num_pairs : 2]
        assert len(tokens) == length
        assert len(set(keys)) == len(set(values)) == num_pairs
        assert all(1 <= key < half for key in keys)
        assert all(half <= value < task.vocabulary_size for value in values)
        assert sorted(filter(None, tokens[2 * num_pairs :])) == sorted(keys)
        assert not any(tokens[2 * num_pairs + 1 :: 2])
        assert answers == brute_force(tokens, num_pairs)


def test_worked_example():
    task = MQAR(length=12, num_pairs=2, vocabulary_size=14)
    example = task.ask(np.array([[2, 4]]), np.array([[8, 7]]), slots=np.array([[2, 1]]))
    assert example.inputs[0].tolist() == [2, 8, 4, 7, 0, 0, 4, 0, 2, 0, 0, 0]
    assert example.targets[0].tolist() == [-1, -1, -1, -1, -1, -1, 7, -1, 8, -1, -1, -1]


@pytest.mark.parametrize(("gaps", "exponent"), [("power", -0.99), ("uniform", 0)])
def test_slots_are_drawn_key_by_key_without_replacement(gaps, exponent):
    task, size = MQAR(length=12, num_pairs=2, vocabulary_size=14, gaps=gaps), 50_000
    inputs = task.train_batch(0, 0, size).inputs
    slots = [(inputs[:, 4::2] == inputs[:, [key]]).argmax(axis=1).tolist() for key in (0, 2)]
    found = Counter(zip(*slots, strict=True))
    weights = [i**exponent for i in range(1, 5)]
    for first, second in itertools.permutations(range(4), 2):
        chance = weights[first] / sum(weights)
        chance *= weights[second] / (sum(weights) - weights[first])
        error = math.sqrt(size * chance * (1 - chance))
        assert abs(found[first, second] - size * chance) < 4 * error


@pytest.mark.parametrize("num_pairs", [2, 5])
def test_baselines_reach_the_known_accuracies(num_pairs):
    task = MQAR(length=20, num_pairs=num_pairs, vocabulary_size=40, test_size=2000)
    test = task.evaluation_set("test", 0)
    baselines = task.baselines(0)
    assert list(baselines) == ["blind", "any value in context"]
    blind, context = (task.measure(logits, test) for logits in baselines.values())
    assert blind["accuracy"] == pytest.approx(1 / 20, abs=0.01)
    assert blind["loss"] == pytest.approx(math.log(20))
    # Whichever value of a sequence is said throughout, it is that of one key.
    assert context["accuracy"] == pytest.approx(1 / num_pairs)
    assert context["loss"] == pytest.approx(math.log(num_pairs))


def test_measures_look_at_the_keys_asked_alone():
    task = MQAR(length=16, num_pairs=2, vocabulary_size=20, test_size=10)
    test = task.evaluation_set("test", 0)
    answers = np.where(test.targets == UNASKED, 0, test.targets)
    rows, steps = np.nonzero(test.targets != UNASKED)
    answers[rows[:5], steps[:5]] = 0
    assert task.measure(50 * np.eye(20)[answers], test)["accuracy"] == pytest.approx(15 / 20)


def test_longer_sequences_are_even_and_there_while_the_vocabulary_is_larger():
    task = MQAR(length=64, vocabulary_size=256)
    assert [task.lengthened(factor).length for factor in (1.02, 1.5, 2, 3.9)] == [66, 96, 128, 250]
    assert task.lengthened(4) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_pairs": 17}, r"num_pairs must be between 1 and 16.*num_pairs=17"),
        ({"length": 22, "num_pairs": 6}, r"num_pairs must be between 1 and 5.*num_pairs=6"),
        ({"vocabulary_size": 64}, r"vocabulary_size must be at least 65.*vocabulary_size=64"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_with_the_range(settings, message):
    with pytest.raises(RequestError, match=message):
        MQAR(**settings)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("length", 65),
        ("length", 2),
        ("num_pairs", 0),
        ("gaps", "wide"),
        ("validation_size", 0),
        ("test_size", 0),
    ],
)
def test_settings_out_of_their_bounds_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, MQAR)


def test_generates_20000_sequences_of_64_steps_a_second():
    task, batches, size = MQAR(vocabulary_size=8192), 50, 32
    task.train_batch(0, 0, size)
    start = time.process_time()
    for index in range(batches):
        task.train_batch(0, index, size)
    assert batches * size / (time.process_time() - start) > 20_000
