"""The range of an axis and where a value lies on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tui.widgets.curve import Floats
from tui.widgets.ticks import format_ticks, log_ticks, nice_ticks

Scale = Literal["linear", "log"]

# The smallest span that still has enough bits to be divided into pixels.
_LEAST_SPAN = 1e-290
_LARGEST = 1.7e308


@dataclass(frozen=True)
class Axis:
    """A range of values laid over the unit interval.

    Args:
        low: Value at the start.
        high: Value at the end, larger than `low`.
        scale: Linear, or log for positive ranges.
    """

    low: float
    high: float
    scale: Scale = "linear"

    @cached_property
    def _ends(self) -> tuple[float, float]:
        if self.scale == "log":
            return math.log10(self.low), math.log10(self.high)
        return self.low, self.high

    def position(self, values: Floats) -> Floats:
        """Where values lie: 0 at the start, 1 at the end, beyond for values outside."""
        start, end = self._ends
        with np.errstate(all="ignore"):
            if self.scale == "log":
                values = np.log10(values)
            # Halves, because the difference of two large numbers may overflow.
            return np.asarray((values * 0.5 - start * 0.5) / (end * 0.5 - start * 0.5))

    def value(self, position: float) -> float:
        """The value at a position; the inverse of `position`."""
        start, end = self._ends
        value = start * (1 - position) + end * position
        if self.scale == "log":
            return float(10.0 ** min(max(value, -307.0), 308.0))
        return min(max(value, -_LARGEST), _LARGEST)

    def edges(self, count: int) -> Floats:
        """The `count + 1` borders of `count` equal pixels; the ends are exact."""
        parts = np.arange(count + 1) / count
        edges = self.low * (1 - parts) + self.high * parts
        edges[0], edges[-1] = self.low, self.high
        return np.maximum.accumulate(edges)

    def ticks(self, most: int) -> tuple[float, ...]:
        """Nice ticks inside the range, about `most` of them."""
        if self.scale == "log":
            return log_ticks(self.low, self.high, most)
        return nice_ticks(self.low, self.high, most)

    def labelled_ticks(self, most: int) -> list[tuple[float, str]]:
        """Ticks as (position, label)."""
        ticks = self.ticks(most)
        positions = self.position(np.array(ticks))
        return [
            (min(max(float(position), 0.0), 1.0), label)
            for position, label in zip(positions, format_ticks(ticks), strict=True)
        ]


def widened(low: float, high: float) -> tuple[float, float]:
    """A range that is wide enough to be divided into pixels: flat data lies in its middle.

    Zeros lie on its lower end: what is zero all the time is hardly ever something negative.
    """
    low, high = (min(max(end, -_LARGEST), _LARGEST) for end in (low, high))
    size = max(abs(low), abs(high))
    if not size:
        return 0.0, 1.0
    if high / 2 - low / 2 > max(size * 1e-11, _LEAST_SPAN):
        return low, high
    margin = max(size * 0.05, _LEAST_SPAN * 4)
    return max(low - margin, -_LARGEST), min(high + margin, _LARGEST)


def rounded(low: float, high: float, scale: Scale, most: int) -> Axis:
    """An axis around a range whose ends move in steps, so that live data rarely shifts it.

    Args:
        low: Smallest value to show; positive on a log scale.
        high: Largest value to show.
        scale: Linear or log.
        most: About how many ticks there will be.
    """
    if scale == "log":
        start, end = math.log10(low), math.log10(high)
        if end - start < 1e-9:
            start, end = start - 0.3, end + 0.3
        # A twentieth of the span at most is left empty at either end.
        grain = 10.0 ** math.floor(math.log10(max(end - start, 0.1)) - 0.5)
        start, end = math.floor(start / grain) * grain, math.ceil(end / grain) * grain
        start, end = min(max(start, -307.0), 307.0), min(max(end, -306.0), 308.2)
        return Axis(min(10.0**start, low), max(10.0**end, high), "log")
    low, high = widened(low, high)
    ticks = nice_ticks(low, high, most)
    grain = (ticks[1] - ticks[0]) / 4 if len(ticks) > 1 else 0.0
    if not (0 < grain < math.inf and max(abs(low), abs(high)) / grain < 2**50):
        return Axis(low, high)
    # Tolerance: 0.30000000000000004 must not add a quarter of a step above 0.3.
    start = math.floor(low / grain + 1e-6) * grain
    end = math.ceil(high / grain - 1e-6) * grain
    return Axis(max(min(start, low), -_LARGEST), min(max(end, high), _LARGEST))
