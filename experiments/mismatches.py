"""How far the models of an experiment are from equal capacity."""

from __future__ import annotations

from experiments.capacity import Quantity, amount_of, is_close, reference
from experiments.config import ExperimentConfig
from experiments.models.cost import Cost

WORDS = {"parameters": "parameters", "flops": "training FLOPs for each sequence"}


def costs(config: ExperimentConfig) -> dict[str, Cost]:
    """What each model of an experiment costs, by label; those that say nothing are absent."""
    task = config.task.task
    known = {choice.label: choice.model.cost(task) for choice in config.models}
    return {label: cost for label, cost in known.items() if cost is not None}


def mismatches(config: ExperimentConfig) -> list[str]:
    """A sentence for each model that differs from the reference by more than 2 %.

    They differ in what the experiment matches; where it matches nothing, in their parameters. That
    training steps differ in time is not known here: see `pace`.
    """
    if config.protocol.match == "time":
        return []
    quantity: Quantity = "flops" if config.protocol.match == "flops" else "parameters"
    read = {label: amount_of(cost, quantity) for label, cost in costs(config).items()}
    amounts = {label: amount for label, amount in read.items() if amount}
    known = [choice for choice in config.models if choice.label in amounts]
    standard = reference([choice.model for choice in known])
    of_reference = next((c.label for c in known if c.model is standard), "")
    target = amounts.get(of_reference, 0)
    return [
        f"{label} has {amount:,} {WORDS[quantity]}, {100 * abs(amount - target) / target:.3g} % "
        f"{'more' if amount > target else 'fewer'} than {of_reference} with {target:,}"
        for label, amount in amounts.items()
        if not is_close(amount, target)
    ]
