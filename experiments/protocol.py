"""How trials are made comparable: what an experiment does besides training and testing."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

Role = Literal["comparison", "tuning"]
"""What a trial is for: to be compared, or to choose a learning rate by its validation."""


@dataclass(frozen=True)
class Protocol:
    """What is done by default, each of which can be switched off: `--set protocol.tune=false`."""

    match: Literal["parameters", "flops", "none"] = "parameters"
    """What all models have alike: widths that nobody gave are solved for it."""
    tune: bool = True
    """Whether each model's learning rate is chosen on the validation split first."""
    stop_early: bool = True
    """Whether a trial ends when validation says three times in a row that the task is solved."""
    lengths: bool = True
    """Whether longer sequences than those of training are tested, where the task has them."""
    causality: bool = True
    """Whether it is found out, before training, which inputs each output depends on."""
    margin: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    """The difference of the metric that does not matter: pairs are tested for being equivalent
    within it. 0 asks for no such test."""
