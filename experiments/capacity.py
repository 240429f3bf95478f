"""Equal capacity: the widths at which different architectures have as much to learn with.

Without it a comparison says which network is larger as much as which one is better.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from experiments.errors import RequestError
from experiments.models.cost import Cost
from experiments.models.model import Model
from experiments.tasks.task import Task

REFERENCE = "lstm"
"""The model whose capacity the others are given where it is among them; else the first one."""
TOLERANCE = 0.02
"""The difference from the reference, as a part of it, that still counts as equal."""
WIDEST = 2**62
"""Far beyond any network: a search that gets there has a cost that does not grow."""

Quantity = Literal["parameters", "flops"]


def matched(
    task: Task, models: Sequence[Model], given: Sequence[Collection[str]], quantity: Quantity
) -> list[Model]:
    """The models at the widths at which each has as much of `quantity` as the reference.

    A model stays as it is when one of its widths is among the settings `given` for it, when it
    declares none, or when it does not say what it costs. Where no width is within 2 %, the
    nearest is taken.
    """
    known = [model for model in models if amount_of(model.cost(task), quantity)]
    standard = reference(known)
    if standard is None:
        return list(models)
    goal = _Goal(task, quantity, amount_of(standard.cost(task), quantity))
    return [
        _resized(model, goal)
        if model in known and model is not standard and kept.isdisjoint(model.widths)
        else model
        for model, kept in zip(models, map(set, given), strict=True)
    ]


@dataclass(frozen=True)
class _Goal:
    """How much of what the models shall have."""

    task: Task
    quantity: Quantity
    target: int

    def amount(self, model: Model) -> int:
        """How much a model has."""
        return amount_of(model.cost(self.task), self.quantity)


def reference(models: Sequence[Model]) -> Model | None:
    """The model that the others are matched to; `None` where there is none."""
    named = (model for model in models if model.name == REFERENCE)
    return next(named, models[0] if models else None)


def _resized(model: Model, goal: _Goal) -> Model:
    """`model` at its best widths, the coarsest first."""
    for name in model.widths:
        model = _at_best_width(model, name, goal)
        if is_close(goal.amount(model), goal.target):
            break
    return model


def _at_best_width(model: Model, name: str, goal: _Goal) -> Model:
    step = model.width_step(name)

    def at(count: int) -> Model:
        return model.resized(name, count * step)

    count = _nearest(lambda count: goal.amount(at(count)), goal.target)
    if count is None:
        raise RequestError(
            f"{model.name}: its capacity cannot be matched, because what it says it costs does not "
            f"grow with {name}. Give it a width, or switch matching off: --match none."
        )
    return at(count)


def _nearest(amount: Callable[[int], int], target: int) -> int | None:
    """The number from 1 on at which `amount`, which grows, is nearest to `target`."""
    high = 1
    while amount(high) < target:
        high *= 2
        if high > WIDEST:
            return None
    above = bisect_left(range(high + 1), target, lo=1, hi=high, key=amount)
    below = max(1, above - 1)
    return below if target - amount(below) <= amount(above) - target else above


def amount_of(cost: Cost | None, quantity: Quantity) -> int:
    """How much is said; 0 where nothing is."""
    if cost is None:
        return 0
    return cost.num_parameters if quantity == "parameters" else cost.flops


def is_close(amount: int, target: int) -> bool:
    """Whether the difference counts as none."""
    return abs(amount - target) <= TOLERANCE * target
