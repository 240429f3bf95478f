"""Null baselines that count: how often each class goes with something that is seen at once."""

import numpy as np

from experiments.tasks.task import UNASKED, Array, Batch, Floats


def log_frequencies(seen: Array, classes: Array, kinds: int, count: int) -> Floats:
    """The log of how often each of `count` classes goes with each of `kinds`: `(kinds, count)`.

    `seen`, numbers below `kinds`, and `classes` are of one shape; steps may be `UNASKED`. Half a
    time is added to all, so that what does not occur keeps a loss that is finite.
    """
    asked = classes != UNASKED
    times = np.full((kinds, count), 0.5)
    np.add.at(times, (seen[asked], classes[asked]), 1)
    frequencies: Floats = np.log(times / times.sum(axis=1, keepdims=True))
    return frequencies


def majority(train: Batch, test: Batch, count: int) -> Floats:
    """How often each class occurs in training, whatever the input: logits for `test.targets`."""
    nothing = np.zeros_like(test.targets)
    return log_frequencies(np.zeros_like(train.targets), train.targets, 1, count)[nothing]


def current_token(train: Batch, test: Batch, kinds: int, count: int) -> Floats:
    """How often each class goes with the token of its step, for targets per step.

    For the next token this is the bigram.
    """
    return log_frequencies(train.inputs, train.targets, kinds, count)[test.inputs]


def first_token(train: Batch, test: Batch, kinds: int, count: int) -> Floats:
    """How often each class goes with the first token, for one target per sequence."""
    first = train.inputs[:, 0], test.inputs[:, 0]
    return log_frequencies(first[0], train.targets, kinds, count)[first[1]]


def bag_of_tokens(train: Batch, test: Batch, kinds: int, count: int) -> Floats:
    """Naive Bayes: how often each token occurs in sequences of each class, without its place.

    For one target per sequence of tokens padded with 0. It is a linear classifier of how often
    each token occurs.
    """
    classes = np.broadcast_to(train.targets[:, np.newaxis], train.inputs.shape)
    there = train.inputs != 0
    prior = log_frequencies(np.zeros_like(train.targets), train.targets, 1, count)
    evidence = log_frequencies(classes[there], train.inputs[there], count, kinds)
    bags = np.stack([(test.inputs == token).sum(axis=1) for token in range(1, kinds)], axis=1)
    logits: Floats = prior + bags @ evidence[:, 1:].T
    return logits
