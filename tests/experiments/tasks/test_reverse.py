"""Reverse against plain Python."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.tasks.decoding import END, FIRST_WORD
from experiments.tasks.reverse import Reverse
from experiments.tasks.task import Decoded


def words(tokens):
    """The sequences without their padding."""
    return [[token for token in sequence if token] for sequence in tokens.tolist()]


def logits_for(tokens, width):
    return 20 * np.eye(width)[tokens]


@given(
    lengths=st.tuples(st.integers(1, 20), st.integers(0, 20)),
    num_letters=st.integers(2, 30),
    size=st.integers(1, 20),
    seed=st.integers(0, 2**40),
    split=st.sampled_from(["train", *Reverse.evaluation_splits]),
)
def test_targets_are_the_letters_backwards_and_the_end(lengths, num_letters, size, seed, split):
    low, high = lengths[0], sum(lengths)
    task = Reverse(low, high, num_letters, validation_size=size, test_size=size)
    if split == "train":
        batch = task.train_batch(seed, 0, size)
    else:
        batch = task.evaluation_set(split, seed)
    if split == "extrapolation":
        low, high = high + 1, 2 * high
    assert batch.inputs.shape == (size, high)
    assert batch.targets.shape == (size, high + 1)
    for source, target in zip(words(batch.inputs), words(batch.targets), strict=True):
        assert low <= len(source) <= high
        assert set(source) <= set(range(FIRST_WORD, FIRST_WORD + num_letters))
        assert target == [*reversed(source), END]


def test_every_length_and_every_letter_is_drawn():
    task = Reverse(min_length=2, max_length=5, num_letters=3)
    sources = words(task.train_batch(0, 0, 500).inputs)
    counts = np.bincount([len(source) for source in sources], minlength=6)
    assert (counts[2:] > 90).all()  # 125 each, give or take four standard deviations
    assert {letter for source in sources for letter in source} == {3, 4, 5}


def test_measures_agree_with_plain_python():
    task = Reverse(min_length=2, max_length=9, num_letters=5, test_size=200)
    test = task.evaluation_set("test", 0)
    rng = np.random.default_rng(0)
    tokens = np.where(rng.random(test.targets.shape) < 0.9, test.targets, FIRST_WORD)
    logits = rng.normal(size=(*test.targets.shape, 8))
    measures = task.measure(Decoded(logits, tokens), test)

    nats, rows = [], []
    for target, said, scores in zip(words(test.targets), tokens, logits, strict=True):
        rows.append([a == b for a, b in zip(target, said, strict=False)])
        nats += [
            math.log(sum(map(math.exp, step))) - step[token]
            for token, step in zip(target, scores.tolist(), strict=False)
        ]
    assert measures["loss"] == pytest.approx(np.mean(nats))
    bins = {"": (2, 9), "_2_4": (2, 4), "_5_7": (5, 7), "_8_9": (8, 9)}
    for suffix, (low, high) in bins.items():
        chosen = [row for row in rows if low <= len(row) - 1 <= high]
        hits = [hit for row in chosen for hit in row]
        assert measures[f"exact_match{suffix}"] == pytest.approx(np.mean([*map(all, chosen)]))
        assert measures[f"token_accuracy{suffix}"] == pytest.approx(np.mean(hits))
    assert len(measures) == 1 + 2 * len(bins)


def test_longer_lengths_have_bins_of_their_own():
    task = Reverse(min_length=4, max_length=30)
    test = task.evaluation_set("extrapolation", 0)
    measures = task.measure(Decoded(logits_for(test.targets, 29), test.targets), test)
    bins = [key for key in measures if key.startswith("exact_match_")]
    assert bins == ["exact_match_31_40", "exact_match_41_50", "exact_match_51_60"]


def test_what_is_said_after_the_end_is_not_asked():
    task = Reverse(test_size=20)
    test = task.evaluation_set("test", 0)
    chatter = np.where(test.targets == 0, FIRST_WORD, test.targets)
    measures = task.measure(Decoded(logits_for(chatter, 29), chatter), test)
    assert measures["exact_match"] == measures["token_accuracy"] == 1


def test_an_answer_without_its_end_is_not_exact():
    task = Reverse(test_size=20)
    test = task.evaluation_set("test", 0)
    endless = np.where(test.targets == END, FIRST_WORD, test.targets)
    measures = task.measure(Decoded(logits_for(test.targets, 29), endless), test)
    assert measures["exact_match"] == 0
    assert 0.7 < measures["token_accuracy"] < 1


def test_decoding_that_stopped_early_misses_the_rest():
    task = Reverse(min_length=6, max_length=6, test_size=20)
    test = task.evaluation_set("test", 0)
    logits = logits_for(test.targets, 29)
    measures = task.measure(Decoded(logits, test.targets[:, :4]), test)
    assert measures["token_accuracy"] == pytest.approx(4 / 7)
    assert measures["exact_match"] == 0


def test_unigram_baseline_is_the_entropy_of_the_tokens():
    task = Reverse(min_length=4, max_length=30, test_size=5000)
    measures = task.measure(task.baselines(0)["unigram"], task.evaluation_set("test", 0))
    end = 1 / 18  # one end beside 17 letters in the mean
    entropy = -end * math.log(end) - (1 - end) * math.log((1 - end) / 26)
    assert measures["loss"] == pytest.approx(entropy, abs=0.01)
    assert measures["exact_match"] == 0


def test_copying_is_right_at_the_end_and_by_chance():
    task = Reverse(min_length=4, max_length=30, test_size=5000)
    measures = task.measure(task.baselines(0)["copy"], task.evaluation_set("test", 0))
    # The end, and of the letters those in the middle (of an odd length) and one in 26.
    middle = 13 / 27 / 18
    expected = 1 / 18 + middle + (17 / 18 - middle) / 26
    assert measures["token_accuracy"] == pytest.approx(expected, abs=0.005)


def test_lengths_that_cross_are_refused():
    with pytest.raises(
        RequestError, match=r"min_length must not be above.*min_length=9, max_length=8"
    ):
        Reverse(min_length=9, max_length=8)


@pytest.mark.parametrize(
    "field", ["min_length", "max_length", "num_letters", "validation_size", "test_size"]
)
def test_settings_below_their_bounds_are_refused_by_name(field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: 0}, Reverse)
