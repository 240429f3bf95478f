"""Translation: sentences of one small grammar into another, with words moved and inflected."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from experiments.budget import Budget, Positive
from experiments.errors import UnknownNameError
from experiments.tasks.decoding import (
    END,
    FIRST_WORD,
    PADDING,
    START,
    always_the_commonest,
    closed_up,
    ended,
    length_bins,
    measure_decoded,
    step_by_step,
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


def _pairs(text: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+):(\w+)", text))


# Words, and the stems that translate them.
DETERMINERS = _pairs("the:l some:kelk my:mi no:nul")
ADJECTIVES = _pairs("big:grand small:pet old:vet young:yun red:roy white:blank fast:rapid wise:sab")
MASCULINE = _pairs("king:rey dog:kan horse:kaval friend:amik teacher:mestr farmer:agrar")
FEMININE = _pairs("queen:reyn cat:gat cow:vak sister:soror doctor:medik bee:abel")
NOUNS = MASCULINE | FEMININE
VERBS = _pairs("saw:vid loved:am found:trov chased:sekv heard:aud feared:tim helped:yud called:vok")


def _inflected(stems: Iterable[str], endings: str) -> NDArray[np.str_]:
    """Words of shape `(stems, endings)`; `-` is a stem."""
    return np.array([[ending.replace("-", stem) for ending in endings.split()] for stem in stems])


_GENDERS_AND_NUMBERS = "-o -os -a -as"  # masculine first
_SOURCE = (
    *(np.array([*DETERMINERS]), np.array([*ADJECTIVES]), _inflected(NOUNS, "- -s")),
    *(np.array([*VERBS]), np.array(["and"])),
)
_TARGET = (
    _inflected(DETERMINERS.values(), _GENDERS_AND_NUMBERS),
    _inflected(ADJECTIVES.values(), _GENDERS_AND_NUMBERS),
    *(_inflected(NOUNS.values(), "- -s"), _inflected(VERBS.values(), "-et -ent"), np.array(["e"])),
)


def _vocabulary(tables: Iterable[NDArray[np.str_]]) -> tuple[str, ...]:
    return ("[PAD]", "[START]", "[END]", *(str(word) for table in tables for word in table.flat))


def _tokens(tables: Iterable[NDArray[np.str_]]) -> Iterator[Array]:
    """The tokens of the words, in tables of the same shapes."""
    first = FIRST_WORD
    for table in tables:
        yield np.arange(first, first + table.size).reshape(table.shape)
        first += table.size


SOURCE_WORDS = _vocabulary(_SOURCE)
TARGET_WORDS = _vocabulary(_TARGET)

# What is drawn for a sentence adds up, modulo the number of verbs, to what its split says: so no
# sentence is in two splits, however few there are.
SUMS: Mapping[Split, range] = {
    "validation": range(1),
    "test": range(1, 2),
    "train": range(2, len(VERBS)),
    "extrapolation": range(len(VERBS)),
}
BASELINE_SIZE = 1000
"""Sentences that the null baselines count in."""


@dataclass(frozen=True)
class Translation(Task):
    """One to `max_clauses` clauses joined by `and`, numbers of clauses equally likely.

    A clause is a subject, a verb and an object. Subject and object are a determiner, up to
    `max_adjectives` adjectives and a noun, singular or plural. In the translation the verb comes
    last in its clause, adjectives come after their noun, determiners and adjectives end as the
    gender and number of the noun ask for, and the verb as the number of its subject asks for,
    which the source does not show at the verb. Each sentence has one translation, as long as
    itself. The examples, as text:

        the old cat saw my dogs
        la gat veta mios kans videt

        no bees heard some big horse and my king loved the queen
        nulas abels kelko kaval grando audent e mio rey la reyn amet

    >>> batch = Translation(max_clauses=1).train_batch(seed=0, index=0, size=2)
    >>> for source, target in zip(*batch):
    ...     print(in_words(source, SOURCE_WORDS))
    ...     print(in_words(target, TARGET_WORDS))
    no old kings chased some young red fast farmers
    nulos reys vetos kelkos agrars yunos royos rapidos sekvent [END]
    some white old white cows loved my old young white horse
    kelkas vaks blankas vetas blankas mio kaval veto yuno blanko ament [END]

    The answer is decoded greedily and measured as in `reverse`: `exact_match` and
    `token_accuracy`, over all and in bins of lengths, which are counted in clauses
    (`exact_match_1_2`). The `extrapolation` split goes on to twice `max_clauses`.

    Source: our grammar; accuracy by length as in Bahdanau, Cho and Bengio 2015, "Neural machine
    translation by jointly learning to align and translate", figure 2.
    """

    name: ClassVar[str] = "translation"
    metric: ClassVar[Metric] = Metric("exact_match", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=4000, batch_size=64, learning_rate=5e-3)
    evaluation_splits: ClassVar[tuple[Split, ...]] = ("validation", "test", "extrapolation")
    solved: ClassVar[float | None] = 0.99

    max_clauses: Positive = 6
    """Clauses of the longest sentence in training."""
    max_adjectives: Annotated[int, Meta(ge=0)] = 3
    """Adjectives that a noun may have."""
    validation_size: Positive = 300
    """Sentences in the validation split."""
    test_size: Positive = 1000
    """Sentences in the test split, and in the extrapolation split."""

    @property
    def input(self) -> Tokens:
        """Words of the source."""
        return Tokens(vocabulary_size=len(SOURCE_WORDS))

    @property
    def target(self) -> Sequences:
        """Words of the translation."""
        return Sequences(vocabulary_size=len(TARGET_WORDS), start=START, end=END)

    @property
    def sequence_length(self) -> int:
        """Words of the longest sentence."""
        return self._words(self.max_clauses)

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Fresh sentences."""
        return self._draw("train", self.generator("train", seed, index), size)

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """Lengths as in training, or in `extrapolation` all those up to twice the longest."""
        if split not in self.evaluation_splits:
            raise UnknownNameError("split", split, self.evaluation_splits)
        size = self.validation_size if split == "validation" else self.test_size
        return self._draw(split, self.generator(split, seed), size)

    def measure(self, predictions: Decoded, batch: Batch) -> dict[str, float]:
        """`loss`, and `exact_match` and `token_accuracy` over all and by number of clauses."""
        clauses = (batch.inputs == SOURCE_WORDS.index("and")).sum(axis=1) + 1
        shown = range(1, self.max_clauses + 1)
        longer = range(shown.stop, 2 * self.max_clauses + 1)
        bins = length_bins(shown) + length_bins(longer)
        return measure_decoded(predictions, batch, clauses, bins)

    def baselines(self, seed: int) -> Mapping[str, Predictions]:
        """`unigram`: how often each token occurs in training. `step_by_step`: without order."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        test = self.evaluation_set("test", seed)
        size = self.target.vocabulary_size
        return {
            "unigram": always_the_commonest(train.targets, test.targets, size),
            "step_by_step": step_by_step(train, test.inputs, size),
        }

    def _words(self, clauses: int) -> int:
        """Words of the longest sentence of so many clauses."""
        return clauses * (2 * (self.max_adjectives + 2) + 1) + clauses - 1

    def _draw(self, split: Split, generator: np.random.Generator, size: int) -> Batch:
        low, high = 1, self.max_clauses
        if split == "extrapolation":
            low, high = high + 1, 2 * high
        last = generator.integers(low, high + 1, (size, 1)) - 1
        clause = np.arange(high)
        shape = (size, high, 2)  # a subject and an object for each clause
        determiner = generator.integers(len(DETERMINERS), size=shape)
        noun = generator.integers(len(NOUNS), size=shape)
        number = generator.integers(2, size=shape)
        adjective = generator.integers(len(ADJECTIVES), size=(*shape, self.max_adjectives))
        count = generator.integers(self.max_adjectives + 1, size=(*shape, 1))
        is_said = np.arange(self.max_adjectives) < count
        verb = generator.integers(len(VERBS), size=(size, high))

        drawn = (determiner + noun + number + (adjective * is_said).sum(axis=3)).sum(axis=2) + verb
        wanted = generator.choice(SUMS[split], (size, 1))
        excess = (drawn * (clause <= last)).sum(axis=1, keepdims=True) - wanted
        verb = ((verb - excess * (clause == last)) % len(VERBS))[..., np.newaxis]

        number, noun, determiner = (drawn[..., np.newaxis] for drawn in (number, noun, determiner))
        form = 2 * (noun >= len(MASCULINE)) + number
        determiners, adjectives, nouns, verbs, conjunction = _tokens(_SOURCE)
        said = np.where(is_said, adjectives[adjective], PADDING)
        phrases = np.concatenate([determiners[determiner], said, nouns[noun, number]], axis=3)
        parts = [phrases[:, :, 0], verbs[verb], phrases[:, :, 1]]
        inputs = _joined(parts, conjunction, clause, last)
        determiners, adjectives, nouns, verbs, conjunction = _tokens(_TARGET)
        said = np.where(is_said, adjectives[adjective, form], PADDING)
        phrases = np.concatenate([determiners[determiner, form], nouns[noun, number], said], axis=3)
        parts = [phrases[:, :, 0], phrases[:, :, 1], verbs[verb, number[:, :, 0]]]
        targets = _joined(parts, conjunction, clause, last)
        return Batch(inputs, ended(targets))


def in_words(tokens: Array, words: Sequence[str]) -> str:
    """A row of tokens as text, without its padding."""
    return " ".join(words[token] for token in tokens if token != PADDING)


def _joined(parts: Iterable[Array], conjunction: Array, clause: Array, last: Array) -> Array:
    """Sentences of the clauses up to the `last`, from parts `(batch, clauses, words)` of each."""
    said = np.concatenate([*parts], axis=2) * (clause <= last)[..., np.newaxis]
    between = (conjunction * (clause < last))[..., np.newaxis]
    slots = np.concatenate([said, between], axis=2).reshape(len(said), -1)
    return closed_up(slots)[:, :-1].astype(np.int32)  # nothing is behind the last clause
