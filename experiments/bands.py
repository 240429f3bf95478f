"""Mean and interval of curves over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments import stats

Floats = NDArray[np.float64]
Curves = Sequence[tuple[Floats, Floats]]
"""Positions, increasing, and values of each seed."""

MOST_PLACES = 1000
"""How many places a common grid has at most; at least half as many."""


@dataclass(frozen=True)
class Band:
    """Mean and interval over seeds at each place; `n` seeds took part at most."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    counts: NDArray[np.int64]
    """How many seeds the mean is over."""
    n: int


def union_band(curves: Curves, bounds: tuple[float, float]) -> Band:
    """The band at every place where any curve has a value, over those that have one there.

    For curves measured at the same places, as those of seeds are at steps. The interval ends
    where `bounds` do; see `stats.t_interval` for what that means.
    """
    if not curves:
        return _nothing()
    places = np.unique(np.concatenate([x for x, _ in curves]))
    values = np.full((len(curves), len(places)), np.nan)
    for row, (x, y) in zip(values, curves, strict=True):
        row[np.searchsorted(places, x)] = y
    if len(curves) == 1:
        unknown = np.full(len(places), np.nan)
        counts = (~np.isnan(values[0])).astype(np.int64)
        return Band(places, values[0], unknown, unknown, counts, 1)
    return _band(places, values, bounds)


def common_band(curves: Curves, bounds: tuple[float, float]) -> Band:
    """The band on a common grid, only from where all curves have begun to where the first ends.

    For curves that share no places, as those of seeds do not on the clock. Values between two
    measurements are interpolated; what is not finite is left out. The places are multiples of a
    power of two, so that they stay where they are while the curves grow.
    """
    finite = [(x[kept], y[kept]) for x, y in curves for kept in [np.isfinite(y)] if kept.any()]
    if len(finite) < 2:
        return union_band(finite, bounds)
    low, high = max(x[0] for x, _ in finite), min(x[-1] for x, _ in finite)
    if not low < high:
        return _nothing()
    step = 2.0 ** math.ceil(math.log2((high - low) / MOST_PLACES))
    places = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
    places = np.unique(np.concatenate(([low], places[(places > low) & (places < high)], [high])))
    values = np.array([np.interp(places, x, y) for x, y in finite])
    return _band(places, values, bounds)


def _band(places: Floats, values: Floats, bounds: tuple[float, float]) -> Band:
    mean, low, high = stats.t_band(values, bounds=bounds)
    return Band(places, mean, low, high, (~np.isnan(values)).sum(axis=0), n=len(values))


def _nothing() -> Band:
    none = np.empty(0)
    return Band(none, none, none, none, np.empty(0, np.int64), 0)


class GrowingBand:
    """The `union_band` of curves that grow at their ends; what is settled is not made again."""

    def __init__(self, bounds: tuple[float, float]) -> None:
        self._bounds = bounds
        self._band = _nothing()
        self._lengths: tuple[int, ...] = ()

    def update(self, curves: Curves) -> Band:
        """The band of the same curves as before, each with more points behind its own.

        Other curves need another `GrowingBand`.
        """
        grown = [
            float(x[length])
            for (x, _), length in zip(curves, self._lengths, strict=True)
            if length < x.size
        ] if self._lengths else [-math.inf]  # fmt: skip
        self._lengths = tuple(x.size for x, _ in curves)
        if not grown:
            return self._band
        start = min(grown)
        settled = int(np.searchsorted(self._band.x, start))
        tails = [(x[at:], y[at:]) for x, y in curves for at in [np.searchsorted(x, start)]]
        tail, old = union_band(tails, self._bounds), self._band
        self._band = Band(
            np.concatenate((old.x[:settled], tail.x)),
            np.concatenate((old.mean[:settled], tail.mean)),
            np.concatenate((old.low[:settled], tail.low)),
            np.concatenate((old.high[:settled], tail.high)),
            np.concatenate((old.counts[:settled], tail.counts)),
            len(curves),
        )
        return self._band
