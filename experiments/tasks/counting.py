"""Counting: read as many b as there were a, and know when they end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from experiments.budget import Budget, Positive
from experiments.errors import RequestError, UnknownNameError
from experiments.tasks import baselines
from experiments.tasks.measures import accuracy, correct, cross_entropy, exact_match
from experiments.tasks.task import (
    NOT_NEGATIVE,
    SHARE,
    UNASKED,
    Array,
    Batch,
    Bounds,
    Classes,
    Floats,
    Metric,
    Split,
    Task,
    Tokens,
)

END = 0
"""What comes after the last symbol; as a token it is padding."""
LETTERS = {"anbn": 2, "anbncn": 3}
"""How many letters a language has: `a` is token 1, `b` 2, `c` 3."""
BASELINE_SIZE = 1000
"""Sequences that the null baselines count in."""


@dataclass(frozen=True)
class Counting(Task):
    """So many `a`, then as many `b`, and in the language `anbncn` as many `c`.

    The target of a step is the symbol after it, or the end, wherever that is determined: from
    the first `b` on. In training n is 1 to `max_n`, each equally likely, so training has all of
    the short sequences; those of the other splits are longer. Of n from `max_n + 1` to `test_n`
    the even are `test` and the odd `validation`, one sequence each, whatever the seed.

    A sequence is accepted when it is right at every step asked: `exact_match` is the share of
    sequences accepted, and `largest_n` the n up to which all of the split are accepted, 0 where
    the first is not. `accuracy`, over all steps asked, is near 1 also for a model that does not
    count, because most steps repeat the symbol before. A model that reads ahead would find every
    answer in its input: only causal ones are served.

    Examples, input over target, with n = 3 and n = 2:

        a a a b b b         a a b b c c
        . . . b b .         . . b c c .

    The last target is the end, and so is 0 below; -1 is not asked.

    >>> example = Counting(max_n=3).spell(np.array([3, 2]))
    >>> print(example.inputs)
    [[1 1 1 2 2 2]
     [1 1 2 2 0 0]]
    >>> print(example.targets)
    [[-1 -1 -1  2  2  0]
     [-1 -1  2  0 -1 -1]]

    Source: Gers and Schmidhuber 2001, "LSTM recurrent networks learn simple context-free and
    context-sensitive languages"; Weiss, Goldberg and Yahav 2018, "On the practical computational
    power of finite precision RNNs for language recognition".
    """

    name: ClassVar[str] = "counting"
    is_causal: ClassVar[bool] = True
    metric: ClassVar[Metric] = Metric("exact_match", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=3000, learning_rate=1e-2)
    solved: ClassVar[float | None] = 0.99

    language: Literal["anbn", "anbncn"] = "anbn"
    """Which symbols are counted."""
    max_n: Positive = 10
    """The largest n in training."""
    test_n: Positive = 100
    """The largest n in test."""

    def __post_init__(self) -> None:
        if self.test_n < self.max_n + 2:
            raise RequestError(
                "counting: test_n must be at least max_n + 2, so that both validation and test "
                f"have longer sequences. Received: max_n={self.max_n}, test_n={self.test_n}."
            )

    @property
    def input(self) -> Tokens:
        """Padding and the letters."""
        return Tokens(vocabulary_size=1 + LETTERS[self.language], has_padding=True)

    @property
    def target(self) -> Classes:
        """The end or a letter, from the first `b` on."""
        return Classes(count=1 + LETTERS[self.language], per_step=True)

    @property
    def sequence_length(self) -> int:
        """As many steps as the longest in training."""
        return self.max_n * LETTERS[self.language]

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Short sequences, again and again."""
        return self.spell(self.generator("train", seed, index).integers(1, self.max_n + 1, size))

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """Every n of the split once."""
        if split not in self.evaluation_splits:
            raise UnknownNameError("split", split, self.evaluation_splits)
        longer = np.arange(self.max_n + 1, self.test_n + 1)
        return self.spell(longer[longer % 2 == (split == "validation")])

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy` over the steps asked, `exact_match` and `largest_n`."""
        accepted = (correct(predictions, batch.targets) | (batch.targets == UNASKED)).all(axis=1)
        n = (batch.inputs == 1).sum(axis=1)
        below = n[~accepted].min(initial=n.max() + 1)
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
            "exact_match": exact_match(predictions, batch.targets),
            "largest_n": float(n[n < below].max(initial=0)),
        }

    def bounds(self, measure: str) -> Bounds:
        """As of every task, and no n is negative."""
        return NOT_NEGATIVE if measure == "largest_n" else super().bounds(measure)

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`majority`: the commonest target. `bigram`: the commonest after the symbol read."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        test = self.evaluation_set("test", seed)
        kinds, count = self.input.vocabulary_size, self.target.count
        return {
            "majority": baselines.majority(train, test, count),
            "bigram": baselines.current_token(train, test, kinds, count),
        }

    def spell(self, n: Array) -> Batch:
        """The sequences for `n`, of shape `(batch,)`, padded to the longest of training or them."""
        letters = LETTERS[self.language]
        steps = np.arange(max(self.sequence_length, letters * n.max()) + 1)
        tokens = 1 + steps // n[:, np.newaxis]
        tokens[tokens > letters] = END
        inputs, following = tokens[:, :-1], tokens[:, 1:]
        return Batch(
            inputs.astype(np.int32),
            np.where(inputs > 1, following, UNASKED).astype(np.int32),
        )
