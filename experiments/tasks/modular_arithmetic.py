"""Modular arithmetic: work out sums, differences and products of digits modulo 5."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from experiments.budget import Budget
from experiments.tasks.chomsky import Chomsky
from experiments.tasks.task import Array

MODULUS = 5
PLUS, MINUS, TIMES = range(MODULUS, MODULUS + 3)
"""Numbers of the operators, behind those of the digits."""


@dataclass(frozen=True)
class ModularArithmetic(Chomsky):
    """Digits 0 to 4 with an operator between each two; the answer is the value modulo 5.

    There are no brackets, products come before sums and differences, and lengths are odd.

    Examples:

        1+2*3     -> 2
        1-1-1     -> 4
        0*1+4*3-2 -> 0

    >>> ModularArithmetic().answer("1+2*3")
    2
    >>> ModularArithmetic().answer("1-1-1")
    4
    >>> ModularArithmetic().answer("0*1+4*3-2")
    0

    Lengths, splits and measures are those of `Chomsky`. Chance is 1/5.

    Source: Deletang et al. 2023, "Neural networks and the Chomsky hierarchy", a regular task.
    """

    name: ClassVar[str] = "modular_arithmetic"
    budget: ClassVar[Budget] = Budget(steps=8000, batch_size=64, learning_rate=3e-3)
    symbols: ClassVar[str] = "01234+-*"
    num_answers: ClassVar[int] = MODULUS
    length_step: ClassVar[int] = 2

    def answers(self, numbers: Array, lengths: Array) -> Array:
        """Go from digit to digit with the sum so far, and the product that may yet grow."""
        total, product = np.zeros(len(numbers), int), numbers[:, 0]
        # The digit 0 stands behind the end, where an operator should be: neither changes.
        for operator, digit in zip(numbers[:, 1::2].T, numbers[:, 2::2].T, strict=False):
            sign = np.select([operator == PLUS, operator == MINUS], [1, -1])
            total = total + np.where(sign == 0, 0, product)
            product = np.select(
                [operator == TIMES, sign != 0], [product * digit % MODULUS, sign * digit], product
            )
        values: Array = (total + product) % MODULUS
        return values

    def symbol_numbers(self, generator: np.random.Generator, size: int, steps: int) -> Array:
        """Digits and operators by turns."""
        numbers = generator.integers(MODULUS, size=(size, steps))
        numbers[:, 1::2] = generator.integers(PLUS, TIMES + 1, size=(size, steps // 2))
        return numbers
