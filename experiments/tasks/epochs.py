"""Training on a collection: batches are slices of an endless row of shuffled epochs."""

from collections.abc import Callable

import numpy as np

from experiments.tasks.task import Array


def epoch_rows(
    generator_of: Callable[[int], np.random.Generator], count: int, index: int, size: int
) -> Array:
    """Which `size` of `count` members are in batch number `index`.

    `generator_of` gives each epoch, counted from 0, the random stream that shuffles it.
    """
    epoch, start = divmod(index * size, count)
    last_epoch = (index * size + size - 1) // count
    orders = [generator_of(number).permutation(count) for number in range(epoch, last_epoch + 1)]
    return np.concatenate(orders)[start : start + size]
