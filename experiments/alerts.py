"""What an experiment watches for while its trials train: the table `[alerts]` of its document."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, cast

from msgspec import Meta

Action = Literal["off", "notify", "checkpoint", "stop"]
"""What is done when a rule has found something: nothing, or it is told, and the trial may be asked
for a checkpoint or to stop as well."""
Share = Annotated[float, Meta(gt=0, le=1)]
Factor = Annotated[float, Meta(gt=1, le=1e9)]


@dataclass(frozen=True)
class Alerts:
    """What is done by each rule of `alert_rules`, and from when on: `--set alerts.nan=stop`."""

    nan: Action = "notify"
    """The loss, the gradient or a validation is not finite."""
    divergence: Action = "notify"
    """The training loss is far above where it began."""
    plateau: Action = "notify"
    """Neither the metric nor the loss on validation has become better for long, and the task is not
    solved."""
    stall: Action = "notify"
    """No record comes although training is not over."""
    memory: Action = "notify"
    """The machine's memory, or this container's, is nearly full. It is told of the trial that holds
    the most."""
    overfit: Action = "notify"
    """Validation loss rises while training loss falls."""
    divergence_factor: Factor = 3.0
    """How many times its first median the training loss must have reached, over 10 records each."""
    plateau_share: Share = 0.5
    """The part of the budget's steps without any of the two becoming better."""
    stall_factor: Factor = 30.0
    """How many times the longest pause between two records so far; a minute at least."""
    memory_share: Share = 0.95
    """The part of the memory that is in use."""
    overfit_factor: Factor = 2.0
    """How many times its best the validation loss must be, three times in a row."""

    def action(self, rule: str) -> Action:
        """What is done by a rule."""
        return cast(Action, getattr(self, rule))

    def changed(self) -> dict[str, Any]:
        """What is not as by default, as plain data."""
        usual = asdict(Alerts())
        return {key: value for key, value in asdict(self).items() if value != usual[key]}
