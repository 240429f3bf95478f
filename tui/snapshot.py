"""What the screens of an experiment draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from experiments.leaderboard import Leaderboard
from experiments.read_model import ExperimentView
from experiments.store import ExperimentFolder
from tui.compared import Compared
from tui.widgets.curve import Curve
from tui.widgets.model_curves import CurveRequest


@dataclass(frozen=True, eq=False)
class Snapshot:
    """An experiment at one moment, with all that its screens draw."""

    folder: ExperimentFolder
    view: ExperimentView
    board: Leaderboard
    curves: Mapping[str, tuple[Curve, ...]]
    """By measurement, those of each model."""
    request: CurveRequest = field(default_factory=CurveRequest)
    """What was asked for when they were made."""
    compared: Compared | None = None
    """The answer to a question, where one was asked."""

    @property
    def metric_key(self) -> str:
        """The validation measurement of the task's metric."""
        return f"validation_{self.view.config.task.task.metric.name}"
