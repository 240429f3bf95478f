"""Reverse: read letters, and write them down from the last to the first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.errors import RequestError, UnknownNameError
from experiments.tasks.decoding import (
    END,
    FIRST_WORD,
    PADDING,
    START,
    always_the_commonest,
    ended,
    length_bins,
    measure_decoded,
    said_as_often_right,
)
from experiments.tasks.task import (
    SHARE,
    Array,
    Batch,
    Decoded,
    Metric,
    Predictions,
    Sequences,
    Split,
    Task,
    Tokens,
)

BASELINE_SIZE = 1000
"""Sequences that the null baselines count in."""


@dataclass(frozen=True)
class Reverse(Task):
    """`min_length` to `max_length` letters, lengths equally likely; the target is the reverse.

    The answer is decoded greedily: each step is given what the model itself said before, and
    never the truth. `exact_match` is the share of sequences that are right in every letter and
    end where they should, `token_accuracy` the share of target tokens, the end among them. Both
    are told for three bins of lengths too, `exact_match_4_12` for one, because what a fixed
    vector between encoder and decoder forgets grows with the length. `loss` is with the true
    tokens before each step, as in training. The `extrapolation` split goes on to twice
    `max_length`, in three more bins.

    Examples with `num_letters=26`, as letters and as tokens:

        c a b             -> b a c              5 3 4         -> 4 3 5 2
        d o o r           -> r o o d            6 17 17 20    -> 20 17 17 6 2

    >>> example = Reverse(max_length=5).spell(np.array([[5, 3, 4, 9, 9]]), np.array([3]))
    >>> print(*example.inputs[0])
    5 3 4 0 0
    >>> print(*example.targets[0])
    4 3 5 2 0 0

    Source: reversed sources in Sutskever, Vinyals and Le 2014, "Sequence to sequence learning
    with neural networks"; accuracy by length as in Bahdanau, Cho and Bengio 2015, "Neural machine
    translation by jointly learning to align and translate", figure 2.
    """

    name: ClassVar[str] = "reverse"
    metric: ClassVar[Metric] = Metric("exact_match", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=4000, batch_size=64, learning_rate=3e-3)
    evaluation_splits: ClassVar[tuple[Split, ...]] = ("validation", "test", "extrapolation")
    solved: ClassVar[float | None] = 0.99

    min_length: Positive = 4
    """Letters of the shortest sequence."""
    max_length: Positive = 30
    """Letters of the longest sequence in training."""
    num_letters: Annotated[int, Meta(ge=2)] = 26
    """Letters to draw from."""
    validation_size: Positive = 300
    """Sequences in the validation split."""
    test_size: Positive = 1000
    """Sequences in the test split, and in the extrapolation split."""

    def __post_init__(self) -> None:
        if self.min_length > self.max_length:
            raise RequestError(
                "reverse: min_length must not be above max_length. "
                f"Received: min_length={self.min_length}, max_length={self.max_length}."
            )

    @property
    def input(self) -> Tokens:
        """Padding, start, end and the letters."""
        return Tokens(vocabulary_size=FIRST_WORD + self.num_letters)

    @property
    def target(self) -> Sequences:
        """The same tokens."""
        return Sequences(self.input.vocabulary_size, start=START, end=END)

    @property
    def sequence_length(self) -> int:
        """`max_length`."""
        return self.max_length

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Fresh sequences."""
        generator = self.generator("train", seed, index)
        return self._draw(generator, size, self.min_length, self.max_length)

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """Lengths as in training, or in `extrapolation` all those up to twice the longest."""
        if split not in self.evaluation_splits:
            raise UnknownNameError("split", split, self.evaluation_splits)
        low, high = self.min_length, self.max_length
        if split == "extrapolation":
            low, high = high + 1, 2 * high
        size = self.validation_size if split == "validation" else self.test_size
        return self._draw(self.generator(split, seed), size, low, high)

    def measure(self, predictions: Decoded, batch: Batch) -> dict[str, float]:
        """`loss`, and `exact_match` and `token_accuracy` over all and by length."""
        lengths = (batch.targets != PADDING).sum(axis=1) - 1  # the end is not a letter
        shown = range(self.min_length, self.max_length + 1)
        longer = range(shown.stop, 2 * self.max_length + 1)
        bins = length_bins(shown) + length_bins(longer)
        return measure_decoded(predictions, batch, lengths, bins)

    def baselines(self, seed: int) -> Mapping[str, Predictions]:
        """`unigram`: how often each token occurs in training. `copy`: the source as it stands."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        test = self.evaluation_set("test", seed)
        copies, is_target = ended(test.inputs), train.targets != PADDING
        right = (ended(train.inputs) == train.targets)[is_target].mean()
        return {
            "unigram": always_the_commonest(train.targets, test.targets, self._width),
            "copy": Decoded(said_as_often_right(copies, right, self._width), copies),
        }

    def spell(self, letters: Array, lengths: Array) -> Batch:
        """The task for the first `lengths` of `letters`, of shapes `(batch,)`, `(batch, steps)`."""
        steps = np.arange(letters.shape[1] + 1)
        last = lengths[:, np.newaxis] - 1
        inputs = np.where(steps[:-1] <= last, letters, PADDING).astype(np.int32)
        mirrored = np.take_along_axis(letters, np.maximum(last - steps, 0), axis=1)
        targets = np.where(steps <= last, mirrored, PADDING).astype(np.int32)
        targets[steps == last + 1] = END
        return Batch(inputs, targets)

    @property
    def _width(self) -> int:
        return self.input.vocabulary_size

    def _draw(self, generator: np.random.Generator, size: int, low: int, high: int) -> Batch:
        lengths = generator.integers(low, high + 1, size)
        letters = generator.integers(FIRST_WORD, self._width, (size, high))
        return self.spell(letters, lengths)
