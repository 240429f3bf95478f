"""A forest plot in a line of text: the interval, its mean, and a dot for every seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from experiments.leaderboard import Row, Standing
from experiments.stats import Interval
from tui.formatting import number

Span = tuple[float, float]


def dots(row: Row) -> tuple[float, ...]:
    """The value of each seed."""
    return tuple(row.seeds.values()) if isinstance(row, Standing) else row.values


def span(rows: Iterable[Row]) -> Span:
    """The range that holds every interval and every seed of the models.

    Null baselines are drawn where they lie within; a far one must not squeeze the models.
    """
    ends = [
        value
        for row in rows
        if isinstance(row, Standing)
        for value in (row.interval.low, row.interval.mean, row.interval.high, *dots(row))
        if math.isfinite(value)
    ]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def scale(span: Span, width: int) -> str:
    """What the ends of the line stand for."""
    low, high = number(span[0]), number(span[1])
    return f"{low}{high.rjust(width - len(low))}"


def drawing(interval: Interval, values: Sequence[float], span: Span, width: int) -> str:
    """The interval as `├──┼──┤` with its seeds as `●` on a line that covers `span`.

    Nothing where the mean is unknown or beyond the line.
    """
    low, high = span

    def column(value: float) -> int:
        part = (value - low) / (high - low) if high > low else 0.5
        return round(part * (width - 1))

    if not math.isfinite(interval.mean) or not low <= interval.mean <= high:
        return ""
    cells = [" "] * width
    if math.isfinite(interval.low):
        start, stop = column(max(interval.low, low)), column(min(interval.high, high))
        cells[start : stop + 1] = "─" * (stop - start + 1)
        cells[start], cells[stop] = "├", "┤"
    cells[column(interval.mean)] = "┼"
    for value in values:
        if low <= value <= high:
            cells[column(value)] = "●"
    return "".join(cells)
