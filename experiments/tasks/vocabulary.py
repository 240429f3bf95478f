"""The words of a text as tokens: the most frequent have one each, all others share one."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.tasks.task import Array

UNKNOWN, MASK = 0, 1
"""All words outside the vocabulary, and what stands for a hidden word."""
FIRST_WORD = 2
"""Tokens from here on are words."""
WORD = re.compile(r"[^\W\d_]+|\d+|([^\w\s]|_)\1*")
"""Letters, or digits, or one sign or the same sign several times."""

Words = tuple[str, ...]


def paragraphs(text: str) -> list[Words]:
    """The words and signs, in small letters, of each part that empty lines separate."""
    return [
        tuple(match.group() for match in WORD.finditer(part))
        for part in re.split(r"\n\s*\n", text.lower())
    ]


@dataclass(frozen=True)
class Vocabulary:
    """The word of each token."""

    words: Words

    @classmethod
    def of(cls, words: Iterable[str], size: int) -> "Vocabulary":
        """The unknown word, the mask and the most frequent of `words`: `size` at most."""
        counts = Counter(words)
        frequent = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(("[UNK]", "[MASK]", *frequent[: size - FIRST_WORD]))

    def tokens(self, words: Sequence[str]) -> Array:
        """The token of each word."""
        numbers = {word: token for token, word in enumerate(self.words)}
        return np.array([numbers.get(word, UNKNOWN) for word in words], np.int32)
