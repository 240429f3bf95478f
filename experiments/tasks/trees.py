"""Trees of ListOps: drawn, worked out and written down many at a time, level by level."""

from typing import NamedTuple

import numpy as np

from experiments.tasks.task import Array

WORDS = (*"0123456789", "[MIN", "[MAX", "[MED", "[SM", "]")
"""What sequences are made of, by number: ten digits, four operators, the end of arguments."""
OPERATORS = range(10, 14)
CLOSE = 14

OPERATOR_SHARE = 0.25
"""How often an argument is an operator, above the deepest level."""


class Level(NamedTuple):
    """Nodes at one depth of many trees, the children of each parent side by side."""

    parents: Array
    """Of each node, the number of its parent in the level above, in order."""
    words: Array
    """Of each node, its digit or operator."""


Forest = list[Level]
"""Many trees: the first level has their roots."""


class Limits(NamedTuple):
    """What trees are drawn."""

    max_depth: int
    """Levels at most, that of the root among them."""
    max_arguments: int
    """Arguments of an operator at most; the least is 2."""
    min_length: int
    """Words of the shortest tree."""
    max_length: int
    """Words of the longest tree."""


def grow(generator: np.random.Generator, size: int, limits: Limits) -> Forest:
    """Those of `size` random trees whose length is within the limits."""
    owners = np.arange(size)
    forest = [Level(owners, generator.choice(OPERATORS, size))]
    lengths = np.full(size, 2)
    for depth in range(2, limits.max_depth + 1):
        # What is too long already need not grow.
        has_arguments = (forest[-1].words >= OPERATORS[0]) & (lengths[owners] <= limits.max_length)
        counts = generator.integers(2, limits.max_arguments + 1, len(owners)) * has_arguments
        parents = np.repeat(np.arange(len(owners)), counts)
        owners = owners[parents]
        words = generator.integers(OPERATORS[0], size=len(owners))
        if depth < limits.max_depth:
            is_operator = generator.random(len(owners)) < OPERATOR_SHARE
            words[is_operator] = generator.choice(OPERATORS, is_operator.sum())
        lengths = lengths + np.bincount(owners, 1 + (words >= OPERATORS[0]), size).astype(int)
        forest.append(Level(parents, words))
    return _select(forest, (limits.min_length <= lengths) & (lengths <= limits.max_length))


def values(forest: Forest) -> Array:
    """What the trees amount to, from the deepest level up."""
    parents = results = np.zeros(0, int)
    for level in reversed(forest):
        results = _apply(level.words, parents, results)
        parents = level.parents
    return results


def write(forest: Forest, width: int) -> Array:
    """The trees as rows of word numbers, -1 behind their end."""
    sizes = _sizes(forest)
    written = np.full((len(forest[0].words), width), -1)
    rows, starts = np.arange(len(written)), np.zeros(len(written), int)
    for depth, level in enumerate(forest):
        if depth:
            # Behind the operator and the siblings before.
            before = np.cumsum(sizes[depth]) - sizes[depth]
            first = np.searchsorted(level.parents, level.parents)
            starts = starts[level.parents] + 1 + before - before[first]
            rows = rows[level.parents]
        is_operator = level.words >= OPERATORS[0]
        written[rows, starts] = level.words
        written[rows[is_operator], (starts + sizes[depth] - 1)[is_operator]] = CLOSE
    return written


def parse(text: str) -> Forest:
    """One tree from words with spaces between them."""
    levels: list[list[tuple[int, int]]] = []
    path: list[int] = []
    for word in text.split():
        if word == WORDS[CLOSE]:
            path.pop()
            continue
        if len(path) == len(levels):
            levels.append([])
        level = levels[len(path)]
        level.append((path[-1] if path else 0, WORDS.index(word)))
        if level[-1][1] >= OPERATORS[0]:
            path.append(len(level) - 1)
    return [Level(*np.array(level).T) for level in levels]


def _select(forest: Forest, keep: Array) -> Forest:
    """The trees to keep."""
    selected = []
    numbers = np.arange(len(keep))
    for level in forest:
        keep = keep[level.parents]
        selected.append(Level(numbers[level.parents[keep]], level.words[keep]))
        numbers = np.cumsum(keep) - 1
    return selected


def _sizes(forest: Forest) -> list[Array]:
    """How many words each node takes, with all below it."""
    sizes = []
    parents = below = np.zeros(0, int)
    for level in reversed(forest):
        of_arguments = np.bincount(parents, below, len(level.words)).astype(int)
        below = 1 + (level.words >= OPERATORS[0]) + of_arguments
        sizes.append(below)
        parents = level.parents
    return sizes[::-1]


def _apply(words: Array, parents: Array, arguments: Array) -> Array:
    """Digits as they are, operators applied to the arguments whose parents they are."""
    results = words.copy()
    at = np.flatnonzero(words >= OPERATORS[0])
    if not len(at):
        return results
    counts = np.bincount(parents, minlength=len(words))[at]
    first = np.cumsum(counts) - counts
    in_order = np.sort(10 * parents + arguments) % 10
    # Of an even number of arguments the two in the middle, whose mean is rounded down.
    middle = in_order[first + (counts - 1) // 2] + in_order[first + counts // 2]
    results[at] = np.choose(
        words[at] - OPERATORS[0],
        [
            in_order[first],
            in_order[first + counts - 1],
            middle // 2,
            np.add.reduceat(arguments, first) % 10,
        ],
    )
    return results
