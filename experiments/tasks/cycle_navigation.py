"""Cycle navigation: follow moves around a circle and say where they end."""

from dataclasses import dataclass
from typing import ClassVar

from experiments.budget import Budget
from experiments.tasks.chomsky import Chomsky
from experiments.tasks.task import Array

CYCLE = 5
"""Places on the circle."""


@dataclass(frozen=True)
class CycleNavigation(Chomsky):
    """Moves on a circle of five places, from place 0; the answer is the place they end at.

    `-` is a step back, `0` stays, `+` is a step on.

    Examples:

        +-0-- -> 3 (two steps back from place 0)
        +++-  -> 2

    >>> CycleNavigation().answer("+-0--")
    3
    >>> CycleNavigation().answer("+++-")
    2

    Lengths, splits and measures are those of `Chomsky`. Chance is 1/5.

    Source: Deletang et al. 2023, "Neural networks and the Chomsky hierarchy", a regular task.
    """

    name: ClassVar[str] = "cycle_navigation"
    budget: ClassVar[Budget] = Budget(steps=4000, batch_size=64, learning_rate=3e-3)
    symbols: ClassVar[str] = "-0+"
    num_answers: ClassVar[int] = CYCLE

    def answers(self, numbers: Array, lengths: Array) -> Array:
        """A move's number is one more than what it adds to the place."""
        places: Array = (numbers.sum(axis=1) - lengths) % CYCLE
        return places
