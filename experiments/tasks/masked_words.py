"""Masked language modelling: fill in words that are hidden in a text."""

import abc
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np

from experiments.budget import Budget
from experiments.errors import UnknownNameError
from experiments.tasks.chances import logits_of
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import (
    SHARE,
    UNASKED,
    Array,
    Batch,
    Classes,
    Floats,
    Metric,
    Split,
    Task,
    Tokens,
)
from experiments.tasks.vocabulary import FIRST_WORD, MASK, Vocabulary

ASKED_SHARE = 0.15
MASK_SHARE, RANDOM_SHARE = 0.8, 0.1
"""Of the words asked for; the others stay as they are."""


class Text(NamedTuple):
    """A text as a task has it."""

    digest: str
    """The SHA-256 of its bytes."""
    vocabulary: Vocabulary
    parts: Mapping[Split, Array]
    """Tokens of the words of each split, in order."""


class MaskedWords(Task):
    """Of each sequence of a text 15 % of the words are asked for; the model reads the others.

    Of the words asked for, 80 % are hidden behind a mask, 10 % are replaced by a word drawn from
    the vocabulary, and 10 % stay; as many of a sequence are asked for as 15 % of its known words
    come to, rounded, but one at least. Subclasses have a text, and two fields:
    `vocabulary_size`, the tokens, and `length`, the words of a sequence.

    >>> words = np.arange(2, 15)[np.newaxis]
    >>> example = masked(words, vocabulary_size=20, generator=np.random.default_rng(3))
    >>> print(*example.inputs[0])
    1 3 4 5 1 7 8 9 10 11 12 13 14
    >>> print(*example.targets[0])
    2 -1 -1 -1 6 -1 -1 -1 -1 -1 -1 -1 -1

    Source: Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for
    language understanding", section 3.1.
    """

    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=6000, batch_size=64, learning_rate=3e-3)

    vocabulary_size: int
    length: int

    @abc.abstractmethod
    def text(self) -> Text:
        """The text in its parts."""

    @property
    def input(self) -> Tokens:
        """Words, the unknown word, the mask."""
        return Tokens(vocabulary_size=self.vocabulary_size)

    @property
    def target(self) -> Classes:
        """The word at each step that is asked for."""
        return Classes(count=self.vocabulary_size, per_step=True)

    @property
    def sequence_length(self) -> int:
        """`length`."""
        return self.length

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Sequences from anywhere in the training part, masked anew each time."""
        generator = self.generator("train", seed, index)
        words = self.text().parts["train"]
        starts = generator.integers(len(words) - self.length + 1, size=(size, 1))
        return masked(words[starts + np.arange(self.length)], self.vocabulary_size, generator)

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """One sequence after the other; the seed decides what is masked."""
        parts = self.text().parts
        if split not in self.evaluation_splits:
            raise UnknownNameError("split", split, self.evaluation_splits)
        count = len(parts[split]) // self.length
        sequences = parts[split][: count * self.length].reshape(count, self.length)
        return masked(sequences, self.vocabulary_size, self.generator(split, seed))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy` over the words asked for."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`unigram`: how often each word occurs. `bigram`: how often after the word before it.

        Both know how words are hidden, and so what a word that is not hidden says about itself.
        """
        test = self.evaluation_set("test", seed)
        words, size = self.text().parts["train"], self.vocabulary_size
        unigram = np.bincount(words, minlength=size) * (np.arange(size) >= FIRST_WORD)
        unigram = unigram / unigram.sum()
        pairs = np.zeros((size, size), np.float32)
        np.add.at(pairs, (words[:-1], words[1:]), 1)
        pairs[:, :FIRST_WORD] = 0
        before = np.pad(test.inputs, [(0, 0), (1, 0)], constant_values=MASK)[:, :-1]
        asked = test.targets != UNASKED
        bigram = _interpolated(pairs[before[asked]], unigram)
        return {
            "unigram": _revealed(np.tile(unigram, (len(bigram), 1)), test),
            "bigram": _revealed(bigram, test),
        }


def masked(words: Array, vocabulary_size: int, generator: np.random.Generator) -> Batch:
    """Sequences of tokens, of shape `(batch, length)`, with words asked for by BERT's rule."""
    is_known = words >= FIRST_WORD
    known = is_known.sum(axis=1)
    count = np.minimum(known, np.maximum(1, np.rint(ASKED_SHARE * known)))
    # The known words of a sequence in an order by chance, and the others behind them.
    order = np.argsort(np.where(is_known, generator.random(words.shape), 1.0), axis=1)
    is_asked = np.argsort(order, axis=1) < count[:, np.newaxis]
    draw = generator.random(words.shape)
    other = generator.integers(FIRST_WORD, vocabulary_size, words.shape)
    shown = np.where(draw < MASK_SHARE + RANDOM_SHARE, other, words)
    shown = np.where(draw < MASK_SHARE, MASK, shown)
    inputs = np.where(is_asked, shown, words).astype(np.int32)
    return Batch(inputs, np.where(is_asked, words, UNASKED).astype(np.int32))


def _interpolated(counts: Floats, unigram: Floats) -> Floats:
    """Witten and Bell 1991: as much is left to `unigram` as there are words after the one before.

    `counts` of shape `(steps, words)` is how often each word came after it.
    """
    left = np.maximum(1, (counts > 0).sum(axis=1, keepdims=True))
    probabilities: Floats = (counts + left * unigram) / (counts.sum(axis=1, keepdims=True) + left)
    return probabilities


def _revealed(chances: Floats, test: Batch) -> Floats:
    """Logits for `test` from the chances of each word at the steps asked, by Bayes' rule.

    What is shown at a step is the word itself as often as it is any one drawn from all words.
    """
    count = chances.shape[1]
    asked = test.targets != UNASKED
    shown = test.inputs[asked]
    stays = (1 - MASK_SHARE - RANDOM_SHARE) * (np.arange(count) == shown[:, np.newaxis])
    drawn = RANDOM_SHARE / (count - FIRST_WORD)
    likelihood = np.where((shown == MASK)[:, np.newaxis], 1, stays + drawn)
    logits = np.zeros((*test.targets.shape, count), np.float32)
    logits[asked] = logits_of(chances * likelihood)
    return logits
