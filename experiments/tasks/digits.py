"""Digits: tell which handwritten digit is drawn, reading it pixel by pixel."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar

import numpy as np

from experiments.budget import Budget
from experiments.errors import UnknownNameError
from experiments.tasks.epochs import epoch_rows
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.neighbours import nearest_neighbour
from experiments.tasks.task import (
    SHARE,
    Batch,
    Channels,
    Classes,
    Floats,
    Metric,
    Split,
    Task,
)

NUM_CLASSES = 10
NUM_PARTS = 6
"""Of every six pictures of a digit one goes to test, one to validation, four to training."""


@dataclass(frozen=True)
class Digits(Task):
    """Handwritten digits, 8 by 8 pixels, read row by row as 64 steps of one number in [0, 1].

    Real data without a download: the 1,797 pictures that come with scikit-learn. The split is
    fixed, so that all seeds share one test set, and stratified: of the pictures of each digit, in
    the collection's order, every sixth goes to `test` (304 in all) and the next to `validation`
    (302); the others are `train` (1,191). The seed decides the order of training.

    The first two pictures of the test split, in sixteenths:

    >>> test = Digits().evaluation_set("test", seed=0)
    >>> for row in np.hstack((16 * test.inputs[:2]).reshape(2, 8, 8)).astype(int):
    ...     print(" ".join(f"{pixel or '.':>2}" for pixel in row))
     .  .  5 13  9  1  .  .  .  .  . 12 13  5  .  .
     .  . 13 15 10 15  5  .  .  .  . 11 16  9  .  .
     .  3 15  2  . 11  8  .  .  .  3 15 16  6  .  .
     .  4 12  .  .  8  8  .  .  7 15 16 16  2  .  .
     .  5  8  .  .  9  8  .  .  .  1 16 16  3  .  .
     .  4 11  .  1 12  7  .  .  .  1 16 16  6  .  .
     .  2 14  5 10 12  .  .  .  .  1 16 16  6  .  .
     .  .  6 13 10  .  .  .  .  .  . 11 16 10  .  .
    >>> print(*test.targets[:2])
    0 1

    Source: E. Alpaydin and C. Kaynak 1998, "Optical recognition of handwritten digits", UCI
    machine learning repository (its test set); Pedregosa et al. 2011, "Scikit-learn".
    """

    name: ClassVar[str] = "digits"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=1500, learning_rate=3e-3)

    @property
    def input(self) -> Channels:
        """One pixel."""
        return Channels(width=1)

    @property
    def target(self) -> Classes:
        """The digit."""
        return Classes(count=NUM_CLASSES)

    @property
    def sequence_length(self) -> int:
        """All pixels."""
        return 64

    @property
    def epoch_sequences(self) -> int:
        """The pictures of an epoch."""
        return len(_splits()["train"].inputs)

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """The next `size` pictures in an endless row of shuffled epochs."""
        train = _splits()["train"]
        rows = epoch_rows(partial(self.generator, "train", seed), len(train.inputs), index, size)
        return Batch(train.inputs[rows], train.targets[rows])

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """The same pictures for every seed; there is no `extrapolation` split."""
        splits = _splits()
        if split not in splits:
            raise UnknownNameError("split", split, splits)
        return Batch(*(array.copy() for array in splits[split]))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy`."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`majority`: how often each digit occurs in training. `1-NN`: the nearest picture's."""
        train, test = _splits()["train"], _splits()["test"]
        counts = np.bincount(train.targets, minlength=NUM_CLASSES)
        majority = np.log(counts / counts.sum())
        return {
            "majority": np.tile(majority, (len(test.inputs), 1)),
            "1-NN": nearest_neighbour(train, test.inputs, NUM_CLASSES),
        }


@lru_cache(maxsize=1)
def _splits() -> Mapping[str, Batch]:
    # scikit-learn takes about a second to import; lists of tasks need none of it.
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    inputs = (pixels / pixels.max()).astype(np.float32)[..., np.newaxis]
    targets = classes.astype(np.int32)
    number_in_class = np.empty_like(targets)
    for digit in range(NUM_CLASSES):
        number_in_class[targets == digit] = np.arange((targets == digit).sum())
    part = number_in_class % NUM_PARTS
    members = {"test": part == 0, "validation": part == 1, "train": part > 1}
    return {split: Batch(inputs[rows], targets[rows]) for split, rows in members.items()}
