"""Digits against scikit-learn's collection and plain Python."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from experiments.tasks.digits import Digits

SIZES = {"train": 1191, "validation": 302, "test": 304}


@pytest.fixture(scope="module")
def splits():
    return {split: Digits().evaluation_set(split, 0) for split in SIZES}


def test_sizes_are_as_documented(splits):
    assert {split: len(batch.inputs) for split, batch in splits.items()} == SIZES


def test_splits_are_disjoint_and_together_the_whole_collection(splits):
    pixels, classes = load_digits(return_X_y=True)
    expected = Counter((row.tobytes(), int(c)) for row, c in zip(pixels, classes, strict=True))
    found = Counter(
        ((16 * sequence[:, 0]).astype(float).tobytes(), int(digit))
        for batch in splits.values()
        for sequence, digit in zip(*batch, strict=True)
    )
    assert found == expected
    assert max(found.values()) == 1  # so no picture can be in two splits


@pytest.mark.parametrize("split", SIZES)
def test_splits_are_stratified(splits, split):
    _, classes = load_digits(return_X_y=True)
    expected = np.bincount(classes) / len(classes) * SIZES[split]
    assert np.abs(np.bincount(splits[split].targets) - expected).max() < 1


def test_pixels_are_scaled_and_read_row_by_row(splits):
    first = load_digits().images[0]
    inputs, targets = splits["test"]
    assert [16 * pixel for pixel in inputs[0, :, 0].tolist()] == [p for row in first for p in row]
    assert targets[0] == 0
    assert inputs.min() == 0
    assert inputs.max() == 1


@pytest.mark.parametrize("split", SIZES)
def test_all_seeds_share_the_splits(splits, split):
    other = Digits().evaluation_set(split, seed=7)
    assert np.array_equal(other.inputs, splits[split].inputs)
    assert np.array_equal(other.targets, splits[split].targets)


@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_an_epoch_is_the_training_split_in_another_order(splits, epoch):
    train = splits["train"]
    batch = Digits().train_batch(seed=3, index=epoch, size=len(train.inputs))
    as_set = {(x.tobytes(), int(y)) for x, y in zip(*train, strict=True)}
    assert {(x.tobytes(), int(y)) for x, y in zip(*batch, strict=True)} == as_set
    assert not np.array_equal(batch.targets, train.targets)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**40), index=st.integers(0, 10**6), size=st.integers(1, 40))
def test_batches_are_slices_of_one_endless_row(seed, index, size):
    batch = Digits().train_batch(seed, index, size)
    singles = [Digits().train_batch(seed, index * size + i, 1) for i in range(size)]
    assert np.array_equal(batch.inputs, np.concatenate([single.inputs for single in singles]))
    assert np.array_equal(batch.targets, np.concatenate([single.targets for single in singles]))


def test_a_batch_may_straddle_epochs_and_be_longer_than_one():
    train = SIZES["train"]
    batch = Digits().train_batch(seed=0, index=1, size=2 * train)
    epochs = [Digits().train_batch(seed=0, index=epoch, size=train).targets for epoch in (2, 3)]
    assert np.array_equal(batch.targets, np.concatenate(epochs))


def test_majority_baseline_agrees_with_plain_python(splits):
    counts = Counter(splits["train"].targets.tolist())
    test = splits["test"].targets.tolist()
    logits = Digits().baselines(0)["majority"]
    measures = Digits().measure(logits, splits["test"])
    commonest = max(sorted(counts), key=counts.__getitem__)
    assert measures["accuracy"] == pytest.approx(test.count(commonest) / len(test))
    losses = [-np.log(counts[digit] / SIZES["train"]) for digit in test]
    assert measures["loss"] == pytest.approx(np.mean(losses))


def test_nearest_neighbour_baseline_agrees_with_plain_python(splits):
    (train, digits), test = splits["train"], splits["test"]
    logits = Digits().baselines(0)["1-NN"]
    for sequence, predicted in zip(test.inputs[:50], logits.argmax(axis=-1), strict=False):
        distances = [float(((sequence - other) ** 2).sum()) for other in train]
        assert predicted == digits[distances.index(min(distances))]
    assert np.exp(logits).sum(axis=-1) == pytest.approx(1)
    measures = Digits().measure(logits, test)
    assert measures["accuracy"] > 0.95
    assert measures["loss"] < 0.25
