"""Noisy measurements averaged over the training before them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# In time constants; e to this power is still far from the largest number.
_LONGEST = 500.0


class Smoother:
    """The weighted mean of each value and all before it, fed piece by piece.

    A value counts `exp(-distance / constant)`: the newest fully, one `constant` earlier 1/e. The
    weights are divided by their sum, so the first values lean on nothing that was not measured.
    What is not finite takes no part and stays as it is. The past never changes, and it makes no
    difference in how many pieces the values come.

    Args:
        constant: The time constant, in the unit of the positions; 0 leaves values as they are.
    """

    def __init__(self, constant: float) -> None:
        self._constant = constant
        self._at = 0.0
        self._sum = 0.0
        self._weight = 0.0

    def extend(self, x: Floats, y: Floats) -> Floats:
        """The smoothed values of the next points; `x` never decreases, from call to call too."""
        if not self._constant or not y.size:
            return y
        out = y.copy()
        places = np.flatnonzero(np.isfinite(y))
        # In units of the constant, and in stretches, because weights grow exponentially.
        distance, start = x / self._constant, 0
        while start < places.size:
            first = distance[places[start]]
            stop = int(np.searchsorted(distance[places], first + _LONGEST, side="right"))
            here = places[start:stop]
            self._stretch(distance[here], y[here], out, here)
            start = stop
        return out

    def _stretch(self, at: Floats, y: Floats, out: Floats, places: NDArray[np.intp]) -> None:
        end = float(at[-1])
        # Relative to the end: no weight is above 1, so that large values stay finite.
        weights = np.exp(at - end)
        kept = np.exp(max(self._at - end, -2 * _LONGEST)) if self._weight else 0.0
        sums = self._sum * kept + np.cumsum(weights * y)
        totals = self._weight * kept + np.cumsum(weights)
        out[places] = sums / totals
        self._at, self._sum, self._weight = end, float(sums[-1]), float(totals[-1])
