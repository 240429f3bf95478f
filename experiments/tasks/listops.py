"""ListOps: work out nested lists of minima, maxima, medians and sums."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from experiments.budget import Budget, Positive
from experiments.errors import UnknownNameError
from experiments.tasks import baselines, trees
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import SHARE, Batch, Classes, Floats, Metric, Split, Task, Tokens

DIALECTS = {
    "mini": trees.Limits(max_depth=6, max_arguments=8, min_length=65, max_length=255),
    "lra": trees.Limits(max_depth=10, max_arguments=10, min_length=501, max_length=1999),
}
BASELINE_SIZE = 2000
"""Sequences that the null baselines count in."""


@dataclass(frozen=True)
class ListOps(Task):
    """An operator, its arguments and `]`; an argument is a digit or such a list itself.

    MIN and MAX are the least and the greatest, MED is the median rounded down, SM the sum modulo
    10. The answer is the digit that the whole list amounts to, read after the last word. The root
    is an operator, and so is each argument with probability 1/4 above the deepest level; of
    arguments there are 2 to the most, equally likely. Lists of other lengths are left out:

        mini: up to  6 levels and  8 arguments,  64 < words <  256
        lra:  up to 10 levels and 10 arguments, 500 < words < 2000

    Examples:

        [MED 4 5 3 4 [MAX 4 8 ] ]                     -> 4
        [MED 1 [MIN [MIN 8 7 1 ] 8 7 ] 4 8 ]          -> 2
        [SM [SM 5 0 ] [MAX 6 [MIN 7 9 2 3 ] ] 5 1 ]   -> 7

    >>> ListOps().answer("[MED 4 5 3 4 [MAX 4 8 ] ]")
    4
    >>> ListOps().answer("[MED 1 [MIN [MIN 8 7 1 ] 8 7 ] 4 8 ]")
    2
    >>> ListOps().answer("[SM [SM 5 0 ] [MAX 6 [MIN 7 9 2 3 ] ] 5 1 ]")
    7

    Every batch has fresh trees, where the published set has 96,000 for training.

    Source: Nangia and Bowman 2018, "ListOps: a diagnostic dataset for latent tree learning";
    this form from Tay et al. 2021, "Long range arena: a benchmark for efficient transformers",
    section 2.2.
    """

    name: ClassVar[str] = "listops"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=3000, learning_rate=1e-3)

    dialect: Literal["mini", "lra"] = "mini"
    """How deep, wide and long the lists are."""
    validation_size: Positive = 500
    """Sequences in the validation split."""
    test_size: Positive = 2000
    """Sequences in the test split."""

    @property
    def input(self) -> Tokens:
        """Padding, ten digits, four operators with their brackets, the closing bracket."""
        return Tokens(vocabulary_size=1 + len(trees.WORDS), has_padding=True)

    @property
    def target(self) -> Classes:
        """A digit."""
        return Classes(count=10)

    @property
    def sequence_length(self) -> int:
        """Words of the longest list."""
        return DIALECTS[self.dialect].max_length

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Fresh lists."""
        return self._draw(self.generator("train", seed, index), size)

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """`validation_size` or `test_size` lists."""
        sizes = {"validation": self.validation_size, "test": self.test_size}
        if split not in sizes:
            raise UnknownNameError("split", split, sizes)
        return self._draw(self.generator(split, seed), sizes[split])

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy`."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`majority`: the commonest answer. `first token`: the commonest for the root operator."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        test = self.evaluation_set("test", seed)
        kinds, count = self.input.vocabulary_size, self.target.count
        return {
            "majority": baselines.majority(train, test, count),
            "first token": baselines.first_token(train, test, kinds, count),
        }

    def answer(self, text: str) -> int:
        """What a list amounts to, its words with spaces between them."""
        return int(trees.values(trees.parse(text))[0])

    def _draw(self, generator: np.random.Generator, size: int) -> Batch:
        limits = DIALECTS[self.dialect]
        batches: list[Batch] = []
        while sum(len(batch.inputs) for batch in batches) < size:
            # A third of all trees is of the right length.
            forest = trees.grow(generator, 4 * size, limits)
            tokens = 1 + trees.write(forest, limits.max_length)
            targets = trees.values(forest)
            batches.append(Batch(tokens.astype(np.int32), targets.astype(np.int32)))
        inputs, targets = (np.concatenate(parts)[:size] for parts in zip(*batches, strict=True))
        return Batch(inputs, targets)
