"""What the tasks of the Chomsky hierarchy share: lengths, splits, measures and null baselines."""

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Positive
from experiments.errors import UnknownNameError
from experiments.tasks import baselines
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import SHARE, Array, Batch, Classes, Floats, Metric, Split, Task, Tokens

PADDING = 0
FIRST_SYMBOL = 1
REACH = 4
"""Extrapolation goes on to so many times the longest length of training."""
BASELINE_SIZE = 2000
"""Sequences that the null baselines count in."""


@dataclass(frozen=True)
class Chomsky(Task):
    """One answer to a sequence of symbols, for sequences of all lengths.

    In training each length from 1 to `max_length` is equally likely, and each symbol at each
    step. The answer is read after the last symbol. The other splits have the same number of
    sequences of every length, so that `accuracy` is also the mean over lengths. Those of
    `validation` and `test` are from the upper half of the lengths of training, whose sequences
    are too many for training to meet them; those of `extrapolation` are longer than any of
    training, up to four times. `accuracy_41_80`, for one, is of these lengths alone.

    Source: Deletang et al. 2023, "Neural networks and the Chomsky hierarchy", whose score is the
    accuracy in `extrapolation`.
    """

    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    evaluation_splits: ClassVar[tuple[Split, ...]] = ("validation", "test", "extrapolation")
    solved: ClassVar[float | None] = 0.99
    symbols: ClassVar[str]
    """What is read, in the order of the tokens."""
    num_answers: ClassVar[int]
    length_step: ClassVar[int] = 1
    """From one possible length to the next; the first is 1."""

    max_length: Annotated[int, Meta(ge=30)] = 40
    """Symbols of the longest sequence in training."""
    sequences_per_length: Positive = 25
    """Sequences of each length in validation, test and extrapolation."""

    @abc.abstractmethod
    def answers(self, numbers: Array, lengths: Array) -> Array:
        """What is right for symbols given by number, `(batch, steps)`, 0 behind their end."""

    @property
    def input(self) -> Tokens:
        """Padding and the symbols."""
        return Tokens(vocabulary_size=FIRST_SYMBOL + len(self.symbols), has_padding=True)

    @property
    def target(self) -> Classes:
        """The answer."""
        return Classes(count=self.num_answers)

    @property
    def sequence_length(self) -> int:
        """`max_length`."""
        return self.max_length

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Fresh sequences."""
        generator = self.generator("train", seed, index)
        lengths = generator.choice(self._lengths(1, self.max_length), size)
        return self._draw(generator, lengths, self.max_length)

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """Lengths one after the other, `sequences_per_length` of each."""
        if split not in self.evaluation_splits:
            raise UnknownNameError("split", split, self.evaluation_splits)
        low, high = self.max_length // 2 + 1, self.max_length
        if split == "extrapolation":
            low, high = self.max_length + 1, REACH * self.max_length
        lengths = np.repeat(self._lengths(low, high), self.sequences_per_length)
        return self._draw(self.generator(split, seed), lengths, high)

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss`, and `accuracy` over all and by length."""
        measures = {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }
        lengths = (batch.inputs != PADDING).sum(axis=1)
        for low, high in self._bins():
            rows = (low <= lengths) & (lengths <= high)
            if rows.any():
                measures[f"accuracy_{low}_{high}"] = accuracy(
                    predictions[rows], batch.targets[rows]
                )
        return measures

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """What is known from training of an answer, of its first token, of its bag of tokens."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        test = self.evaluation_set("test", seed)
        kinds, count = self.input.vocabulary_size, self.num_answers
        return {
            "majority": baselines.majority(train, test, count),
            "first token": baselines.first_token(train, test, kinds, count),
            "bag of tokens": baselines.bag_of_tokens(train, test, kinds, count),
        }

    def answer(self, sequence: str) -> int:
        """What is right for a sequence of `symbols`."""
        numbers = np.array([[self.symbols.index(symbol) for symbol in sequence]])
        return int(self.answers(numbers, np.array([len(sequence)]))[0])

    def symbol_numbers(self, generator: np.random.Generator, size: int, steps: int) -> Array:
        """Symbols to fill so many sequences of so many steps, by number."""
        return generator.integers(len(self.symbols), size=(size, steps))

    def _lengths(self, low: int, high: int) -> Array:
        """All that there are from `low` to `high`."""
        possible = np.arange(1, high + 1, self.length_step)
        return possible[possible >= low]

    def _draw(self, generator: np.random.Generator, lengths: Array, steps: int) -> Batch:
        is_there = np.arange(steps) < lengths[:, np.newaxis]
        numbers = np.where(is_there, self.symbol_numbers(generator, len(lengths), steps), 0)
        inputs = np.where(is_there, FIRST_SYMBOL + numbers, PADDING).astype(np.int32)
        return Batch(inputs, self.answers(numbers, lengths).astype(np.int32))

    def _bins(self) -> Iterator[tuple[int, int]]:
        """Two bins of lengths as in training, and `REACH - 1` beyond: first and last length."""
        quarter, longest = self.max_length // 4, self.max_length
        half = longest // 2
        yield half + 1, half + quarter
        yield half + quarter + 1, longest
        for times in range(1, REACH):
            yield times * longest + 1, (times + 1) * longest
