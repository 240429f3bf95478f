"""Confidence bands: which colours tint each eighth of a cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tui.widgets.axis import Axis
from tui.widgets.curve import Curve, Floats

EIGHTHS = 8
"""Rows per cell: a block character can be split at seven heights."""


def sample_band(curve: Curve, at: Floats) -> tuple[Floats, Floats]:
    """The edges of a curve's band at some positions, interpolated between its points.

    Returns:
        Lower and upper edge; NaN where there is no band.
    """
    missing = np.full(at.size, np.nan)
    low, high, x = curve.low, curve.high, curve.x
    if low is None or high is None or not x.size:
        return missing, missing
    right = np.searchsorted(x, at)
    left = np.maximum(right - 1, 0)
    np.minimum(right, x.size - 1, out=right)
    inside = (at >= x[0]) & (at <= x[-1])
    with np.errstate(all="ignore"):
        part = (at * 0.5 - x[left] * 0.5) / (x[right] * 0.5 - x[left] * 0.5)
        part = np.where(np.isfinite(part), part, 0.0)
        # Weights rather than a difference: the difference of two large numbers may overflow.
        edges = [
            np.where(inside, values[left] * (1 - part) + values[right] * part, np.nan)
            for values in (low, high)
        ]
    return edges[0], edges[1]


def band_range(curve: Curve, x_low: float, x_high: float) -> tuple[float, float] | None:
    """The finite range of a curve's band between two positions, or None."""
    if curve.low is None or curve.high is None:
        return None
    start = np.searchsorted(curve.x, x_low)
    stop = np.searchsorted(curve.x, x_high, side="right")
    low, high = curve.low[start:stop], curve.high[start:stop]
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    if not low.size or not high.size:
        return None
    return float(low.min()), float(high.max())


def band_tints(
    curves: Sequence[Curve], x_axis: Axis, y_axis: Axis, width: int, height: int
) -> NDArray[np.uint8]:
    """The bands of some curves as sets of colours.

    Args:
        curves: Curves whose bands are shown.
        x_axis: Linear axis over the cells.
        y_axis: Axis over the rows.
        width: Number of cells across.
        height: Number of cells down.

    Returns:
        Shape `(height, 8, width)`: bit `color % 8` is set where a band of that colour
        covers an eighth of a cell; rows count from the top.
    """
    rows = height * EIGHTHS
    tints = np.zeros((rows, width), np.uint8)
    shown = [curve for curve in curves if curve.low is not None and curve.high is not None]
    if not shown:
        return tints.reshape(height, EIGHTHS, width)
    edges = x_axis.edges(width)
    centres = edges[:-1] * 0.5 + edges[1:] * 0.5
    sampled = np.array([sample_band(curve, centres) for curve in shown])
    if y_axis.scale == "log":
        # Whatever reaches down to zero reaches past the bottom of a log axis.
        sampled = np.where(sampled <= 0, 5e-324, sampled)
    with np.errstate(invalid="ignore"):
        heights = np.clip(y_axis.position(sampled) * rows, -1, rows + 1)
        # A band thinner than an eighth is still drawn one eighth thick.
        middle = np.floor((heights[:, 0] + heights[:, 1]) * 0.5)
        start = np.minimum(np.round(heights[:, 0]), middle)
        stop = np.maximum(np.round(heights[:, 1]), middle + 1)
    row = np.arange(rows - 1, -1, -1)[:, None]
    for index, curve in enumerate(shown):
        covered = (row >= start[index]) & (row < stop[index])
        tints |= covered.astype(np.uint8) << np.uint8(curve.color % 8)
    return tints.reshape(height, EIGHTHS, width)
