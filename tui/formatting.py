"""Numbers as people read them; the same in tables, plots and the dashboard."""

import math

from experiments.stats import Interval

UNKNOWN = "-"
LEAST_P = 0.001
"""Smaller p-values say no more to a person; JSON has them whole."""


def number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits; `-` when it is unknown."""
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits - 1}e}"
    # A fixed number of decimals keeps accuracies under one another.
    decimals = (
        max(0, digits - 1 - math.floor(math.log10(abs(value)))) if abs(value) >= 1 else digits
    )
    return f"{value:.{decimals}f}"


def probability(value: float) -> str:
    """A p-value to three decimals, with `<0.001` for less; `-` when it is unknown."""
    return f"<{LEAST_P}" if value < LEAST_P else number(value)


def bounds(interval: Interval) -> str:
    """The interval's bounds, or what is missing for one."""
    if interval.n < 2:
        return "one seed" if interval.n else UNKNOWN
    return f"[{number(interval.low)}, {number(interval.high)}]"


def mean_and_bounds(interval: Interval) -> str:
    """`0.5 [0.4, 0.6]`, or the mean alone where the seeds are too few for more."""
    known = not math.isnan(interval.low)
    return number(interval.mean) + (f" {bounds(interval)}" if known else "")


def signed(interval: Interval) -> str:
    """`+0.021 ±0.017`, to the digits of its half-width; the mean alone where that is unknown."""
    half = number(interval.half_width)
    if half == UNKNOWN or "e" in half or not math.isfinite(interval.mean):
        said = number(interval.mean)
        said = f"+{said}" if interval.mean > 0 else said
        return said if half == UNKNOWN else f"{said} ±{half}"
    decimals = len(half.partition(".")[2])
    return f"{interval.mean:+.{decimals}f} ±{half}"


def quantity(value: float | None) -> str:
    """A large whole number, shortened: `950`, `12.3 k`, `4.56 M`, `7.89 G`."""
    if value is None:
        return UNKNOWN
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{number(value / size)} {unit}"
    return f"{value:.0f}"


def count(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return UNKNOWN if value is None else f"{value:,}"


def milliseconds(seconds: float) -> str:
    """A short time."""
    return UNKNOWN if math.isnan(seconds) else f"{number(seconds * 1000)} ms"


def duration(seconds: float) -> str:
    """A time as `m:ss` or `h:mm:ss`; `-` when it is unknown."""
    if math.isnan(seconds):
        return UNKNOWN
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
