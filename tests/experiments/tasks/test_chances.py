"""Probabilities as predictions against plain Python."""

import numpy as np
import pytest

from experiments.tasks.chances import logits_of, shares
from experiments.tasks.measures import log_softmax


def test_the_softmax_of_logits_is_the_probabilities():
    chances = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    logits = logits_of(chances)
    assert np.isfinite(logits).all()
    assert np.exp(log_softmax(logits)) == pytest.approx(chances, abs=1e-12)


def test_shares_are_those_of_each_row_among_the_tokens_counted():
    tokens = np.array([[2, 0, 2, 1], [3, 0, 3, 0]])
    assert shares(tokens, 4).tolist() == [[0.25, 0.25, 0.5, 0], [0.5, 0, 0, 0.5]]
    assert shares(tokens, 3).tolist() == [[0.25, 0.25, 0.5], [1, 0, 0]]
