"""Lookahead against plain Python."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.tasks.lookahead import Lookahead

UNASKED = -1


def brute_force(tokens, offset):
    """What a person would do: look so many steps further, where there are as many."""
    last = len(tokens) - 1
    return [tokens[t + offset] if 0 <= t + offset <= last else UNASKED for t in range(len(tokens))]


@given(
    vocabulary_size=st.integers(2, 30),
    length=st.integers(1, 60),
    share=st.floats(-0.99, 0.99),
    size=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_the_answer_is_the_token_so_many_steps_later(vocabulary_size, length, share, size, seed):
    task = Lookahead(vocabulary_size, offset=int(share * length), length=length)
    inputs, targets = task.train_batch(seed, 0, size)
    assert inputs.shape == (size, length)
    assert 0 <= inputs.min() <= inputs.max() < vocabulary_size
    for tokens, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        assert answers == brute_force(tokens, task.offset)


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [([3, 1, 4, 1, 5, 2], [4, 1, 5, 2, -1, -1]), ([7, 0, 0, 0, 1, 6], [0, 0, 1, 6, -1, -1])],
)
def test_worked_examples(inputs, targets):
    example = Lookahead(offset=2, length=6).shift(np.array([inputs]))
    assert example.targets[0].tolist() == targets == brute_force(inputs, 2)


def test_tokens_are_independent_and_equally_likely():
    inputs = Lookahead(vocabulary_size=4, offset=1, length=2).train_batch(0, 0, 16_000).inputs
    pairs = np.bincount(4 * inputs[:, 0] + inputs[:, 1], minlength=16)
    assert np.abs(pairs - 1000).max() < 4 * 1000**0.5


@pytest.mark.parametrize(("vocabulary_size", "offset"), [(8, 5), (3, 2), (8, -5)])
def test_no_baseline_beats_one_in_so_many_tokens(vocabulary_size, offset):
    task = Lookahead(vocabulary_size, offset)
    test = task.evaluation_set("test", 1)
    baselines = task.baselines(1)
    assert list(baselines) == ["uniform", "current token"]
    for logits in baselines.values():
        measures = task.measure(logits, test)
        assert measures["accuracy"] == pytest.approx(1 / vocabulary_size, rel=0.02)
        assert measures["loss"] == pytest.approx(math.log(vocabulary_size), rel=1e-3)


def test_guessing_is_within_one_percent_of_its_chance():
    """The accuracy is told from chance to 1 %: three standard errors of a test split."""
    task = Lookahead()
    asked = (task.evaluation_set("test", 0).targets != UNASKED).sum()
    assert 3 * math.sqrt((1 / 8) * (7 / 8) / asked) < 0.01 / 8


def test_only_steps_that_have_an_answer_count():
    task = Lookahead(vocabulary_size=3, offset=2, length=5, test_size=30)
    test = task.evaluation_set("test", 0)
    answers = np.where(test.targets == UNASKED, 0, test.targets)
    answers[:10, 0] = (answers[:10, 0] + 1) % 3
    assert task.measure(50 * np.eye(3)[answers], test)["accuracy"] == pytest.approx(80 / 90)


def test_longer_sequences_have_as_many_steps_in_all():
    longer = Lookahead(length=40, test_size=1000).lengthened(4)
    assert longer == Lookahead(length=160, test_size=250)


@pytest.mark.parametrize("offset", [40, -40, 100])
def test_an_offset_that_leaves_no_answer_is_refused_with_the_range(offset):
    with pytest.raises(RequestError, match=rf"between -39 and 39.*offset={offset}"):
        Lookahead(offset=offset, length=40)


@pytest.mark.parametrize("field", ["vocabulary_size", "length", "validation_size", "test_size"])
def test_settings_below_their_bounds_are_refused_by_name(field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: 0}, Lookahead)
