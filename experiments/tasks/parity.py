"""Parity: say whether the number of ones is odd."""

from dataclasses import dataclass
from typing import ClassVar

from experiments.budget import Budget
from experiments.tasks.chomsky import Chomsky
from experiments.tasks.task import Array


@dataclass(frozen=True)
class Parity(Chomsky):
    """The answer to a sequence of 0 and 1 is 1 where the number of ones is odd, else 0.

    Examples:

        1010100 -> 1
        01111   -> 0

    >>> Parity().answer("1010100")
    1
    >>> Parity().answer("01111")
    0

    Lengths, splits and measures are those of `Chomsky`. Chance is 1/2.

    Source: Deletang et al. 2023, "Neural networks and the Chomsky hierarchy", a regular task.
    """

    name: ClassVar[str] = "parity"
    budget: ClassVar[Budget] = Budget(steps=4000, batch_size=64, learning_rate=3e-3)
    symbols: ClassVar[str] = "01"
    num_answers: ClassVar[int] = 2

    def answers(self, numbers: Array, lengths: Array) -> Array:
        """Zeros behind the end count for nothing."""
        odd: Array = numbers.sum(axis=1) % 2
        return odd
