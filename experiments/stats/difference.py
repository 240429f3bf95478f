"""A paired difference: how large, how sure, how small it could be told, whether it matters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.stats.interval import UNBOUNDED, Interval, t_interval, t_quantile

SIGNIFICANT = 0.05
"""A p-value below this counts."""
POWER = 0.8
"""How often a detectable difference is found, by the convention of Cohen 1988."""


@dataclass(frozen=True)
class Difference:
    """A paired difference: interval and two-sided p-value of Student's t test."""

    interval: Interval
    p: float


def paired_difference(
    a: Sequence[float], b: Sequence[float], bounds: tuple[float, float] = UNBOUNDED
) -> Difference:
    """Interval and p-value of `a - b`, paired element by element.

    `bounds` are those of the values, which the difference keeps as well: -1 to 1 for accuracies.
    """
    differences = _differences(a, b)
    reach = bounds[1] - bounds[0]
    interval = t_interval(differences, bounds=(-reach, reach))
    error = _standard_error(differences)
    if math.isnan(error):
        return Difference(interval, math.nan)
    if error == 0:
        return Difference(interval, 1.0 if interval.mean == 0 else 0.0)
    from scipy.special import stdtr

    t = abs(interval.mean) / error
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


def equivalence(a: Sequence[float], b: Sequence[float], margin: float) -> float:
    """The p-value of "the mean of `a - b`, paired, lies between `-margin` and `margin`".

    Two one-sided t tests (Schuirmann 1987), of a difference below `margin` and of one above
    `-margin`; both must hold, so the larger p-value counts. It is below 0.05 exactly where the
    90 % interval of the difference lies within the margin. A large one says nothing: neither that
    the two differ nor that they do not. NaN below two pairs.
    """
    if not margin > 0:
        raise ValueError(f"margin: expected a number above 0. Received: margin={margin!r}.")
    differences = _differences(a, b)
    error = _standard_error(differences)
    if math.isnan(error):
        return math.nan
    room = margin - abs(float(differences.mean()))
    if error == 0:
        return 0.0 if room > 0 else 1.0
    from scipy.special import stdtr

    return float(stdtr(differences.size - 1, -room / error))


def minimum_detectable(
    a: Sequence[float], b: Sequence[float], alpha: float = SIGNIFICANT, power: float = POWER
) -> float:
    """The true mean of `a - b` that a paired t test on so many pairs finds `power` of the time.

    The test is two-sided at level `alpha`; the spread of the differences is taken to be the one
    seen. Under a true mean d the statistic follows the noncentral t distribution with
    noncentrality d / error, so d solves P(T > quantile) = power; the chance of a significant
    result with the wrong sign, below 1e-4, is left out. NaN below two pairs.
    """
    differences = _differences(a, b)
    error = _standard_error(differences)
    if math.isnan(error):
        return math.nan
    from scipy.special import nctdtrinc

    degrees = differences.size - 1
    return float(nctdtrinc(degrees, 1 - power, t_quantile(degrees, 1 - alpha))) * error


def _differences(a: Sequence[float], b: Sequence[float]) -> NDArray[np.float64]:
    # Two infinite losses have no difference: NaN, without a warning.
    with np.errstate(invalid="ignore"):
        return np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)


def _standard_error(differences: NDArray[np.float64]) -> float:
    """Of their mean; NaN where there are too few or one is not finite."""
    if differences.size < 2 or not np.isfinite(differences).all():
        return math.nan
    return float(differences.std(ddof=1)) / math.sqrt(differences.size)
