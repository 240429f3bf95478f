"""How long and how a trial trains."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

Positive = Annotated[int, Meta(ge=1)]
# The upper bound keeps infinity out, which would make every gradient NaN.
PositiveReal = Annotated[float, Meta(gt=0, le=1e9)]


@dataclass(frozen=True)
class Budget:
    """The training budget of every trial of an experiment; the same for each model.

    A task carries the default that suits it; `--steps` and `--set budget.FIELD=VALUE` change it.
    """

    steps: Positive = 1000
    """Weight updates."""
    batch_size: Positive = 32
    """Sequences per update."""
    learning_rate: PositiveReal = 1e-3
    """Adam's learning rate."""
    clip_norm: PositiveReal = 1.0
    """Gradients are scaled down to this global norm."""
    evaluations: Positive = 25
    """How often the validation split is evaluated, evenly spaced, last after the last step."""

    def evaluation_steps(self) -> frozenset[int]:
        """The numbers of updates after which the validation split is evaluated."""
        count = min(self.evaluations, self.steps)
        return frozenset(round(self.steps * (i + 1) / count) for i in range(count))

    def record_every(self) -> int:
        """Updates between two training records: at most about 1,000 records a trial."""
        return max(1, self.steps // 1000)
