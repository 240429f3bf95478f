"""How trials are made comparable: what an experiment does besides training and testing."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta

from experiments.budget import Budget
from experiments.errors import RequestError

Role = Literal["comparison", "tuning"]
"""What a trial is for: to be compared, or to choose a learning rate by its validation."""

HIGHEST_RATE = 1e9
"""What a budget takes as a learning rate."""


@dataclass(frozen=True)
class Protocol:
    """What is done by default, each of which can be switched off: `--set protocol.tune=false`."""

    match: Literal["parameters", "flops", "time", "none"] = "parameters"
    """What all models have alike: widths that nobody gave are solved for it."""
    tune: bool = True
    """Whether each model's learning rate is chosen on the validation split first."""
    prune: bool = False
    """Whether learning rates that fall behind meanwhile are given up early: see `pruning`."""
    stop_early: bool = True
    """Whether a trial ends when validation says three times in a row that the task is solved."""
    lengths: bool = True
    """Whether longer sequences than those of training are tested, where the task has them."""
    causality: bool = True
    """Whether it is found out, before training, which inputs each output depends on."""
    record: bool = True
    """Whether it is recorded along the way what the networks do inside: see `recorders`."""
    margin: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    """The difference of the metric that does not matter: pairs are tested for being equivalent
    within it. 0 asks for no such test."""
    rate_factors: tuple[Annotated[float, Meta(gt=0, le=1000)], ...] = (0.1, 10**-0.5, 1.0, 10**0.5)
    """The learning rates to choose from, the same for every model, by the budget's own rate."""
    tuning_share: Annotated[float, Meta(gt=0, le=1)] = 0.4
    """The part of the budget's steps that a learning rate is tried for."""

    def rates(self, budget: Budget) -> tuple[float, ...]:
        """The learning rates to choose from, to three digits, so that they are what is shown."""
        return tuple(float(f"{factor * budget.learning_rate:.3g}") for factor in self.rate_factors)

    def tuning_budget(self, budget: Budget, rate: float) -> Budget:
        """What a learning rate is tried with: fewer steps, evaluated as often per step."""
        return replace(
            budget,
            learning_rate=rate,
            steps=max(1, round(self.tuning_share * budget.steps)),
            evaluations=max(1, round(self.tuning_share * budget.evaluations)),
        )

    def check(self, budget: Budget) -> None:
        """Raise `RequestError` where the learning rates of `budget` cannot be tuned."""
        if not self.tune:
            if self.prune:
                raise RequestError(
                    "protocol.prune: only trials that tune are pruned, and protocol.tune=false "
                    "leaves none. Switch one of the two the other way."
                )
            return
        rates = self.rates(budget)
        if not all(0 < rate <= HIGHEST_RATE for rate in rates):
            raise RequestError(
                f"protocol.rate_factors: expected learning rates above 0, up to {HIGHEST_RATE:g}. "
                f"Received: factors {list(self.rate_factors)} of {budget.learning_rate:g}. "
                "Choose another budget.learning_rate, or protocol.tune=false."
            )
        if len(rates) < 2 or any(a >= b for a, b in pairwise(rates)):
            raise RequestError(
                "protocol.rate_factors: expected at least two, each larger than the one before by "
                f"1 % or more. Received: {list(self.rate_factors)}."
            )


NO_PROTOCOL = Protocol(
    match="none", tune=False, stop_early=False, lengths=False, causality=False, record=False
)
"""Training and testing alone."""
