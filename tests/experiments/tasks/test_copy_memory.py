"""Copy memory against plain Python."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.copy_memory import CopyMemory

DIALECTS = ["urnn", "tcn", "s4"]
BEHIND_THE_DIGITS = {
    "urnn": lambda length: [0] * (length - 1) + [9] + [0] * 10,
    "tcn": lambda length: [0] * (length - 1) + [9] * 11,
    "s4": lambda length: [0] * length + [9] * 10,
}


def brute_force(tokens, dialect="urnn"):
    """What a person would do: note the digits, wait for the delimiter, then write them down.

    Where it is there at every step to answer in, one answers at once.
    """
    answers, noted = [], []
    for token in tokens:
        if dialect == "s4":
            answers.append(noted.pop(0) if token == 9 else -1)
        else:
            answers.append(noted.pop(0) if 9 in tokens[: len(answers)] else 0)
        if 1 <= token <= 8:
            noted.append(token)
    return answers


@given(
    length=st.integers(1, 200),
    dialect=st.sampled_from(DIALECTS),
    size=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_digits_blanks_and_delimiters(length, dialect, size, seed):
    inputs, targets = CopyMemory(length, dialect).train_batch(seed, 0, size)
    for tokens, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        assert len(tokens) == length + 20
        assert set(tokens[:10]) <= set(range(1, 9))
        assert tokens[10:] == BEHIND_THE_DIGITS[dialect](length)
        assert tokens.index(9) == length + (10 if dialect == "s4" else 9)
        assert answers == brute_force(tokens, dialect)
        assert answers[-10:] == tokens[:10]


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        ("31415126530090000000000", "00000000000003141512653"),
        ("88888777770090000000000", "00000000000008888877777"),
    ],
)
def test_worked_examples(inputs, targets):
    inputs, targets = ([int(token) for token in tokens] for tokens in (inputs, targets))
    example = CopyMemory(length=3).spread(np.array([inputs[:10]]))
    assert example.inputs[0].tolist() == inputs
    assert example.targets[0].tolist() == targets == brute_force(inputs)


def test_every_digit_is_drawn_in_every_place():
    digits = CopyMemory(length=1).train_batch(0, 0, 500).inputs[:, :10]
    assert all(set(column) == set(range(1, 9)) for column in digits.T.tolist())


def test_sizes_are_settings():
    task = CopyMemory(length=7, validation_size=3, test_size=5)
    assert task.sequence_length == 27
    assert task.evaluation_set("validation", 0).inputs.shape == (3, 27)
    assert task.evaluation_set("test", 0).inputs.shape == (5, 27)


def test_evaluation_sets_differ_by_seed():
    a, b = (CopyMemory().evaluation_set("test", seed).inputs for seed in (0, 1))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("length", [1, 30, 100])
def test_memoryless_baseline_reaches_the_known_plateau(length, dialect):
    task = CopyMemory(length, dialect, test_size=2000)
    measures = task.measure(task.baselines(0)["memoryless"], task.evaluation_set("test", 0))
    plateau = math.log(8) if dialect == "s4" else 10 * math.log(8) / (length + 20)
    assert measures["loss"] == pytest.approx(plateau, rel=1e-6)
    assert measures["token_accuracy"] == pytest.approx(1 / 8, abs=0.01)
    assert measures["exact_match"] == 0


def test_blank_answers_score_nothing_though_most_steps_are_blank():
    task = CopyMemory(test_size=10)
    logits = np.zeros((10, 120, 9))
    logits[..., 0] = 10
    measures = task.measure(logits, task.evaluation_set("test", 0))
    assert measures["token_accuracy"] == measures["exact_match"] == 0


def test_measures_agree_with_plain_python():
    task = CopyMemory(length=2, test_size=30)
    test = task.evaluation_set("test", 0)
    right = np.random.default_rng(0).random(test.targets.shape) < 0.9
    right[:3] = True
    answers = np.where(right, test.targets, (test.targets + 1) % 9)
    measures = task.measure(20 * np.eye(9)[answers], test)
    recalled = right[:, 12:].tolist()
    hits = [hit for sequence in recalled for hit in sequence]
    whole = [all(sequence) for sequence in recalled]
    wrong = (~right).mean()
    assert measures["token_accuracy"] == pytest.approx(sum(hits) / len(hits))
    assert measures["exact_match"] == pytest.approx(sum(whole) / len(whole))
    assert measures["loss"] == pytest.approx(20 * wrong, rel=1e-6)


@pytest.mark.parametrize("field", ["length", "validation_size", "test_size"])
def test_settings_below_their_bounds_are_refused_by_name(field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: 0}, CopyMemory)


def test_an_unknown_dialect_is_refused_by_name():
    with pytest.raises(msgspec.ValidationError, match=r"\$\.dialect"):
        msgspec.convert({"dialect": "lstm"}, CopyMemory)
