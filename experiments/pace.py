"""Equal time: the widths at which a training step of every architecture takes as long.

No formula says how long a step takes, so that steps are measured: see `timing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from experiments.capacity import reference
from experiments.events import StepsTimed
from experiments.models.model import Model

if TYPE_CHECKING:
    from experiments.config import ExperimentConfig

TOLERANCE = 0.1
"""The difference from the reference, as a part of it, that still counts as equal."""
AIM = TOLERANCE / 2
"""The difference at which the search ends: the same network measured again differs, too."""
MOST_MEASURED = 6
"""Values of one width that are tried."""
WIDEST = 16
"""Times the width to begin with: a network far larger may not fit into memory."""
FOLLOWING = 0.25
"""The power of the width with which a step must become shorter for its time to follow the width."""
LONGEST_STRIDE = 4.0
"""By which a width grows or shrinks at most where nothing wider, or narrower, is known."""


def at_pace(model: Model, target: float, measure: Callable[[Model], float]) -> Model:
    """`model` at the widths, the coarsest first, at which a step takes nearest to `target`."""
    known: dict[Model, float] = {}

    def seconds(candidate: Model) -> float:
        if candidate not in known:
            known[candidate] = measure(candidate)
        return known[candidate]

    for name in model.widths:
        model = _at_best_width(model, name, target, seconds)
        if _distance(seconds(model), target) <= AIM:
            break
    return model


def nearest(measure: Callable[[int], float], target: float, start: int) -> int:
    """The number at which `measure` came nearest to `target`, after a few.

    Where it stays above `target`, as of a network whose steps are mostly overhead, the number
    below which it hardly falls: a network that learns nothing would be no faster either.

    `measure` grows, though not evenly, and may tremble. The numbers are from 1 to 16 times
    `start`, which is tried first; the others are where a power law through what is known would
    reach `target`.
    """
    known: dict[int, float] = {}
    low, high = 0, WIDEST * start + 1
    number = start
    # Between `low`, which is too fast, and `high`, which is too slow, where they are known.
    while low < number < high and len(known) < MOST_MEASURED:
        known[number] = seconds = measure(number)
        if _distance(seconds, target) <= AIM:
            break
        low, high = (number, high) if seconds < target else (low, number)
        number = min(max(round(_guess(known, low, high, target)), low + 1), high - 1)
    if is_too_slow(min(known.values()), target):
        return _last_that_helps(known)
    return min(known, key=lambda number: _distance(known[number], target))


def is_too_slow(seconds: float, target: float) -> bool:
    """Whether a step takes longer than what still counts as equal."""
    return seconds > (1 + TOLERANCE) * target


def differences(config: ExperimentConfig, timed: StepsTimed) -> list[str]:
    """A sentence for each model whose step took over 10 % more or less than the reference's."""
    standard = reference([choice.model for choice in config.models])
    of_reference = next(choice.label for choice in config.models if choice.model is standard)
    target = timed.seconds[of_reference]
    return [
        f"a training step of {label} took {1000 * seconds:.3g} ms, "
        f"{100 * abs(seconds - target) / target:.3g} % {'more' if seconds > target else 'less'} "
        f"than of {of_reference} with {1000 * target:.3g} ms"
        for label, seconds in timed.seconds.items()
        if abs(seconds - target) > TOLERANCE * target
    ]


def _at_best_width(
    model: Model, name: str, target: float, seconds: Callable[[Model], float]
) -> Model:
    step = model.width_step(name)

    def at(count: int) -> Model:
        return model.resized(name, count * step)

    start = max(1, getattr(model, name) // step)
    return at(nearest(lambda count: seconds(at(count)), target, start))


def _guess(known: dict[int, float], low: int, high: int, target: float) -> float:
    """Where to measure next, the last being at `low` or `high`."""
    numbers = [low, high] if low in known and high in known else list(known)[-2:]
    exponent = 1.0
    if len(numbers) == 2:
        (a, b), (c, d) = ((math.log(n), math.log(known[n])) for n in numbers)
        # Beyond what is known the curve bends, and two that tremble may even fall.
        exponent = max((d - b) / (c - a), FOLLOWING)
    number = numbers[-1]
    # 64: more than any width, and no overflow.
    stride = 2 ** min(max(math.log2(target / known[number]) / exponent, -64), 64)
    if len(numbers) < 2 or low not in known or high not in known:
        stride = min(max(stride, 1 / LONGEST_STRIDE), LONGEST_STRIDE)
    return number * stride


def _last_that_helps(known: dict[int, float]) -> int:
    """The number that is reached from the largest one while the measure follows."""
    numbers = sorted(known, reverse=True)
    for larger, smaller in pairwise(numbers):
        if math.log(known[larger] / known[smaller]) < FOLLOWING * math.log(larger / smaller):
            return larger
    return numbers[-1]


def _distance(seconds: float, target: float) -> float:
    return abs(math.log(seconds / target))
