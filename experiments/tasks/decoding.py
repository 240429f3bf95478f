"""Targets that are decoded step by step: their rows of tokens, measures and null baselines."""

from collections.abc import Iterable

import numpy as np

from experiments.tasks.baselines import log_frequencies
from experiments.tasks.measures import cross_entropy, matches
from experiments.tasks.task import UNASKED, Array, Batch, Decoded, Floats

PADDING, START, END = 0, 1, 2
FIRST_WORD = 3
"""Tokens from here on are words."""

NUM_BINS = 3
"""Bins of lengths in training, and again beyond."""

LengthBin = tuple[int, int]
"""Its shortest and its longest length."""


def closed_up(slots: Array) -> Array:
    """Rows of tokens `(batch, steps)` with all padding moved behind the last of them."""
    order = np.argsort(slots == PADDING, axis=1, kind="stable")
    return np.take_along_axis(slots, order, axis=1)


def ended(tokens: Array) -> Array:
    """Padded rows with the end behind their last token, one step longer."""
    rows = np.pad(tokens, [(0, 0), (0, 1)])
    rows[np.arange(len(rows)), (tokens != PADDING).sum(axis=1)] = END
    return rows


def length_bins(lengths: range) -> list[LengthBin]:
    """`lengths` in three bins as even as can be, or fewer where there are fewer lengths."""
    parts = np.array_split(lengths, min(NUM_BINS, len(lengths)))
    return [(int(part[0]), int(part[-1])) for part in parts]


def measure_decoded(
    predictions: Decoded, batch: Batch, lengths: Array, bins: Iterable[LengthBin]
) -> dict[str, float]:
    """`loss`, and `exact_match` and `token_accuracy` over all and in each bin that has rows.

    `lengths`, one for each row, say which bin it belongs to. The end is a token like the others;
    what is said behind it is not asked.
    """
    targets = batch.targets
    is_target = targets != PADDING
    right = matches(predictions.tokens, targets)
    logits = predictions.logits[:, : targets.shape[1]]
    measures = {"loss": cross_entropy(logits[is_target], targets[is_target])}
    everything = ("", np.ones(len(targets), np.bool_))
    parts = [(f"_{low}_{high}", (low <= lengths) & (lengths <= high)) for low, high in bins]
    for suffix, rows in (everything, *parts):
        if rows.any():
            hits, counted = right[rows], is_target[rows]
            measures[f"exact_match{suffix}"] = float((hits | ~counted).all(axis=1).mean())
            measures[f"token_accuracy{suffix}"] = float(hits[counted].mean())
    return measures


def always_the_commonest(train: Array, test: Array, vocabulary_size: int) -> Decoded:
    """How often each token occurs in the targets `train`; the answer to `test` is one of them."""
    counts = np.bincount(train[train != PADDING], minlength=vocabulary_size)
    # A token that does not occur keeps a loss that is finite.
    logits = np.log(np.maximum(counts, 0.5) / counts.sum())
    return Decoded(np.tile(logits, (*test.shape, 1)), np.full_like(test, logits.argmax()))


def said_as_often_right(tokens: Array, share: float, vocabulary_size: int) -> Floats:
    """Logits of one who says `tokens` and is right in `share` of them."""
    others = np.log((1 - share) / (vocabulary_size - 1))
    logits = np.full((*tokens.shape, vocabulary_size), others)
    np.put_along_axis(logits, tokens[..., np.newaxis], np.log(share), axis=-1)
    return logits


def step_by_step(train: Batch, inputs: Array, vocabulary_size: int) -> Decoded:
    """The target token most often found at the same step as a source token, in its place.

    One that stands for a sentence of the source is decided without the rest of the sentence.
    """
    before_the_end = [(0, 0), (0, 1)]  # targets are a step longer than sources
    sources, asked = np.pad(train.inputs, before_the_end), np.pad(inputs, before_the_end)
    classes = np.where(train.targets != PADDING, train.targets, UNASKED)
    kinds = int(max(sources.max(), asked.max())) + 1
    logits = log_frequencies(sources, classes, kinds, vocabulary_size)[asked]
    return Decoded(logits, logits.argmax(axis=-1))
