"""A value with the range it may lie in: means over seeds, bands over steps, shares of seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
UNBOUNDED = (-math.inf, math.inf)


@dataclass(frozen=True)
class Interval:
    """A mean over `n` values with its two-sided confidence interval."""

    n: int
    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """From the mean to the farther end, as the other may be clipped; NaN below two values."""
        return max(self.high - self.mean, self.mean - self.low)

    @property
    def negated(self) -> Interval:
        """That of the same values with the other sign: of `b - a`, where this is of `a - b`."""
        return Interval(self.n, -self.mean, -self.high, -self.low)


def t_interval(
    values: Sequence[float] | NDArray[np.float64],
    confidence: float = CONFIDENCE,
    bounds: tuple[float, float] = UNBOUNDED,
) -> Interval:
    """Mean and Student t interval of independent values.

    With one value the interval's ends are NaN: one seed says nothing about the spread. NaN among
    the values makes the mean NaN, because a trial that diverged is not an average one.

    Ends beyond `bounds`, what the values can be at all (0 to 1 for an accuracy), are moved to
    them. That leaves out means that are impossible and no other, so the interval holds the true
    mean as often as before; it does not mend what made the interval reach so far, few seeds with
    a skewed spread. Where all values are equal the interval has no width, which is no proof that
    the next seed is equal too.
    """
    array = np.asarray(values, dtype=np.float64)
    n = array.size
    with np.errstate(invalid="ignore"):
        mean = float(array.mean()) if n else math.nan
    if n < 2:
        return Interval(n, mean, math.nan, math.nan)
    # An infinite loss has no spread; its interval's ends are NaN without a warning.
    with np.errstate(invalid="ignore"):
        half = t_quantile(n - 1, confidence) * float(array.std(ddof=1)) / math.sqrt(n)
    low, high = np.clip((mean - half, mean + half), *bounds)
    return Interval(n, mean, float(low), float(high))


def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided Student t quantile: 4.30 for 2 degrees of freedom at 95 %."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + confidence / 2))


def t_band(
    values: NDArray[np.float64],
    confidence: float = CONFIDENCE,
    bounds: tuple[float, float] = UNBOUNDED,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean, low and high of each column of `values` (series, points); NaN marks a missing point.

    Columns with fewer than two values have NaN for an interval; `bounds` as for `t_interval`.
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
    return mean, np.clip(mean - half, *bounds), np.clip(mean + half, *bounds)


def wilson_interval(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """The share of `n` seeds that succeeded, with Wilson's score interval (Wilson 1927).

    It stays within 0 and 1 and has a width at 0 and at `n` too: 3 of 3 solved is [0.44, 1].
    """
    if n == 0:
        return Interval(0, math.nan, math.nan, math.nan)
    from scipy.special import ndtri

    z = float(ndtri(0.5 + confidence / 2))
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2) / (1 + z**2 / n)
    # Where none or all succeeded one end is known exactly; rounding must not say otherwise.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(n, share, low, high)
