"""Topics: tell which topic of Python's help a passage is from, with few labels to learn from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.errors import RequestError, UnknownNameError
from experiments.tasks.baselines import bag_of_tokens, majority
from experiments.tasks.epochs import epoch_rows
from experiments.tasks.help_topics import Blocks, help_topics, passages, split_blocks
from experiments.tasks.masked_words import MaskedWords, Text
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.task import (
    SHARE,
    Batch,
    Classes,
    Floats,
    Metric,
    Split,
    Task,
    Tokens,
)
from experiments.tasks.vocabulary import Vocabulary

NUM_CLASSES = 8
"""Those with the most text."""

VocabularySize = Annotated[int, Meta(ge=3, le=5000)]
Length = Annotated[int, Meta(ge=8, le=100)]


@dataclass(frozen=True)
class Topics(Task):
    """Which of 8 topics of Python's `help()` a passage of `length` words is from.

    Of each topic the seed draws `labelled` passages to learn from. The rest of the training text
    has no labels, and masked words of it are the task of `pretraining`.

    The topics are the largest. Each is cut into blocks of 200 words or more; of every five in a row
    one is for validation, one for the test and three for training, as is all text of the other
    topics. So every split has about the same share of each topic, in text that no other has: a
    paragraph that is there several times is kept once, and a passage for validation or test that
    has eight words in a row in common with another split is left out. All seeds share these
    passages. The vocabulary is made of the training text alone. The version of Python decides
    which text: `pretraining().text().digest` is its SHA-256. Two passages of Python 3.11:

        ... %d is replaced by the day of the month ...      of formatstrings
        ... the debugger prints the line and waits ...      of debugger

    >>> task = Topics(labelled=2, length=24)
    >>> batch = task.train_batch(seed=0, index=0, size=16)
    >>> batch.inputs.shape
    (16, 24)
    >>> np.bincount(batch.targets).tolist()
    [2, 2, 2, 2, 2, 2, 2, 2]
    >>> task.pretraining()
    MaskedTopics(vocabulary_size=1000, length=24)

    Source: few labels after masked words, as in Devlin et al. 2019, "BERT: pre-training of deep
    bidirectional transformers for language understanding".
    """

    name: ClassVar[str] = "topics"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=400, batch_size=16, learning_rate=3e-3)

    labelled: Positive = 8
    """Passages of each topic to learn from."""
    vocabulary_size: VocabularySize = 1000
    """Tokens: the most frequent words of the training text, the unknown word and the mask."""
    length: Length = 32
    """Words of a passage."""

    @property
    def input(self) -> Tokens:
        """Words, the unknown word, and the mask, which only pretraining shows."""
        return Tokens(vocabulary_size=self.vocabulary_size)

    @property
    def target(self) -> Classes:
        """The topic, 0 the largest."""
        return Classes(count=NUM_CLASSES)

    @property
    def sequence_length(self) -> int:
        """`length`."""
        return self.length

    @property
    def epoch_sequences(self) -> int:
        """The labelled passages."""
        return self.labelled * NUM_CLASSES

    def pretraining(self) -> "MaskedTopics":
        """Masked words of the training text, with the same tokens."""
        return MaskedTopics(self.vocabulary_size, self.length)

    def check(self) -> None:
        """The text is there, and enough of it for the labels."""
        most = int(np.bincount(self._passages("train").targets).min())
        if self.labelled > most:
            raise RequestError(
                f"topics: expected labelled <= {most}, the passages of {self.length} words of the "
                f"smallest topic. Received: labelled={self.labelled}."
            )

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """The next `size` labelled passages in an endless row of shuffled epochs."""
        few = self._labelled(seed)
        # Number 0 is the stream that drew them.
        stream = partial(self.generator, "train", seed)
        rows = epoch_rows(lambda epoch: stream(epoch + 1), len(few.inputs), index, size)
        return Batch(few.inputs[rows], few.targets[rows])

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """The same passages for every seed; there is no `extrapolation` split."""
        if split not in self.evaluation_splits:
            raise UnknownNameError("split", split, self.evaluation_splits)
        return Batch(*(array.copy() for array in self._passages(split)))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy`."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`majority`: the share of each topic in the text. `bag of words`: naive Bayes.

        The latter has learned from the labelled passages.
        """
        test = self.evaluation_set("test", seed)
        return {
            "majority": majority(self._passages("train"), test, NUM_CLASSES),
            "bag of words": bag_of_tokens(
                self._labelled(seed), test, self.vocabulary_size, NUM_CLASSES
            ),
        }

    def _passages(self, split: Split) -> Batch:
        return _passages(split, self.vocabulary_size, self.length)

    def _labelled(self, seed: int) -> Batch:
        every = self._passages("train")
        generator = self.generator("train", seed)
        rows = [
            generator.choice(np.flatnonzero(every.targets == topic), self.labelled, replace=False)
            for topic in range(NUM_CLASSES)
        ]
        return Batch(*(array[np.concatenate(rows)] for array in every))


@dataclass(frozen=True)
class MaskedTopics(MaskedWords):
    """Masked words of the text of `Topics`: what a network may learn before it is given labels."""

    name: ClassVar[str] = "masked_topics"
    budget: ClassVar[Budget] = Budget(steps=4000, learning_rate=2e-3, evaluations=10)

    vocabulary_size: VocabularySize = 1000
    """As in `Topics`."""
    length: Length = 32
    """As in `Topics`."""

    def text(self) -> Text:
        """The blocks of each split, one after the other."""
        return _text(self.vocabulary_size)


@lru_cache(maxsize=1)
def _blocks() -> Blocks:
    return split_blocks(_topics(), NUM_CLASSES)


def _topics() -> list[str]:
    return list(help_topics("topics", "Use one with all its modules.").values())


@lru_cache(maxsize=2)
def _text(vocabulary_size: int) -> Text:
    words = {
        split: tuple(chain.from_iterable(block.words for block in blocks))
        for split, blocks in _blocks().items()
    }
    vocabulary = Vocabulary.of(words["train"], vocabulary_size)
    return Text(
        digest=hashlib.sha256("\n\n".join(_topics()).encode()).hexdigest(),
        vocabulary=vocabulary,
        parts={split: vocabulary.tokens(part) for split, part in words.items()},
    )


@lru_cache(maxsize=6)
def _passages(split: Split, vocabulary_size: int, length: int) -> Batch:
    found = passages(_blocks(), split, NUM_CLASSES, length)
    vocabulary = _text(vocabulary_size).vocabulary
    return Batch(
        np.stack([vocabulary.tokens(passage.words) for passage in found]),
        np.array([passage.topic for passage in found], np.int32),
    )
