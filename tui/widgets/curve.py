"""What a plot draws: named arrays of points."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Points:
    """The drawable points of a curve, and where the others lie.

    Attributes:
        x: Positions, never decreasing.
        y: Finite values, as long as `x`.
        gap_after: True where the line is broken after a point; None where it never is.
        above: Positions of NaN and +inf, which are marked at the top edge.
        below: Positions of -inf, which are marked at the bottom edge.
        non_positive: Positions of values that a log axis cannot show.
    """

    x: Floats
    y: Floats
    gap_after: Bools | None = None
    above: Floats = field(default_factory=lambda: np.empty(0))
    below: Floats = field(default_factory=lambda: np.empty(0))
    non_positive: Floats = field(default_factory=lambda: np.empty(0))

    @cached_property
    def y_range(self) -> tuple[float, float] | None:
        """Smallest and largest value, or None without a point."""
        if not self.y.size:
            return None
        return float(self.y.min()), float(self.y.max())

    def without(self, hidden: Bools, non_positive: Bools) -> Points:
        """The same points, `hidden` ones broken out of the line."""
        kept = np.flatnonzero(~hidden)
        broken = np.ones(kept.size, np.bool_)
        broken[:-1] = np.diff(kept) > 1
        if self.gap_after is not None:
            broken |= self.gap_after[kept]
        bad = hidden & ~non_positive
        return Points(
            self.x[kept],
            self.y[kept],
            broken,
            np.append(self.above, self.x[bad & ~(self.y < 0)]),
            np.append(self.below, self.x[bad & (self.y < 0)]),
            self.x[non_positive],
        )


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a plot.

    The arrays must not be written to afterwards: a plot draws a curve again only when it
    is given another `Curve` object. Points are sorted by `x`; points whose `x` is not
    finite have no place and are only counted, in `unplaced`.

    Args:
        label: Name in the legend.
        key: What `LinePlot.highlight` names; several curves may share one.
        x: Positions.
        y: Values; NaN and infinity break the line and are marked.
        color: Palette index; it also picks the letter, the end marker and the dashes.
        low: Lower edge of the confidence band, or None.
        high: Upper edge of the confidence band, or None.
        finished: Whether nothing more will come; running curves end in a hollow marker.
        counts: Over how many seeds each value is a mean, or None.
        marks: Positions at which a seed had no finite value, though the mean of others has one;
            they are marked as those of the curve's own are.
        thin: Whether it stands behind the others, muted and without name and marker, as single
            seeds do behind their mean.

    Raises:
        ValueError: If the arrays are not one-dimensional and equally long.
    """

    label: str
    key: str
    x: Floats
    y: Floats
    color: int = 0
    low: Floats | None = None
    high: Floats | None = None
    finished: bool = False
    counts: Integers | None = None
    marks: Floats = field(default_factory=lambda: np.empty(0))
    thin: bool = False
    unplaced: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        arrays = {
            name: np.asarray(value, np.int64 if name == "counts" else np.float64)
            for name in ("x", "y", "low", "high", "counts")
            if (value := getattr(self, name)) is not None
        }
        shapes = {name: array.shape for name, array in arrays.items()}
        if arrays["x"].ndim != 1 or len(set(shapes.values())) != 1:
            raise ValueError(
                "x, y, low, high and counts must be one-dimensional and equally long. "
                f"Received: {', '.join(f'{name}.shape={shape}' for name, shape in shapes.items())}"
            )
        x = arrays["x"]
        ordered = not x.size or bool(
            np.isfinite(x[0]) and np.isfinite(x[-1]) and np.all(x[1:] >= x[:-1])
        )
        unplaced = 0
        if not ordered:
            placed = np.flatnonzero(np.isfinite(x))
            unplaced = x.size - placed.size
            placed = placed[np.argsort(x[placed], kind="stable")]
            arrays = {name: array[placed] for name, array in arrays.items()}
        for name, array in arrays.items():
            object.__setattr__(self, name, array)
        object.__setattr__(self, "unplaced", unplaced)

    @cached_property
    def finite(self) -> Points:
        """The points with a finite value."""
        good = np.isfinite(self.y)
        points = Points(self.x, self.y, above=self.marks)
        return points if good.all() else points.without(~good, np.zeros_like(good))

    @cached_property
    def positive(self) -> Points:
        """The points that a log axis can show."""
        finite = self.finite
        if finite.y_range is None or finite.y_range[0] > 0:
            return finite
        not_shown = finite.y <= 0
        return finite.without(not_shown, not_shown)

    def points(self, log: bool) -> Points:
        """The drawable points on a linear or a log axis."""
        return self.positive if log else self.finite
