"""When a task is solved: its metric reaches the agreed threshold on validation, and stays there."""

from __future__ import annotations

from experiments.tasks.task import Metric

IN_A_ROW = 3
"""Evaluations that must reach the threshold one after the other: one alone may be luck."""


class Streak:
    """Watches a validation metric, one evaluation after the other.

    >>> from experiments.tasks.task import Metric
    >>> streak = Streak(Metric("mse", higher_is_better=False), threshold=0.001)
    >>> [streak.add(step, mse) for step, mse in ((10, 0.5), (20, 0.0009), (30, 0.0005))]
    [False, False, False]
    >>> streak.add(40, 0.0008), streak.solved_at
    (True, 20)
    """

    def __init__(self, metric: Metric, threshold: float) -> None:
        self.solved_at: int | None = None
        """The step of the first of the evaluations in a row, once there are enough."""
        self._metric = metric
        self._threshold = threshold
        self.steps: list[int] = []
        """Those of the newest evaluations in a row that reached it."""

    def add(self, step: int, value: float) -> bool:
        """Whether the task is solved, now that the metric is `value` after `step` updates.

        A value at the threshold reaches it, NaN never does. What was solved once stays solved,
        whatever comes later.
        """
        if self.solved_at is None:
            reached = not self._metric.better(self._threshold, value)
            self.steps = [*self.steps, step] if reached else []
            if len(self.steps) == IN_A_ROW:
                self.solved_at = self.steps[0]
        return self.solved_at is not None
