"""Masked language modelling on a text of one's own, or on Python's help."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from experiments.errors import RequestError
from experiments.tasks.help_topics import help_topics
from experiments.tasks.masked_words import MaskedWords, Text
from experiments.tasks.task import Split
from experiments.tasks.vocabulary import Vocabulary, paragraphs

HELD_OUT_SHARE = 0.1
"""Of the text, for validation and again for the test."""


@dataclass(frozen=True)
class MlmText(MaskedWords):
    """Of each sequence of `length` words 15 % are asked for; the model reads the others.

    How words are asked for is told by `MaskedWords`. The text is what `help()` knows about Python,
    which comes with Python (its version decides which text: `text().digest` is its SHA-256), or a
    file of yours. Paragraphs that are there several times are kept once. The first 80 % of the
    words are for training, the next 10 % for validation, the last 10 % for the test; the
    vocabulary is made of the training words alone, in small letters. Examples, input over target:

        the [MASK] statement is used [MASK] conditional execution
        .   if     .         .  .    for    .           .

        a class definition is an brackets statement
        . .     .          .  .  executable .

    >>> (words,) = paragraphs("If it fails, if it ends.")
    >>> words
    ('if', 'it', 'fails', ',', 'if', 'it', 'ends', '.')
    >>> vocabulary = Vocabulary.of(words, size=6)
    >>> vocabulary.words
    ('[UNK]', '[MASK]', 'if', 'it', ',', '.')
    >>> print(*vocabulary.tokens(words))
    2 3 0 4 2 3 0 5

    Source: Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for
    language understanding", section 3.1.
    """

    name: ClassVar[str] = "mlm_text"

    path: str = ""
    """A text file in UTF-8; the topics of Python's `help()` when empty."""
    vocabulary_size: Annotated[int, Meta(ge=3, le=5000)] = 1000
    """Tokens: the most frequent words of the training part, the unknown word and the mask."""
    length: Annotated[int, Meta(ge=2)] = 32
    """Words of a sequence."""

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


@lru_cache(maxsize=2)
def _read(path: str, vocabulary_size: int) -> Text:
    text = _file(path) if path else _help()
    words = tuple(chain.from_iterable(dict.fromkeys(paragraphs(text))))
    held_out = int(HELD_OUT_SHARE * len(words))
    ends = [0, len(words) - 2 * held_out, len(words) - held_out, len(words)]
    splits: tuple[Split, ...] = ("train", "validation", "test")
    parts = {
        split: words[start:end] for split, (start, end) in zip(splits, pairwise(ends), strict=True)
    }
    vocabulary = Vocabulary.of(parts["train"], vocabulary_size)
    return Text(
        digest=hashlib.sha256(text.encode()).hexdigest(),
        vocabulary=vocabulary,
        parts={split: vocabulary.tokens(part) for split, part in parts.items()},
    )


def _help() -> str:
    topics = help_topics("mlm_text", "Give a text file with --set task.path=FILE.")
    return "\n\n".join(topics.values())


def _file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"mlm_text: cannot read path={path}: {reason}.") from error
