"""Counting against plain Python."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.tasks.counting import Counting

LETTERS = {"anbn": "ab", "anbncn": "abc"}

languages = pytest.mark.parametrize("language", LETTERS)


def words(language, up_to):
    return ["".join(letter * n for letter in LETTERS[language]) for n in range(1, up_to + 1)]


def brute_force(language, read):
    """What comes after `read` if it is the same in every word of the language, or -1."""
    following = {
        word[len(read) : len(read) + 1] for word in words(language, 60) if word.startswith(read)
    }
    return " abc".index(following.pop() or " ") if len(following) == 1 else -1


@given(
    language=st.sampled_from(sorted(LETTERS)),
    n=st.lists(st.integers(1, 12), min_size=1, max_size=4),
)
def test_targets_are_what_no_word_does_otherwise(language, n):
    inputs, targets = Counting(language=language, max_n=3).spell(np.array(n))
    assert inputs.shape == targets.shape
    for tokens, answers, word_n in zip(inputs.tolist(), targets.tolist(), n, strict=True):
        word = "".join(" abc"[token] for token in tokens).rstrip()
        assert word == words(language, word_n)[-1]
        expected = [brute_force(language, word[: i + 1]) for i in range(len(word))]
        assert answers == expected + [-1] * (len(tokens) - len(word))


@languages
def test_splits_have_each_n_once(language):
    task = Counting(language=language)
    train = task.train_batch(0, 0, 500)
    assert set((train.inputs == 1).sum(axis=1)) == set(range(1, 11))
    assert train.inputs.shape == (500, 10 * len(LETTERS[language]))
    n = {
        split: (task.evaluation_set(split, 0).inputs == 1).sum(axis=1).tolist()
        for split in ("validation", "test")
    }
    assert n == {"validation": [*range(11, 101, 2)], "test": [*range(12, 101, 2)]}


@languages
@pytest.mark.parametrize(
    ("wrong", "largest"), [([], 100), ([12], 0), ([14], 12), ([100], 98), ([30, 50, 16], 14)]
)
def test_the_largest_n_is_the_last_before_a_gap(language, wrong, largest):
    task = Counting(language=language)
    test = task.evaluation_set("test", 0)
    logits = np.eye(task.target.count)[test.targets]
    n = (test.inputs == 1).sum(axis=1)
    for missed in wrong:
        # The end one step too early.
        step = len(LETTERS[language]) * missed - 2
        logits[n == missed, step] = np.eye(task.target.count)[0]
    measures = task.measure(logits, test)
    assert measures["largest_n"] == largest
    assert measures["exact_match"] == pytest.approx(1 - len(wrong) / 45)
    asked = (len(LETTERS[language]) - 1) * n.sum()
    assert measures["accuracy"] == pytest.approx(1 - len(wrong) / asked)


def test_what_is_said_where_nothing_is_asked_counts_for_nothing():
    task = Counting()
    test = task.evaluation_set("test", 0)
    logits = np.eye(3)[test.targets]
    logits[test.targets == -1] = [9, 0, 0]
    assert task.measure(logits, test)["exact_match"] == 1


def test_repeating_the_symbol_is_nearly_always_right_and_never_accepted():
    task = Counting(language="anbncn")
    measures = task.measure(task.baselines(0)["bigram"], task.evaluation_set("test", 0))
    n = np.arange(12, 101, 2)
    assert measures["accuracy"] == pytest.approx((2 * n - 2).sum() / (2 * n).sum())
    assert measures["exact_match"] == measures["largest_n"] == 0


def test_numbers_that_cannot_be():
    assert Counting().bounds("largest_n")[0] == 0
    assert Counting().bounds("exact_match") == (0, 1)


def test_a_test_that_is_no_longer_than_training_is_refused():
    with pytest.raises(RequestError, match=r"at least max_n \+ 2.*max_n=10, test_n=11"):
        Counting(test_n=11)
    assert Counting(test_n=12).evaluation_set("test", 0).inputs.shape == (1, 24)


@pytest.mark.parametrize("field", ["max_n", "test_n"])
def test_settings_below_their_bounds_are_refused_by_name(field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: 0}, Counting)


def test_unknown_languages_are_refused():
    with pytest.raises(msgspec.ValidationError, match=r"\$\.language"):
        msgspec.convert({"language": "anbm"}, Counting)
