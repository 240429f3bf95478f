"""Statistics over seeds: the one place that turns several trials into a statement.

`scipy.special` takes 0.2 s to import, so it is imported on first use, after the first paint.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over `n` values with its two-sided confidence interval."""

    n: int
    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval's width; NaN below two values."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Difference:
    """A paired difference: interval and two-sided p-value of Student's t test."""

    interval: Interval
    p: float


def t_interval(
    values: Sequence[float] | NDArray[np.float64], confidence: float = CONFIDENCE
) -> Interval:
    """Mean and Student t interval of independent values.

    With one value the bounds are NaN: one seed says nothing about the spread. NaN among the values
    makes the mean NaN, because a trial that diverged is not an average one.
    """
    array = np.asarray(values, dtype=np.float64)
    n = array.size
    with np.errstate(invalid="ignore"):
        mean = float(array.mean()) if n else math.nan
    if n < 2:
        return Interval(n, mean, math.nan, math.nan)
    # An infinite loss has no spread; its bounds are NaN without a warning.
    with np.errstate(invalid="ignore"):
        half = t_quantile(n - 1, confidence) * float(array.std(ddof=1)) / math.sqrt(n)
    return Interval(n, mean, mean - half, mean + half)


def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided Student t quantile: 4.30 for 2 degrees of freedom at 95 %."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + confidence / 2))


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Interval and p-value of `a - b`, paired element by element."""
    from scipy.special import stdtr

    with np.errstate(invalid="ignore"):
        differences = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    interval = t_interval(differences)
    if interval.n < 2 or not math.isfinite(interval.mean):
        return Difference(interval, math.nan)
    spread = float(differences.std(ddof=1)) / math.sqrt(interval.n)
    if spread == 0:
        return Difference(interval, 1.0 if interval.mean == 0 else 0.0)
    t = abs(interval.mean) / spread
    return Difference(interval, float(2 * stdtr(interval.n - 1, -t)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (Holm 1979): family-wise error over all comparisons made.

    NaN stands for a comparison that could not be made; it stays NaN and is not counted.
    """
    adjusted = [math.nan] * len(p_values)
    order = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    running = 0.0
    for rank, (p, i) in enumerate(order):
        running = max(running, min(1.0, p * (len(order) - rank)))
        adjusted[i] = running
    return adjusted


def t_band(
    values: NDArray[np.float64], confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean, low and high of each column of `values` (series, points); NaN marks a missing point.

    Columns with fewer than two values have NaN bounds.
    """
    present = ~np.isnan(values)
    n = present.sum(axis=0)
    counted = np.maximum(n, 1)
    with np.errstate(invalid="ignore"):
        mean = np.where(present, values, 0).sum(axis=0) / counted
        squares = np.where(present, (values - mean) ** 2, 0).sum(axis=0)
    half = np.full(mean.shape, np.nan)
    for count in np.unique(n[n >= 2]):
        at = n == count
        spread = np.sqrt(squares[at] / (count - 1) / count)
        half[at] = t_quantile(int(count) - 1, confidence) * spread
    mean = np.where(n > 0, mean, np.nan)
    return mean, mean - half, mean + half
