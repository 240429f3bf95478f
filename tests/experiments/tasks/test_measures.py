"""Measures against plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from experiments.tasks.measures import accuracy, cross_entropy, exact_match, mean_squared_error

shapes = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(2, 6))
logits = shapes.flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(-30, 30, width=32))
)


@given(logits, st.randoms(use_true_random=False))
def test_class_measures_agree_with_plain_python(logits, random):
    batch, steps, count = logits.shape
    classes = np.array([[random.randrange(count) for _ in range(steps)] for _ in range(batch)])
    losses, hits = [], []
    for i in range(batch):
        for j in range(steps):
            row = [float(logit) for logit in logits[i, j]]
            losses.append(math.log(sum(map(math.exp, row))) - row[classes[i, j]])
            hits.append(row.index(max(row)) == classes[i, j])
    whole = [all(hits[i * steps : (i + 1) * steps]) for i in range(batch)]
    assert cross_entropy(logits, classes) == pytest.approx(sum(losses) / len(losses), abs=1e-6)
    assert accuracy(logits, classes) == pytest.approx(sum(hits) / len(hits))
    assert exact_match(logits, classes) == pytest.approx(sum(whole) / len(whole))


@given(arrays(np.float32, (4, 3), elements=st.floats(-100, 100, width=32)))
def test_mean_squared_error_agrees_with_plain_python(values):
    targets = np.zeros_like(values)
    squares = [float(value) ** 2 for value in values.ravel()]
    assert mean_squared_error(values, targets) == pytest.approx(sum(squares) / len(squares))


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_cross_entropy_does_not_overflow(size):
    logits = np.array([[size, -size]], np.float32)
    assert cross_entropy(logits, np.array([0])) == 0
    assert cross_entropy(logits, np.array([1])) == pytest.approx(2 * size)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_diverged_logits_give_nan_without_a_warning(bad):
    assert math.isnan(cross_entropy(np.array([[bad, 0.0]]), np.array([0])))


def test_a_column_is_not_spread_over_a_row():
    with pytest.raises(ValueError, match=r"\(3,\).*\(3, 1\)"):
        mean_squared_error(np.zeros(3), np.zeros((3, 1)))
