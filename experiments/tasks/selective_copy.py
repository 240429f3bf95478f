"""Selective copy: find the tokens among blanks, and give them back in order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.errors import RequestError
from experiments.tasks.chances import logits_of, shares
from experiments.tasks.distinct import draw_distinct
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import accuracy, cross_entropy, exact_match
from experiments.tasks.task import SHARE, UNASKED, Array, Batch, Classes, Floats, Metric, Tokens

BLANK = 0


@dataclass(frozen=True)
class SelectiveCopy(GeneratedTask):
    """`length` steps with `num_tokens` tokens among blanks, then one query step for each token.

    Where the tokens stand is uniformly random, and which of `num_kinds` each one is too. The
    target of a query step is the next token in order; nothing else is asked. As the places
    change, what to remember can only be told by content.

    Examples with `length=8`, `num_tokens=3` and `num_kinds=8`, input over target, `.` where
    nothing is asked:

        0 3 0 0 1 4 0 0 9 9 9        7 7 0 0 0 0 0 2 9 9 9
        . . . . . . . . 3 1 4        . . . . . . . . 7 7 2

    >>> task = SelectiveCopy(length=8, num_tokens=3)
    >>> example = task.scatter(np.array([[3, 1, 4]]), np.array([[1, 4, 5]]))
    >>> print(*example.inputs[0])
    0 3 0 0 1 4 0 0 9 9 9
    >>> print(*example.targets[0])
    -1 -1 -1 -1 -1 -1 -1 -1 2 0 3

    As class numbers the kinds count from 0.

    Source: Gu and Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces",
    section 4.1.1, who have 16 tokens among 4,096 steps.
    """

    name: ClassVar[str] = "selective_copy"
    metric: ClassVar[Metric] = Metric("token_accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=4000, learning_rate=1e-2)
    solved: ClassVar[float | None] = 0.99

    length: Positive = 64
    """Steps before the queries."""
    num_tokens: Positive = 8
    """n: tokens to remember."""
    num_kinds: Annotated[int, Meta(ge=2)] = 8
    """Tokens to draw from."""
    validation_size: Positive = 500
    """Sequences in the validation split."""
    test_size: Positive = 1000
    """Sequences in the test split."""

    def __post_init__(self) -> None:
        if self.num_tokens > self.length:
            raise RequestError(
                f"selective_copy: num_tokens must be between 1 and {self.length}, as "
                f"length={self.length} says. Received: num_tokens={self.num_tokens}."
            )

    @property
    def input(self) -> Tokens:
        """Blank, the kinds, the query."""
        return Tokens(self.num_kinds + 2)

    @property
    def target(self) -> Classes:
        """A kind, counted from 0, at every query step."""
        return Classes(self.num_kinds, per_step=True)

    @property
    def sequence_length(self) -> int:
        """`length + num_tokens`."""
        return self.length + self.num_tokens

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Fresh tokens at fresh places."""
        tokens = generator.integers(1, self.num_kinds + 1, (size, self.num_tokens))
        places = draw_distinct(generator, self.length, (size, self.num_tokens))
        return self.scatter(tokens, np.sort(places, axis=1))

    def scatter(self, tokens: Array, places: Array) -> Batch:
        """The sequences with `tokens` at rising `places`, both of shape `(batch, num_tokens)`."""
        inputs = np.full((len(tokens), self.sequence_length), BLANK, np.int32)
        np.put_along_axis(inputs, places, tokens, axis=1)
        inputs[:, self.length :] = self.num_kinds + 1
        targets = np.full_like(inputs, UNASKED)
        targets[:, self.length :] = tokens - 1
        return Batch(inputs, targets)

    def lengthened(self, factor: float) -> "SelectiveCopy":
        """As `length` says, with as many tokens among more blanks."""
        return replace(self, length=round(factor * self.length))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss`, `token_accuracy` and `exact_match` over the query steps."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "token_accuracy": accuracy(predictions, batch.targets),
            "exact_match": exact_match(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """What knows no order: `uniform`, `first token` and `bag of tokens`.

        The first token answers the first query, and the others are as likely as any. The bag
        knows how often each kind is there, and says so at every query.
        """
        test = self.evaluation_set("test", seed)
        tokens = test.targets[:, self.length :]
        uniform = np.full((*test.targets.shape, self.num_kinds), 1 / self.num_kinds)
        first = uniform.copy()
        first[:, self.length] = np.eye(self.num_kinds)[tokens[:, 0]]
        bag = np.broadcast_to(shares(tokens, self.num_kinds)[:, np.newaxis], uniform.shape)
        return {
            "uniform": logits_of(uniform),
            "first token": logits_of(first),
            "bag of tokens": logits_of(bag),
        }
