"""Random numbers of which no two in a row are the same."""

import numpy as np

from experiments.tasks.task import Array


def draw_distinct(generator: np.random.Generator, stop: int, size: tuple[int, int]) -> Array:
    """Integers from 0 to `stop - 1`, shape `size`, distinct within a row, every order as likely.

    For all rows at once, in as many steps as a row is long, however large `stop` is: algorithm F2
    of Bentley and Floyd 1987, "A sample of brilliance", and then a shuffle.
    """
    drawn = np.empty(size, np.int64)
    for place in range(size[1]):
        # Each step has one more number to choose from, and takes it for one that is there already.
        newest = stop - size[1] + place
        candidates = generator.integers(newest + 1, size=size[0])
        taken = (drawn[:, :place] == candidates[:, np.newaxis]).any(axis=1)
        drawn[:, place] = np.where(taken, newest, candidates)
    return generator.permuted(drawn, axis=1)
