"""Confidence bands: which colours tint each eighth of a cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui.widgets.axis import Axis
from tui.widgets.curve import Curve, Floats

Bytes = NDArray[np.uint8]

EIGHTHS = 8
"""Rows per cell: a block character can be split at seven heights."""

# In cells.
_THINNEST = 0.5


def sample_band(curve: Curve, at: Floats) -> tuple[Floats, Floats]:
    """The edges of a curve's band at some positions, interpolated between its points.

    Returns:
        Lower and upper edge; NaN where there is no band.
    """
    low, high, x = curve.low, curve.high, curve.x
    if low is None or high is None or not x.size:
        missing = np.full(at.size, np.nan)
        return missing, missing
    right = x.searchsorted(at)
    left = np.maximum(right - 1, 0)
    np.minimum(right, x.size - 1, out=right)
    start = x[left] * 0.5
    with np.errstate(all="ignore"):
        part = (at * 0.5 - start) / (x[right] * 0.5 - start)
        part[left == right] = 0.0
        # NaN keeps the band within the curve.
        part[(at < x[0]) | (at > x[-1])] = np.nan
        rest = 1 - part
        # Weights rather than a difference: the difference of two large numbers may overflow.
        return low[left] * rest + low[right] * part, high[left] * rest + high[right] * part


def band_range(curve: Curve, x_low: float, x_high: float) -> tuple[float, float] | None:
    """The finite range of a curve's band between two positions, or None."""
    if curve.low is None or curve.high is None:
        return None
    start = np.searchsorted(curve.x, x_low)
    stop = np.searchsorted(curve.x, x_high, side="right")
    low, high = curve.low[start:stop], curve.high[start:stop]
    if low.size and math.isfinite(least := low.min()) and math.isfinite(most := high.max()):
        return float(least), float(most)
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    if not low.size or not high.size:
        return None
    return float(low.min()), float(high.max())


@dataclass(frozen=True)
class Tints:
    """The bands of some curves as sets of colours: bit `color % 8` is set where one is.

    Attributes:
        cells: Which bands tint a whole cell, shape `(height, width)`.
        eighths: Which bands cover each eighth of a cell, shape `(height, 8, width)`.
    """

    cells: Bytes
    eighths: Bytes


def band_tints(
    curves: Sequence[Curve], x_axis: Axis, y_axis: Axis, width: int, height: int
) -> Tints | None:
    """Cut bands into cells; rows count from the top.

    Args:
        curves: Curves whose bands are shown.
        x_axis: Linear axis over the cells.
        y_axis: Axis over the rows.
        width: Number of cells across.
        height: Number of cells down.

    Returns:
        The tints, or None where no curve has a band.
    """
    shown = [curve for curve in curves if curve.low is not None and curve.high is not None]
    if not shown:
        return None
    edges = x_axis.edges(width)
    centres = edges[:-1] * 0.5 + edges[1:] * 0.5
    sampled = np.array([sample_band(curve, centres) for curve in shown])
    if y_axis.scale == "log":
        # Whatever reaches down to zero reaches past the bottom of a log axis.
        sampled = np.where(sampled <= 0, 5e-324, sampled)
    with np.errstate(over="ignore"):
        heights = np.clip(y_axis.position(sampled) * height, -1, height + 1)
    # A line hides what is thinner; tinting it would come and go with the rounding.
    heights[:, 0][~(heights[:, 1] - heights[:, 0] >= _THINNEST)] = np.nan
    colors = [curve.color % 8 for curve in shown]
    fine = _cover(heights * EIGHTHS, colors, height * EIGHTHS)
    return Tints(_cover(heights, colors, height), fine.reshape(height, EIGHTHS, width))


def _cover(heights: Floats, colors: Sequence[int], rows: int) -> Bytes:
    """Sets of colours per row: where a band covers most of it, or has its middle there."""
    tints = np.zeros((rows, heights.shape[-1]), np.uint8)
    middle = np.floor((heights[:, 0] + heights[:, 1]) * 0.5)
    start = np.minimum(np.round(heights[:, 0]), middle)
    stop = np.maximum(np.round(heights[:, 1]), middle + 1)
    missing = np.isnan(start) | np.isnan(stop)
    start[missing], stop[missing] = rows, 0
    # Small integers are compared several times faster.
    first, last = start.astype(np.int16), stop.astype(np.int16)
    row = np.arange(rows - 1, -1, -1, dtype=np.int16)[:, None]
    for index, color in enumerate(colors):
        covered = (row >= first[index]) & (row < last[index])
        tints |= covered.view(np.uint8) << np.uint8(color)
    return tints
