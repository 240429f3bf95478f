"""Even pairs: say whether a binary sequence changes an even number of times."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from experiments.budget import Budget
from experiments.tasks.chomsky import Chomsky
from experiments.tasks.task import Array


@dataclass(frozen=True)
class EvenPairs(Chomsky):
    """The answer is 0 where the pairs 01 and 10 are together an even number, else 1.

    Examples:

        001110  -> 0 (one 01, one 10)
        0101001 -> 1 (three 01, two 10)

    >>> EvenPairs().answer("001110")
    0
    >>> EvenPairs().answer("0101001")
    1

    It is enough to compare the last symbol with the first. Lengths, splits and measures are
    those of `Chomsky`. Chance is 1/2.

    Source: Deletang et al. 2023, "Neural networks and the Chomsky hierarchy", a regular task.
    """

    name: ClassVar[str] = "even_pairs"
    budget: ClassVar[Budget] = Budget(steps=4000, batch_size=64, learning_rate=1e-2)
    symbols: ClassVar[str] = "01"
    num_answers: ClassVar[int] = 2

    def answers(self, numbers: Array, lengths: Array) -> Array:
        """A sequence that ends as it began has changed and changed back."""
        last = numbers[np.arange(len(numbers)), lengths - 1]
        changed: Array = numbers[:, 0] ^ last
        return changed
