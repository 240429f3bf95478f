"""Induction: what came after the trigger the first time comes after it again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.tasks.chances import logits_of, shares
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import SHARE, Array, Batch, Classes, Floats, Metric, Tokens


@dataclass(frozen=True)
class Induction(GeneratedTask):
    """Random tokens with a trigger somewhere in the first half and again as the last step.

    The target is the token that followed the first trigger. The trigger is the token
    `vocabulary_size - 1`, stands nowhere else, and its first place is uniform over the first
    `length // 2` steps.

    Examples with `vocabulary_size=16` and `length=8`:

        3 1 15 4 1 5 9 15  has target 4        15 2 7 1 8 2 8 15  has target 2

    >>> example = Induction(length=8).trigger(np.array([[3, 1, 0, 4, 1, 5, 9, 0]]), np.array([2]))
    >>> print(*example.inputs[0], "has target", *example.targets)
    3 1 15 4 1 5 9 15 has target 4

    Source: Dao, Fu, Saab, Thomas, Rudra and Re 2023, "Hungry hungry hippos: towards language
    modeling with state space models", section 3.1; 16 tokens, and tests at lengths beyond that of
    training, as in Gu and Dao 2023, "Mamba: linear-time sequence modeling with selective state
    spaces", section 4.1.2.
    """

    name: ClassVar[str] = "induction"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=4000, learning_rate=1e-2)
    solved: ClassVar[float | None] = 0.99

    # The first trigger, its token, and the last trigger.
    length: Annotated[int, Meta(ge=3)] = 32
    """Steps of a sequence."""
    vocabulary_size: Annotated[int, Meta(ge=3)] = 16
    """V: tokens, the trigger among them."""
    validation_size: Positive = 1000
    """Sequences in the validation split."""
    test_size: Positive = 2000
    """Sequences in the test split."""

    @property
    def input(self) -> Tokens:
        """`vocabulary_size` tokens."""
        return Tokens(self.vocabulary_size)

    @property
    def target(self) -> Classes:
        """Any of them but the trigger."""
        return Classes(self.vocabulary_size - 1)

    @property
    def sequence_length(self) -> int:
        """`length`."""
        return self.length

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Fresh tokens and places."""
        tokens = generator.integers(self.target.count, size=(size, self.length))
        return self.trigger(tokens, generator.integers(self.length // 2, size=size))

    def trigger(self, tokens: Array, places: Array) -> Batch:
        """The sequences of `tokens`, `(batch, length)`, with first triggers at `places`."""
        inputs, rows = tokens.astype(np.int32), np.arange(len(tokens))
        inputs[rows, places] = inputs[:, -1] = self.vocabulary_size - 1
        return Batch(inputs, inputs[rows, places + 1])

    def lengthened(self, factor: float) -> "Induction":
        """As `length` says."""
        return replace(self, length=round(factor * self.length))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy`."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`uniform`, and `bag of tokens`: as likely as each token is common in the sequence."""
        test, count = self.evaluation_set("test", seed), self.target.count
        return {
            "uniform": logits_of(np.full((self.test_size, count), 1 / count)),
            "bag of tokens": logits_of(shares(test.inputs, count)),
        }
