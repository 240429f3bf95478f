"""Decoded targets: bins, rows and baselines, against plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.decoding import (
    END,
    always_the_commonest,
    closed_up,
    ended,
    length_bins,
    measure_decoded,
    said_as_often_right,
    step_by_step,
)
from experiments.tasks.task import Batch, Decoded

rows = st.integers(1, 8).flatmap(
    lambda steps: st.lists(
        st.lists(st.integers(0, 9), min_size=steps, max_size=steps), min_size=1, max_size=6
    )
)


@given(rows)
def test_closing_up_moves_padding_behind_and_keeps_the_order(slots):
    found = closed_up(np.array(slots)).tolist()
    for row, slot in zip(found, slots, strict=True):
        words = [token for token in slot if token]
        assert row == words + [0] * (len(slot) - len(words))


@given(rows)
def test_the_end_is_behind_the_last_token(slots):
    tokens = closed_up(np.array(slots))
    for row, before in zip(ended(tokens).tolist(), tokens.tolist(), strict=True):
        words = [token for token in before if token]
        assert row == [*words, END] + [0] * (len(before) - len(words))


@pytest.mark.parametrize(
    ("lengths", "bins"),
    [
        (range(4, 31), [(4, 12), (13, 21), (22, 30)]),
        (range(1, 7), [(1, 2), (3, 4), (5, 6)]),
        (range(5, 7), [(5, 5), (6, 6)]),
        (range(7, 12), [(7, 8), (9, 10), (11, 11)]),
    ],
)
def test_bins_are_as_even_as_can_be(lengths, bins):
    assert length_bins(lengths) == bins


def test_bins_without_rows_are_not_told():
    targets = np.array([[5, END, 0], [5, 6, END]])
    logits = 30 * np.eye(7)[targets]
    batch = Batch(targets, targets)
    said = np.array([[5, END, 6], [5, 5, END]])
    measures = measure_decoded(
        Decoded(logits, said), batch, np.array([1, 2]), [(1, 1), (2, 3), (4, 9)]
    )
    assert measures["loss"] == pytest.approx(0, abs=1e-9)
    del measures["loss"]
    assert measures == {
        "exact_match": 0.5,
        "token_accuracy": 0.8,
        "exact_match_1_1": 1.0,
        "token_accuracy_1_1": 1.0,
        "exact_match_2_3": 0.0,
        "token_accuracy_2_3": pytest.approx(2 / 3),
    }


def test_the_commonest_token_is_said_throughout():
    train = np.array([[4, 4, END, 0], [4, 5, 3, END]])
    test = np.array([[3, END]])
    said = always_the_commonest(train, test, vocabulary_size=8)
    assert said.tokens.tolist() == [[4, 4]]
    # Seven targets; those that never occur count as half of one.
    expected = np.array([0.5, 0.5, 2, 1, 3, 1, 0.5, 0.5]) / 7
    assert np.exp(said.logits) == pytest.approx(np.tile(expected, (1, 2, 1)))


def test_logits_of_what_is_said_sum_to_one_and_hold_the_share():
    tokens = np.array([[3, 1], [0, 2]])
    probabilities = np.exp(said_as_often_right(tokens, 0.7, vocabulary_size=5))
    assert probabilities.sum(axis=-1) == pytest.approx(np.ones((2, 2)))
    assert np.take_along_axis(probabilities, tokens[..., np.newaxis], axis=-1) == pytest.approx(0.7)


def test_step_by_step_answers_without_the_rest_of_the_sentence():
    train = Batch(
        np.array([[3, 4, 0], [3, 0, 0], [4, 4, 3]]),
        np.array([[5, 6, END, 0], [5, END, 0, 0], [6, 7, 5, END]]),
    )
    said = step_by_step(train, np.array([[4, 3, 9], [3, 0, 0]]), vocabulary_size=8)
    assert said.tokens[0, :2].tolist() == [6, 5]
    assert said.tokens[0, 3] == said.tokens[1, 1] == END
    assert np.ptp(said.logits[0, 2]) == 0  # 9 was never seen
    # Of three 4s two became 6 and one 7, each counted half a time more.
    assert np.exp(said.logits[0, 0, [6, 7]]) == pytest.approx([2.5 / 7, 1.5 / 7])
