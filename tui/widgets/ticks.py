"""Round numbers for axes."""

from __future__ import annotations

import math
from functools import lru_cache

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def _times_power_of_ten(value: int, exponent: int) -> float:
    # Integer arithmetic rounds once, so that 3 * 10**-1 is 0.3 and not 0.30000000000000004.
    try:
        return float(value * 10**exponent) if exponent >= 0 else value / 10**-exponent
    except OverflowError:
        return math.copysign(math.inf, value)


def nice_step(span: float, parts: float) -> tuple[int, int]:
    """The smallest step 1, 2 or 5 times a power of ten that divides `span` into at most `parts`.

    Args:
        span: Length of the range, positive.
        parts: Largest number of steps that may fit into it.

    Returns:
        Mantissa and exponent: the step is `mantissa * 10**exponent`.
    """
    raw = min(span / parts, 1.7e308)
    if raw < 1e-320:  # fewer bits than a step of 1, 2 or 5 needs
        return 1, -320
    exponent = math.floor(math.log10(raw))
    for mantissa in (1, 2, 5):
        if _times_power_of_ten(mantissa, exponent) >= raw * (1 - 1e-9):
            return mantissa, exponent
    return 1, exponent + 1


@lru_cache(maxsize=256)
def nice_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Multiples of a nice step inside a range.

    Args:
        low: Start of the range.
        high: End of the range, larger than `low`.
        most: Largest number of steps between ticks.

    Returns:
        Strictly increasing ticks, less than a step away from both ends. Where the range is
        too narrow for its magnitude to hold two ticks, its ends.

    Raises:
        ValueError: If the range is empty or not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"Ticks need a finite range with low < high. Received: {low=}, {high=}")
    halves = high / 2 - low / 2  # high - low may overflow
    mantissa, exponent = nice_step(halves, max(most, 1) / 2)
    step = _times_power_of_ten(mantissa, exponent)
    if not (0 < step < math.inf and abs(low / step) < 2**52 and abs(high / step) < 2**52):
        return low, high
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    ticks = [
        tick
        for index in range(first, last + 1)
        if math.isfinite(tick := _times_power_of_ten(index * mantissa, exponent))
    ]
    return tuple(sorted(set(ticks))) if ticks else (low, high)


@lru_cache(maxsize=256)
def log_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Powers of ten inside a range, with their 2 and 5 times where there is room.

    Args:
        low: Start of the range, positive.
        high: End of the range, larger than `low`.
        most: Largest number of steps between ticks.

    Returns:
        Strictly increasing ticks.

    Raises:
        ValueError: If the range is empty, not finite or not positive.
    """
    if not (0 < low < high < math.inf):
        raise ValueError(f"Log ticks need 0 < low < high < inf. Received: {low=}, {high=}")
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, math.ceil((last - first) / max(most, 1)))
    for mantissas in ((1, 2, 5), (1,)):
        ticks = [
            tick
            for exponent in range(first - first % stride, last + 1, stride)
            for mantissa in mantissas
            if low * (1 - 1e-9)
            <= (tick := _times_power_of_ten(mantissa, exponent))
            <= high * (1 + 1e-9)
            and tick > 0
        ]
        if len(ticks) <= most + 1 and (stride == 1 or mantissas == (1,)):
            break
    # Less than a decade may hold no power of ten: then multiples of a step do.
    parts = most
    while len(ticks) < 2:
        parts += 1
        ticks = [tick for tick in nice_ticks(low, high, parts) if tick > 0]
    return tuple(ticks)


def format_number(value: float, digits: int = 4) -> str:
    """A compact number of about `digits` significant digits: `0.001 10k 1.5M 1e-05 nan`."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e15 or size < 1e-4:
        mantissa, _, exponent = f"{value:.{max(digits - 2, 0)}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{exponent.removeprefix('+')}"
    for unit, suffix in _UNITS:
        if size >= unit:
            return f"{_plain(value / unit, digits)}{suffix}"
    return _plain(value, digits)


def _plain(value: float, digits: int) -> str:
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@lru_cache(maxsize=256)
def format_ticks(ticks: tuple[float, ...]) -> tuple[str, ...]:
    """Labels of an axis: as short as they can be while different ticks differ."""
    for digits in range(3, 18):
        labels = [format_number(tick, digits) for tick in ticks]
        exact = all(
            math.isclose(_parse(label), tick, rel_tol=1e-9, abs_tol=0)
            for label, tick in zip(labels, ticks, strict=True)
        )
        if exact:
            break
    return tuple(labels)


def _parse(label: str) -> float:
    scale = {suffix: unit for unit, suffix in _UNITS}.get(label[-1], 1.0)
    return float(label[:-1] if scale != 1.0 else label) * scale
