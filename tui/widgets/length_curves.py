"""Curves over the length of the sequences: one per model, over its seeds."""

from __future__ import annotations

import numpy as np

from experiments.by_length import ByLength
from tui.widgets.curve import Curve


def length_curves(found: ByLength) -> tuple[Curve, ...]:
    """The metric at the middle of each bin of lengths, with its 95 % interval as a band."""
    x = np.array([(part.low + part.high) / 2 for part in found.bins])
    curves = []
    for color, (model, intervals) in enumerate(found.intervals.items()):
        known = [i for i, interval in enumerate(intervals) if interval.n]
        if not known:
            continue
        low, mean, high = (
            np.array([getattr(intervals[i], name) for i in known])
            for name in ("low", "mean", "high")
        )
        curves.append(Curve(model, model, x[known], mean, color, low, high, finished=True))
    return tuple(curves)


def longest_in_training(found: ByLength) -> tuple[float, str] | None:
    """Where what lies beyond training begins, for `LinePlot.x_rule`; None where nothing does."""
    trained = [part.high for part in found.bins if not part.is_extrapolation]
    is_beyond = any(part.is_extrapolation for part in found.bins)
    return (float(max(trained)), "longer than in training") if trained and is_beyond else None
