"""Lookahead: say now which token comes a few steps later."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.errors import RequestError
from experiments.tasks.baselines import current_token
from experiments.tasks.chances import logits_of
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import SHARE, UNASKED, Array, Batch, Classes, Floats, Metric, Tokens


@dataclass(frozen=True)
class Lookahead(GeneratedTask):
    """Tokens are independent and equally likely; the target at a step is the one `offset` later.

    Steps that have no such token, the last `offset` ones, are not asked. What comes later is
    independent of all that came before: no causal model can exceed an accuracy of
    1 / `vocabulary_size`, nor get below a loss of its logarithm, however long it trains. A model
    that reads the sequence in both directions can be right throughout.

    A negative offset asks for what was read so many steps before, which a causal model can know:
    the control of the same distance.

    Examples with `offset=2`, input over target, `.` where nothing is asked:

        3 1 4 1 5 2        7 0 0 0 1 6
        4 1 5 2 . .        0 0 1 6 . .

    >>> example = Lookahead(offset=2, length=6).shift(np.array([[3, 1, 4, 1, 5, 2]]))
    >>> print(*example.targets[0])
    4 1 5 2 -1 -1

    Source: the delays and the two directions of Schuster and Paliwal 1997, "Bidirectional
    recurrent neural networks", section II, as a task whose answers lie in the future alone.
    """

    name: ClassVar[str] = "lookahead"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=1000, learning_rate=1e-2)
    solved: ClassVar[float | None] = 0.99

    vocabulary_size: Annotated[int, Meta(ge=2)] = 8
    """V: tokens to draw from."""
    offset: int = 5
    """k: how many steps later the token comes that is asked for; negative: before."""
    length: Positive = 40
    """T: steps of a sequence."""
    validation_size: Positive = 500
    """Sequences in the validation split."""
    # With so many answers the accuracy of a guess is within 1 % of 1/8, three standard errors.
    test_size: Positive = 20_000
    """Sequences in the test split."""

    def __post_init__(self) -> None:
        if abs(self.offset) >= self.length:
            raise RequestError(
                f"lookahead: offset must be between {1 - self.length} and {self.length - 1}, as "
                f"length={self.length} says. Received: offset={self.offset}."
            )

    @property
    def input(self) -> Tokens:
        """`vocabulary_size` tokens."""
        return Tokens(self.vocabulary_size)

    @property
    def target(self) -> Classes:
        """One of the same tokens, at every step."""
        return Classes(self.vocabulary_size, per_step=True)

    @property
    def sequence_length(self) -> int:
        """`length`."""
        return self.length

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Fresh tokens."""
        return self.shift(generator.integers(self.vocabulary_size, size=(size, self.length)))

    def shift(self, tokens: Array) -> Batch:
        """The sequences that read `tokens`, of shape `(batch, length)`."""
        asked = np.arange(self.length) + self.offset
        exists = (asked >= 0) & (asked < self.length)
        targets = np.where(exists, np.roll(tokens, -self.offset, axis=1), UNASKED)
        return Batch(tokens.astype(np.int32), targets.astype(np.int32))

    def lengthened(self, factor: float) -> "Lookahead":
        """As `length` says, with as many steps in all."""
        fewer = max(1, round(self.test_size / factor))
        return replace(self, length=round(factor * self.length), test_size=fewer)

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy` over the steps that have an answer."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`uniform`: every token as likely. `current token`: what goes with the one just read.

        That is counted in as many training sequences as `test` has.
        """
        size = self.vocabulary_size
        train, test = self.train_batch(seed, 0, self.test_size), self.evaluation_set("test", seed)
        even = logits_of(np.full(size, 1 / size))
        return {
            "uniform": np.broadcast_to(even, (*test.targets.shape, size)),
            "current token": current_token(train, test, size, size),
        }
