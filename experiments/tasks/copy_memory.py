"""Copy memory: read ten digits, wait, and give them back in order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from experiments.budget import Budget, Positive
from experiments.tasks.chances import logits_of
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import accuracy, cross_entropy, exact_match
from experiments.tasks.task import (
    SHARE,
    UNASKED,
    Array,
    Batch,
    Classes,
    Floats,
    Metric,
    Tokens,
)

NUM_DIGITS = 10
"""Digits to remember, and steps to recall them in."""
NUM_KINDS = 8
"""Digits are 1 to 8."""
BLANK = 0
DELIMITER = 9

Dialect = Literal["urnn", "tcn", "s4"]
DELIMITED: dict[Dialect, slice] = {
    "urnn": slice(-NUM_DIGITS - 1, -NUM_DIGITS),
    "tcn": slice(-NUM_DIGITS - 1, None),
    "s4": slice(-NUM_DIGITS, None),
}
"""The steps that read the delimiter."""


@dataclass(frozen=True)
class CopyMemory(GeneratedTask):
    """Ten digits from 1 to 8, `length - 1` blanks, a delimiter 9, ten blanks to answer in.

    The target is 0 at every step until the delimiter has been read, then the ten digits in
    order: a sequence of `length + 20` steps. `loss` is over all steps; `token_accuracy` and
    `exact_match` look at the ten recall steps only, since giving 0 throughout would be right
    almost everywhere.

    Examples with `length=3`, input over target:

        3 1 4 1 5 1 2 6 5 3 0 0 9 0 0 0 0 0 0 0 0 0 0
        0 0 0 0 0 0 0 0 0 0 0 0 0 3 1 4 1 5 1 2 6 5 3

        8 8 8 8 8 7 7 7 7 7 0 0 9 0 0 0 0 0 0 0 0 0 0
        0 0 0 0 0 0 0 0 0 0 0 0 0 8 8 8 8 8 7 7 7 7 7

    >>> example = CopyMemory(length=3).spread(np.array([[3, 1, 4, 1, 5, 1, 2, 6, 5, 3]]))
    >>> print(*example.inputs[0])
    3 1 4 1 5 1 2 6 5 3 0 0 9 0 0 0 0 0 0 0 0 0 0
    >>> print(*example.targets[0])
    0 0 0 0 0 0 0 0 0 0 0 0 0 3 1 4 1 5 1 2 6 5 3

    This is dialect `urnn`. In `tcn` the delimiter is there at each of the last eleven steps. In
    `s4` it is there at the ten recall steps, after `length` blanks, and nothing else is asked.

    Without memory the best loss is 10 ln 8 / (length + 20), in `s4` ln 8, at a token accuracy of
    1/8.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory"; this form from Arjovsky,
    Shah and Bengio 2016, "Unitary evolution recurrent neural networks", section 5.1. Dialects:
    Bai, Kolter and Koltun 2018, "An empirical evaluation of generic convolutional and recurrent
    networks for sequence modeling"; Gu, Goel and Re 2022, "Efficiently modeling long sequences
    with structured state spaces".
    """

    name: ClassVar[str] = "copy_memory"
    metric: ClassVar[Metric] = Metric("token_accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=3000, learning_rate=3e-3)
    solved: ClassVar[float | None] = 0.99

    length: Positive = 100
    """T of the papers: steps between the last digit read and the first recalled."""
    dialect: Dialect = "urnn"
    """What stands behind the blanks, and what is asked."""
    validation_size: Positive = 500
    """Sequences in the validation split."""
    test_size: Positive = 1000
    """Sequences in the test split."""

    @property
    def input(self) -> Tokens:
        """Blank, eight digits, delimiter."""
        return Tokens(vocabulary_size=DELIMITER + 1)

    @property
    def target(self) -> Classes:
        """Blank or one of eight digits, at every step."""
        return Classes(count=NUM_KINDS + 1, per_step=True)

    @property
    def sequence_length(self) -> int:
        """`length + 20`."""
        return self.length + 2 * NUM_DIGITS

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Fresh digits."""
        return self.spread(generator.integers(1, NUM_KINDS + 1, (size, NUM_DIGITS)))

    def lengthened(self, factor: float) -> "CopyMemory":
        """As `length` says."""
        return replace(self, length=round(factor * self.length))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` over all steps, `token_accuracy` and `exact_match` over the recall steps."""
        recalled, expected = predictions[:, -NUM_DIGITS:], batch.targets[:, -NUM_DIGITS:]
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "token_accuracy": accuracy(recalled, expected),
            "exact_match": exact_match(recalled, expected),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`memoryless`: blank up to the recall steps, then every digit as likely."""
        chances = np.zeros((self.test_size, self.sequence_length, self.target.count))
        chances[:, :-NUM_DIGITS, BLANK] = 1
        chances[:, -NUM_DIGITS:, BLANK + 1 :] = 1 / NUM_KINDS
        return {"memoryless": logits_of(chances)}

    def spread(self, digits: Array) -> Batch:
        """The sequences that ask for `digits`, of shape `(batch, 10)`."""
        inputs = np.full((len(digits), self.sequence_length), BLANK, np.int32)
        inputs[:, :NUM_DIGITS] = digits
        inputs[:, DELIMITED[self.dialect]] = DELIMITER
        targets = np.full_like(inputs, UNASKED if self.dialect == "s4" else BLANK)
        targets[:, -NUM_DIGITS:] = digits
        return Batch(inputs, targets)
