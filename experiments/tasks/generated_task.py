"""Tasks without a collection: every sequence is drawn when it is asked for."""

import abc

import numpy as np

from experiments.budget import Positive
from experiments.errors import UnknownNameError
from experiments.tasks.task import Batch, Split, Task


class GeneratedTask(Task):
    """A task that draws every batch and every split from a random stream of its own.

    Final subclasses say how, and how large their splits are. They may be asked for the
    `extrapolation` split whenever `lengthened` makes sense of it; it is drawn like `test`.
    """

    validation_size: Positive
    """Sequences in the validation split."""
    test_size: Positive
    """Sequences in the test split, and in the extrapolation split."""

    @abc.abstractmethod
    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """`size` sequences with their targets."""

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Fresh sequences."""
        return self.draw(self.generator("train", seed, index), size)

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """`validation_size` sequences, or `test_size` in the two other splits."""
        sizes = {
            "validation": self.validation_size,
            "test": self.test_size,
            "extrapolation": self.test_size,
        }
        if split not in sizes:
            raise UnknownNameError("split", split, sizes)
        return self.draw(self.generator(split, seed), sizes[split])
