"""Something seen inside a network as one array, thinned to what a screen can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.task import Array

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trace:
    """An array and what its axes are.

    Args:
        name: What it is: `attention`, `states`, `gradient_norm`, `accuracy` ...
        layer: The path of the layer inside the network; empty for the network as a whole.
        axes: What the axes of `values` count: `sample`, `head`, `query`, `key`, `step`, `unit` ...
        values: The numbers; NaN where there is none.
        places: By axis, the number that each entry has in the network, counted from 0, or that of
            the first one where an entry stands for several; none where all are there.
        labels: By axis, the names of its entries where they have some.
    """

    name: str
    layer: str
    axes: tuple[str, ...]
    values: Array
    places: Mapping[str, Places] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def places_of(self, axis: str) -> Places:
        """The number that each entry of an axis has in the network."""
        every = np.arange(self.values.shape[self.axes.index(axis)])
        return self.places.get(axis, every)


def chosen(size: int, most: int) -> Places:
    """At most `most` of `size` places, the first and the last among them, evenly spread."""
    if size <= most:
        return np.arange(size)
    return np.linspace(0, size - 1, most).round().astype(np.int64)


def blocks(size: int, most: int) -> Places:
    """Where at most `most` blocks of neighbours begin that share `size` places evenly."""
    if size <= most:
        return np.arange(size)
    return np.arange(most) * size // most


def mean_of_blocks(values: Array, axis: int, starts: Places) -> Array:
    """The mean of each block along an axis."""
    size = values.shape[axis]
    if len(starts) == size:
        return values
    counts = np.diff(np.append(starts, size))
    shape = [1] * values.ndim
    shape[axis] = len(counts)
    means: Array = np.add.reduceat(values, starts, axis) / counts.reshape(shape)
    return means


def sum_of_blocks(values: Array, axis: int, starts: Places) -> Array:
    """The sum of each block along an axis."""
    if len(starts) == values.shape[axis]:
        return values
    return np.asarray(np.add.reduceat(values, starts, axis))
