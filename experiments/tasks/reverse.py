"""Reverse: read letters, and write them down from the last to the first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.errors import RequestError, UnknownNameError
from experiments.tasks.measures import cross_entropy, matches
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

PADDING, START, END = 0, 1, 2
FIRST_LETTER = 3

NUM_BINS = 3
"""Bins of lengths in training, and again beyond."""
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
        return Tokens(vocabulary_size=FIRST_LETTER + self.num_letters)

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
        is_target = batch.targets != PADDING
        right = matches(predictions.tokens, batch.targets)
        logits = predictions.logits[:, : batch.targets.shape[1]]
        measures = {"loss": cross_entropy(logits[is_target], batch.targets[is_target])}
        lengths = is_target.sum(axis=1) - 1  # the end is not a letter
        for suffix, low, high in [("", 0, 2 * self.max_length), *self._bins()]:
            rows = (low <= lengths) & (lengths <= high)
            if rows.any():
                hits, counted = right[rows], is_target[rows]
                measures[f"exact_match{suffix}"] = float((hits | ~counted).all(axis=1).mean())
                measures[f"token_accuracy{suffix}"] = float(hits[counted].mean())
        return measures

    def baselines(self, seed: int) -> Mapping[str, Predictions]:
        """`unigram`: how often each token occurs in training. `copy`: the source as it stands."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        test = self.evaluation_set("test", seed)
        counts = np.bincount(train.targets[train.targets != PADDING], minlength=self._width)
        # A token that does not occur keeps a loss that is finite.
        unigram = np.log(np.maximum(counts, 0.5) / counts.sum())
        copies = _ended(test.inputs)
        is_target = train.targets != PADDING
        right = (_ended(train.inputs) == train.targets)[is_target].mean()
        copy_logits = np.full((*copies.shape, self._width), np.log((1 - right) / (self._width - 1)))
        np.put_along_axis(copy_logits, copies[..., np.newaxis], np.log(right), axis=-1)
        always = np.full_like(test.targets, unigram.argmax())
        return {
            "unigram": Decoded(np.tile(unigram, (*test.targets.shape, 1)), always),
            "copy": Decoded(copy_logits, copies),
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
        letters = generator.integers(FIRST_LETTER, self._width, (size, high))
        return self.spell(letters, lengths)

    def _bins(self) -> Iterator[tuple[str, int, int]]:
        """Three bins of lengths as in training and three of longer ones: name, first, last."""
        shown = self.max_length + 1
        for lengths in (range(self.min_length, shown), range(shown, 2 * shown - 1)):
            for part in np.array_split(lengths, min(NUM_BINS, len(lengths))):
                yield f"_{part[0]}_{part[-1]}", part[0], part[-1]


def _ended(letters: Array) -> Array:
    """Padded letters with the end behind the last of them, one step longer."""
    tokens = np.pad(letters, [(0, 0), (0, 1)])
    lengths = (letters != PADDING).sum(axis=1)
    tokens[np.arange(len(tokens)), lengths] = END
    return tokens
