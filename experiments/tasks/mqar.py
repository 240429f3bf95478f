"""Multi-query associative recall: read pairs of keys and values, later give each key's value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.errors import RequestError
from experiments.tasks.chances import logits_of
from experiments.tasks.distinct import draw_distinct
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import SHARE, UNASKED, Array, Batch, Classes, Floats, Metric, Tokens

FILLER = 0
EXPONENT = 0.01
"""a of the published gaps: a slot is as likely as its number to the power of a - 1."""


@dataclass(frozen=True)
class MQAR(GeneratedTask):
    """`num_pairs` keys, each with its value behind it; later every key is asked once.

    The keys are distinct, from 1 to V/2 - 1, and so are the values, from V/2 to V - 1. Behind the
    pairs each slot of two steps is free or holds one key, followed by a 0; at the step of the key
    its value is the target, and nothing else is asked. Which slots hold the keys is drawn without
    replacement, key by key: with `gaps="power"` early slots are more likely, the i-th by
    i^-0.99, with `gaps="uniform"` all are as likely.

    Example with `length=12`, `num_pairs=2`, `vocabulary_size=14`, input over target, `.` where
    nothing is asked:

        2 8 4 7 0 0 4 0 2 0 0 0
        . . . . . . 7 . 8 . . .

    >>> task = MQAR(length=12, num_pairs=2, vocabulary_size=14)
    >>> example = task.ask(np.array([[2, 4]]), np.array([[8, 7]]), slots=np.array([[2, 1]]))
    >>> print(*example.inputs[0])
    2 8 4 7 0 0 4 0 2 0 0 0
    >>> print(*example.targets[0])
    -1 -1 -1 -1 -1 -1 7 -1 8 -1 -1 -1

    Published with V=8192 and `(length, num_pairs)` of (64, 4), (128, 8) and (256, 16). Here V is
    256, as predictions of 8,192 numbers a step take two gigabytes for one test split, and most of
    a training step; `vocabulary_size=8192` gives the published task.

    Attention was causal in what is published. A network that reads ahead learns it far later,
    because nothing about its first attention favours the key before a value; the catalog's
    `transformer` learns it best with `causal=true` and `positions="alibi"`.

    Source: Arora et al. 2023, "Zoology: measuring and improving recall in efficient language
    models", section 3 and appendix, with the fillers 0 of its figure 2.
    """

    name: ClassVar[str] = "mqar"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=4000, learning_rate=3e-3)
    solved: ClassVar[float | None] = 0.99

    length: Annotated[int, Meta(ge=4, multiple_of=2)] = 64
    """L: steps of a sequence, even."""
    num_pairs: Positive = 4
    """K: keys with their values; four steps are needed for each."""
    vocabulary_size: Positive = 256
    """V: tokens, more than `length`."""
    gaps: Literal["power", "uniform"] = "power"
    """How far behind the pairs the keys are asked."""
    validation_size: Positive = 500
    """Sequences in the validation split."""
    test_size: Positive = 1000
    """Sequences in the test split."""

    def __post_init__(self) -> None:
        if self.num_pairs > self.length // 4:
            raise RequestError(
                f"mqar: num_pairs must be between 1 and {self.length // 4}, a quarter of "
                f"length={self.length}. Received: num_pairs={self.num_pairs}."
            )
        if self.vocabulary_size <= self.length:
            raise RequestError(
                f"mqar: vocabulary_size must be at least {self.length + 1}, more than "
                f"length={self.length}. Received: vocabulary_size={self.vocabulary_size}."
            )

    @property
    def input(self) -> Tokens:
        """Filler, keys and values."""
        return Tokens(self.vocabulary_size)

    @property
    def target(self) -> Classes:
        """The same tokens, of which values alone are right, at every step."""
        return Classes(self.vocabulary_size, per_step=True)

    @property
    def sequence_length(self) -> int:
        """`length`."""
        return self.length

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Fresh pairs and slots."""
        shape, num_slots = (size, self.num_pairs), self.length // 2 - self.num_pairs
        # The first to arrive of slots whose rates are their weights: drawn without replacement.
        exponent = EXPONENT if self.gaps == "power" else 1
        weights = np.arange(1, num_slots + 1) ** (exponent - 1.0)
        arrivals = generator.standard_exponential((size, num_slots)) / weights
        return self.ask(
            1 + draw_distinct(generator, self._first_value - 1, shape),
            self._first_value
            + draw_distinct(generator, self.vocabulary_size - self._first_value, shape),
            slots=arrivals.argsort(axis=1)[:, : self.num_pairs],
        )

    def ask(self, keys: Array, values: Array, slots: Array) -> Batch:
        """The sequences that ask for `keys` in `slots`; all of shape `(batch, num_pairs)`."""
        inputs = np.full((len(keys), self.length), FILLER, np.int32)
        targets = np.full_like(inputs, UNASKED)
        pairs = 2 * self.num_pairs
        inputs[:, 0:pairs:2], inputs[:, 1:pairs:2] = keys, values
        np.put_along_axis(inputs, pairs + 2 * slots, keys, axis=1)
        np.put_along_axis(targets, pairs + 2 * slots, values, axis=1)
        return Batch(inputs, targets)

    def lengthened(self, factor: float) -> "MQAR | None":
        """As `length` says, while it is below `vocabulary_size`: as many pairs, later asked."""
        length = 2 * round(factor * self.length / 2)
        return replace(self, length=length) if length < self.vocabulary_size else None

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy` over the keys asked."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`blind`: any value there is, as likely. `any value in context`: any of those read."""
        test, tokens = self.evaluation_set("test", seed), np.arange(self.vocabulary_size)
        is_value = tokens >= self._first_value
        read = np.zeros((self.test_size, self.vocabulary_size))
        np.put_along_axis(read, test.inputs[:, 1 : 2 * self.num_pairs : 2], 1.0, axis=1)
        blind = np.broadcast_to(is_value / is_value.sum(), read.shape)
        # All steps share one row in memory.
        shape = (*test.targets.shape, self.vocabulary_size)
        return {
            name: np.broadcast_to(logits_of(chances)[:, np.newaxis], shape)
            for name, chances in {
                "blind": blind,
                "any value in context": read / self.num_pairs,
            }.items()
        }

    @property
    def _first_value(self) -> int:
        return self.vocabulary_size // 2
