"""Temporal order: in which order two or three symbols came, long before the end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.tasks.chances import logits_of
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import SHARE, Array, Batch, Classes, Floats, Metric, Tokens

LETTERS = "_abcdXYEB"
"""The tokens as the paper calls them; the first one is padding."""
PADDING, A, D, X, Y, E, B = (LETTERS.index(letter) for letter in "_adXYEB")

Dialect = Literal["6a", "6b"]
WINDOWS: dict[Dialect, tuple[tuple[int, int], ...]] = {
    "6a": ((10, 20), (50, 60)),
    "6b": ((10, 20), (33, 43), (66, 76)),
}
"""The first and the last step that each symbol can stand at, in hundredths of `length`."""


@dataclass(frozen=True)
class TemporalOrder(GeneratedTask):
    """An E, then letters a to d at random, then a B; two steps, or three, hold an X or a Y.

    The class is their order: 4 classes in dialect `6a`, 8 in `6b`. With `length=100` a sequence
    has 100 to 110 steps, all as likely, counted from 0; the symbols stand somewhere in steps 10
    to 20 and 50 to 60, in `6b` in 10 to 20, 33 to 43 and 66 to 76. Other lengths have the same
    in proportion. Shorter sequences are padded behind the B.

    Examples with `length=10`, which has 10 or 11 steps, padding as `_`:

        E a X d c Y a b B _   has class XY = 1         E Y d d a Y c a a b B   has class YY = 3

    >>> example = TemporalOrder(length=10).place(
    ...     np.array([[1, 1, 1, 4, 3, 3, 1, 2, 2, 1, 1]]),
    ...     lengths=np.array([10]), places=np.array([[2, 5]]), symbols=np.array([[0, 1]]),
    ... )
    >>> print(*(LETTERS[token] for token in example.inputs[0]), example.targets[0])
    E a X d c Y a b b B _ 1

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", section 5.6, experiments 6a
    and 6b, whose sequences these are.
    """

    name: ClassVar[str] = "temporal_order"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=5000, batch_size=64, learning_rate=1e-2)
    solved: ClassVar[float | None] = 0.99

    dialect: Dialect = "6a"
    """Two symbols, or three."""
    # With 10 steps the first window begins behind the E and no two windows overlap.
    length: Annotated[int, Meta(ge=10)] = 100
    """Steps of the shortest sequence; the longest has a tenth more."""
    validation_size: Positive = 1000
    """Sequences in the validation split."""
    test_size: Positive = 2000
    """Sequences in the test split."""

    @property
    def input(self) -> Tokens:
        """Padding, a to d, X, Y, E and B."""
        return Tokens(len(LETTERS), has_padding=True)

    @property
    def target(self) -> Classes:
        """The symbols as binary digits, X for 0 and Y for 1."""
        return Classes(2**self._num_symbols)

    @property
    def sequence_length(self) -> int:
        """`length` and a tenth more."""
        return self.length + self.length // 10

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Fresh letters, lengths, places and symbols."""
        first, last = np.array(WINDOWS[self.dialect]).T * self.length // 100
        return self.place(
            generator.integers(A, D + 1, (size, self.sequence_length), np.int32),
            lengths=generator.integers(self.length, self.sequence_length + 1, size),
            places=generator.integers(first, last + 1, (size, self._num_symbols)),
            symbols=generator.integers(2, size=(size, self._num_symbols)),
        )

    def place(self, letters: Array, lengths: Array, places: Array, symbols: Array) -> Batch:
        """The sequences of `lengths` that have `symbols`, 0 for X and 1 for Y, at `places`.

        All other steps read `letters`, of shape `(batch, sequence_length)`.
        """
        steps, last = np.arange(self.sequence_length), lengths[:, np.newaxis] - 1
        inputs = np.where(steps <= last, letters, PADDING).astype(np.int32)
        np.put_along_axis(inputs, places, X + symbols, axis=1)
        inputs[:, 0] = E
        np.put_along_axis(inputs, last, B, axis=1)
        digits = 2 ** np.arange(self._num_symbols)[::-1]
        return Batch(inputs, (symbols @ digits).astype(np.int32))

    def lengthened(self, factor: float) -> "TemporalOrder":
        """As `length` says."""
        return replace(self, length=round(factor * self.length))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy`."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`uniform`, `last symbol`, the one nearest to the end, and `bag of tokens`.

        The bag knows how many are Y, and takes the orders with so many for as likely.
        """
        targets, classes = self.evaluation_set("test", seed).targets, np.arange(self.target.count)
        last = classes % 2
        ys = np.bitwise_count(classes)
        return {
            "uniform": _evenly_among(np.ones((len(targets), len(classes)), np.bool_)),
            "last symbol": _evenly_among(last[targets, np.newaxis] == last),
            "bag of tokens": _evenly_among(ys[targets, np.newaxis] == ys),
        }

    @property
    def _num_symbols(self) -> int:
        return len(WINDOWS[self.dialect])


def _evenly_among(possible: Array) -> Floats:
    return logits_of(possible / possible.sum(axis=1, keepdims=True))
