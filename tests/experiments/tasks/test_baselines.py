"""Null baselines that count, against counting by hand."""

import numpy as np
import pytest

from experiments.tasks import baselines
from experiments.tasks.task import Batch

TRAIN = Batch(
    np.array([[1, 2, 0], [1, 1, 1], [2, 1, 0], [2, 2, 2]], np.int32), np.array([0, 0, 1, 0])
)
TEST = Batch(np.array([[2, 1, 1], [1, 2, 0]], np.int32), np.array([1, 0]))


def test_frequencies_have_half_a_time_added():
    logs = baselines.log_frequencies(np.array([0, 0, 0]), np.array([1, 1, 0]), 2, 2)
    assert np.exp(logs) == pytest.approx(np.array([[1.5 / 4, 2.5 / 4], [0.5, 0.5]]))


def test_steps_that_are_not_asked_count_for_nothing():
    logs = baselines.log_frequencies(np.array([[0, 0]]), np.array([[1, -1]]), 1, 2)
    assert np.exp(logs) == pytest.approx(np.array([[0.25, 0.75]]))


def test_majority_is_the_same_for_all():
    logits = baselines.majority(TRAIN, TEST, 2)
    assert np.exp(logits) == pytest.approx(np.array([[3.5 / 5, 1.5 / 5]] * 2))


def test_first_token_tells_what_goes_with_it():
    logits = baselines.first_token(TRAIN, TEST, 3, 2)
    assert np.exp(logits) == pytest.approx(np.array([[1.5 / 3, 1.5 / 3], [2.5 / 3, 0.5 / 3]]))


def test_current_token_tells_what_goes_with_each_step():
    train = Batch(np.array([[1, 2, 1]]), np.array([[1, -1, 1]]))
    test = Batch(np.array([[2, 1]]), np.array([[0, 1]]))
    logits = baselines.current_token(train, test, 3, 2)
    assert np.exp(logits) == pytest.approx(np.array([[[0.5, 0.5], [0.5 / 3, 2.5 / 3]]]))


def test_bag_of_tokens_is_naive_bayes_whatever_the_order():
    logits = baselines.bag_of_tokens(TRAIN, TEST, 3, 2)
    # Class 0 has tokens 1 2, 1 1 1 and 2 2 2, class 1 has 2 1; half a time added to three tokens.
    of_0 = np.array([0.5, 4.5, 4.5]) / 9.5
    of_1 = np.array([0.5, 1.5, 1.5]) / 3.5
    expected = [
        [3.5 / 5 * of_0[2] * of_0[1] ** 2, 1.5 / 5 * of_1[2] * of_1[1] ** 2],
        [3.5 / 5 * of_0[1] * of_0[2], 1.5 / 5 * of_1[1] * of_1[2]],
    ]
    assert np.exp(logits) == pytest.approx(np.array(expected))
    shuffled = Batch(TEST.inputs[:, ::-1], TEST.targets)
    assert baselines.bag_of_tokens(TRAIN, shuffled, 3, 2) == pytest.approx(logits)
