"""What a line chart shows and which ranges its axes cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tui.widgets.axis import Axis, Scale, rounded, widened
from tui.widgets.band import band_range
from tui.widgets.curve import Curve, Points
from tui.widgets.glyphs import PlotMode
from tui.widgets.picture import Picture
from tui.widgets.raster import column_of

Integers = NDArray[np.int32]

WAITING = "waiting for the first measurement"
TUNING = "learning rates are tuned first"
NOTHING = "nothing was measured"

# A confidence interval of two seeds can be ten times wider than all curves together; bands
# may stretch the y axis by this share of the curves' own range, and are cut off beyond.
_BAND_STRETCH = 0.5


@dataclass(frozen=True, eq=False)
class Chart:
    """What to draw.

    Args:
        curves: The curves, most important first.
        title: Heading.
        x_label: What the x axis counts.
        y_scale: Linear or log.
        x_limits: Range of the x axis; None for that of the data.
        y_limits: Range of the y axis; None for that of the data in view.
        mode: Which characters to draw with.
        highlight: Key of the curves that lie on top; the others are muted.
        dashed: Whether every series gets its own dash pattern, for screens without colour.
        legend: Whether to name the curves in a row of their own when they fit nowhere else.
        placeholder: What to say while there is nothing to draw.
        x_rule: Where an upright line stands, and what it stands for.
    """

    curves: Sequence[Curve] = ()
    title: str = ""
    x_label: str = ""
    y_scale: Scale = "linear"
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None
    mode: PlotMode = "braille"
    highlight: str | None = None
    dashed: bool = False
    legend: bool = True
    placeholder: str = WAITING
    x_rule: tuple[float, str] | None = None

    @cached_property
    def front(self) -> list[bool]:
        """Whether each curve is highlighted; all False where none is."""
        return [
            self.highlight is not None and curve.key == self.highlight and not curve.thin
            for curve in self.curves
        ]

    @cached_property
    def ranks(self) -> list[int]:
        """Whose cells those are that several curves touch: the higher, the sooner."""
        return [
            2 if front else 0 if curve.thin else 1
            for curve, front in zip(self.curves, self.front, strict=True)
        ]

    @cached_property
    def muted(self) -> list[bool]:
        """Whether each curve stands back behind a highlighted one, or behind its mean."""
        some = any(self.front)
        return [
            curve.thin or (some and not front)
            for curve, front in zip(self.curves, self.front, strict=True)
        ]

    @cached_property
    def named(self) -> list[Curve]:
        """The curves that stand for themselves."""
        return [curve for curve in self.curves if not curve.thin]

    @cached_property
    def banded(self) -> list[Curve]:
        """The curves whose bands are shown: with a highlight, only its own."""
        return [curve for curve, muted in zip(self.curves, self.muted, strict=True) if not muted]


@dataclass(frozen=True)
class Frame:
    """Where the curves are drawn: cells of the picture and the axes over them."""

    left: int
    top: int
    width: int
    height: int
    x_axis: Axis
    y_axis: Axis

    @property
    def right(self) -> int:
        """The column after the last."""
        return self.left + self.width

    def window(self, picture: Picture) -> tuple[NDArray[np.uint32], Integers, Integers]:
        """Views of the glyphs, inks and tints of the cells in the frame."""
        cells = (slice(self.top, self.top + self.height), slice(self.left, self.right))
        return picture.glyph[cells], picture.ink[cells], picture.tint[cells]

    def x_at(self, column: int) -> float:
        """The x value at the middle of a column of the picture."""
        return self.x_axis.value(min(max((column - self.left + 0.5) / self.width, 0.0), 1.0))

    def column_at(self, x: float) -> int | None:
        """The column of the picture that shows an x value, or None out of view."""
        if not self.x_axis.low <= x <= self.x_axis.high:
            return None
        return self.left + int(column_of(np.array([x]), self.x_axis, self.width)[0])


def data_x_range(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """The x range of all points, or None without any."""
    ends = [(curve.x[0], curve.x[-1]) for curve in curves if curve.x.size]
    if not ends:
        return None
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


def data_y_range(
    chart: Chart, points: Sequence[Points], x_axis: Axis
) -> tuple[float, float] | None:
    """The values in view, or None where there are none."""
    found = []
    for shown in points:
        if shown.y_range is None or shown.x[0] > x_axis.high or shown.x[-1] < x_axis.low:
            continue
        if shown.x[0] >= x_axis.low and shown.x[-1] <= x_axis.high:
            found.append(shown.y_range)
            continue
        # One point more on either side: the line enters and leaves the view.
        start = max(int(np.searchsorted(shown.x, x_axis.low)) - 1, 0)
        stop = int(np.searchsorted(shown.x, x_axis.high, side="right")) + 1
        visible = shown.y[start:stop]
        found.append((float(visible.min()), float(visible.max())))
    if not found:
        return None
    low, high = min(low for low, _ in found), max(high for _, high in found)
    bands = [
        band
        for curve in chart.banded
        if (band := band_range(curve, x_axis.low, x_axis.high)) is not None
    ]
    if bands and chart.y_scale == "linear":
        room = (high / 2 - low / 2) * 2 * _BAND_STRETCH
        low = max(min(low, *(band[0] for band in bands)), low - room)
        high = min(max(high, *(band[1] for band in bands)), high + room)
    elif bands:
        room_factor = (high / low) ** _BAND_STRETCH if high / low < 1e300 else 1.0
        low = max(min(low, *(band[0] for band in bands)), low / room_factor, 5e-324)
        high = min(max(high, *(band[1] for band in bands)), high * room_factor)
    return low, high


def y_axis_for(chart: Chart, y_range: tuple[float, float] | None, most: int) -> Axis:
    """The y axis of a chart whose values span `y_range`, with about `most` ticks."""
    if chart.y_limits is not None and (chart.y_scale == "linear" or chart.y_limits[0] > 0):
        return Axis(*widened(*chart.y_limits), chart.y_scale)
    if y_range is None:
        return Axis(0.0, 1.0)
    return rounded(*y_range, chart.y_scale, most)
