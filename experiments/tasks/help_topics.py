"""The topics behind Python's `help()`, and blocks of them of which some are held out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from experiments.errors import RequestError
from experiments.tasks.task import Split
from experiments.tasks.vocabulary import Words, paragraphs

BLOCK = 200
"""Words of a block at least, but for the last one of a topic."""
TURNS: Sequence[Split] = ("train", "train", "validation", "train", "test")
"""Where the blocks of a topic go, one after the other, again and again."""
RUN = 8
"""So many words in a row are not had in common by chance."""


class Part(NamedTuple):
    """Successive words of a topic."""

    topic: int
    """Its place by size: 0 has the most words."""
    words: Words


Blocks = Mapping[Split, Sequence[Part]]
"""The blocks of each split."""


def help_topics(reader: str, remedy: str) -> dict[str, str]:
    """The text of each topic by name; Python's version decides which.

    Where there is none, raises `RequestError` in the name of `reader`, with the `remedy`.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:  # some systems leave it out
        raise RequestError(
            f"{reader}: this Python comes without the topics of help(). {remedy}"
        ) from error
    return dict(sorted(topics.items()))


def split_blocks(texts: Iterable[str], count: int) -> Blocks:
    """The blocks of all `texts`, those of the `count` largest in turns for each split.

    The others are for training alone. No paragraph is there twice.
    """
    seen: set[Words] = set()
    topics: list[list[Words]] = []
    for text in texts:
        new = [words for words in dict.fromkeys(paragraphs(text)) if words not in seen]
        seen.update(new)
        topics.append(_blocks(new))
    topics.sort(key=lambda blocks: sum(map(len, blocks)), reverse=True)
    splits: dict[Split, list[Part]] = {split: [] for split in TURNS}
    for topic, blocks in enumerate(topics):
        for number, words in enumerate(blocks):
            split = TURNS[number % len(TURNS)] if topic < count else "train"
            splits[split].append(Part(topic, words))
    return splits


def passages(blocks: Blocks, split: Split, count: int, length: int) -> list[Part]:
    """What is to be judged: parts of `length` words of a split's blocks, of `count` topics.

    Those that have `RUN` words in a row in common with another split are left out, but for
    training.
    """
    others: set[Words] = set()
    if split != "train":
        others.update(*(_runs(b.words) for other in blocks.keys() - {split} for b in blocks[other]))
    cut = (
        Part(block.topic, block.words[start : start + length])
        for block in blocks[split]
        if block.topic < count
        for start in range(0, len(block.words) - length + 1, length)
    )
    return [part for part in cut if others.isdisjoint(_runs(part.words))]


def _blocks(parts: Iterable[Words]) -> list[Words]:
    """Paragraphs put together until a block is full."""
    blocks: list[Words] = []
    block: Words = ()
    for words in parts:
        block += words
        if len(block) >= BLOCK:
            blocks.append(block)
            block = ()
    return [*blocks, block] if block else blocks


def _runs(words: Words) -> set[Words]:
    return {words[i : i + RUN] for i in range(len(words) - RUN + 1)}
