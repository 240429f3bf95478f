"""Masked language modelling: fill in words that are hidden in a text."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from msgspec import Meta

from experiments.budget import Budget
from experiments.errors import RequestError, UnknownNameError
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

UNKNOWN, MASK = 0, 1
"""All words outside the vocabulary, and what stands for a hidden word."""
FIRST_WORD = 2
"""Tokens from here on are words."""
WORD = re.compile(r"[^\W\d_]+|\d+|([^\w\s]|_)\1*")
"""Letters, or digits, or one sign or the same sign several times."""

ASKED_SHARE = 0.15
MASK_SHARE, RANDOM_SHARE = 0.8, 0.1
"""Of the words asked for; the others stay as they are."""
HELD_OUT_SHARE = 0.1
"""Of the text, for validation and again for the test."""


class Text(NamedTuple):
    """A text as a task has it."""

    digest: str
    """The SHA-256 of its bytes."""
    vocabulary: tuple[str, ...]
    """The word of each token."""
    parts: Mapping[Split, Array]
    """Tokens of the words of each split, in order."""


@dataclass(frozen=True)
class MlmText(Task):
    """Of each sequence of `length` words 15 % are asked for; the model reads the others.

    Of the words asked for, 80 % are hidden behind a mask, 10 % are replaced by a word drawn from
    the vocabulary, and 10 % stay; as many of a sequence are asked for as 15 % of its known words
    come to, rounded, but one at least. The text is what `help()` knows about Python, which comes
    with Python (its version decides which text: `text().digest` is its SHA-256), or a file of
    yours. Paragraphs that are there several times are kept once. The first 80 % of the words are
    for training, the next 10 % for validation, the last 10 % for the test; the vocabulary is made
    of the training words alone, in small letters. Examples, input over target:

        the [MASK] statement is used [MASK] conditional execution
        .   if     .         .  .    for    .           .

        a class definition is an brackets statement
        . .     .          .  .  executable .

    >>> words = np.arange(2, 15)[np.newaxis]
    >>> example = masked(words, vocabulary_size=20, generator=np.random.default_rng(3))
    >>> print(*example.inputs[0])
    1 3 4 5 1 7 8 9 10 11 12 13 14
    >>> print(*example.targets[0])
    2 -1 -1 -1 6 -1 -1 -1 -1 -1 -1 -1 -1

    Source: Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for
    language understanding", section 3.1.
    """

    name: ClassVar[str] = "mlm_text"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=6000, batch_size=64, learning_rate=3e-3)

    path: str = ""
    """A text file in UTF-8; the topics of Python's `help()` when empty."""
    vocabulary_size: Annotated[int, Meta(ge=3, le=5000)] = 1000
    """Tokens: the most frequent words of the training part, the unknown word and the mask."""
    length: Annotated[int, Meta(ge=2)] = 32
    """Words of a sequence."""

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

    def text(self) -> Text:
        """The text in its parts."""
        return _read(self.path, self.vocabulary_size)

    def check(self) -> None:
        """The text can be read, and is long enough for a sequence of each split."""
        words, needed = sum(map(len, self.text().parts.values())), self.length / HELD_OUT_SHARE
        if words < needed:
            raise RequestError(
                f"mlm_text: a tenth of the text must be as long as a sequence: {needed:.0f} words "
                f"at least. Received: a text of {words} words, length={self.length}."
            )

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


@lru_cache(maxsize=2)
def _read(path: str, vocabulary_size: int) -> Text:
    text = _topics() if not path else _file(path)
    paragraphs = dict.fromkeys(part.strip() for part in re.split(r"\n\s*\n", text.lower()))
    words = [match.group() for part in paragraphs for match in WORD.finditer(part)]
    held_out = int(HELD_OUT_SHARE * len(words))
    ends = [0, len(words) - 2 * held_out, len(words) - held_out, len(words)]
    splits: tuple[Split, ...] = ("train", "validation", "test")
    parts = {
        split: words[start:end] for split, (start, end) in zip(splits, pairwise(ends), strict=True)
    }
    counts = Counter(parts["train"])
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = ("[UNK]", "[MASK]", *frequent[: vocabulary_size - FIRST_WORD])
    numbers = {word: token for token, word in enumerate(vocabulary)}
    return Text(
        digest=hashlib.sha256(text.encode()).hexdigest(),
        vocabulary=vocabulary,
        parts={
            split: np.array([numbers.get(word, UNKNOWN) for word in part], np.int32)
            for split, part in parts.items()
        },
    )


def _topics() -> str:
    try:
        from pydoc_data.topics import topics
    except ImportError as error:  # some systems leave it out
        raise RequestError(
            "mlm_text: this Python comes without the topics of help(). "
            "Give a text file with --set task.path=FILE."
        ) from error
    return "\n\n".join(text for _, text in sorted(topics.items()))


def _file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"mlm_text: cannot read path={path}: {reason}.") from error
