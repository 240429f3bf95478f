"""The updates of a trial, with validations along the way."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import psutil

from experiments.best_weights import BestWeights
from experiments.config import TrialConfig
from experiments.errors import DivergedError
from experiments.evaluation import evaluate, network_inputs
from experiments.events import Event, Measured, Solved
from experiments.listener import Listener
from experiments.solving import Streak
from experiments.tasks.task import Batch
from experiments.trial_data import TrialData

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Array

# A stop is heard, and a record seen, about so often where single steps are shorter.
BLOCK_SECONDS = 0.25
# Python is visited once for so many updates, and takes a few percent of what it would else.
MOST_UPDATES = 32


def next_size(size: int, seconds: float) -> int:
    """How many updates to make at a time, after so many took so long."""
    if seconds > BLOCK_SECONDS:
        return max(1, size // 2)
    return min(2 * size, MOST_UPDATES) if seconds < BLOCK_SECONDS / 2 else size


class Fit:
    """Trains the network of a trial, a few updates at a time."""

    def __init__(
        self,
        model: keras.Model,
        config: TrialConfig,
        data: TrialData,
        validation: Batch,
        record: Callable[[Event], None],
    ) -> None:
        from experiments.updates import updater  # as Keras 2-3 s

        task = config.task.task
        self.step = 0
        """Updates made."""
        self.best = BestWeights(task.metric)
        self._model, self._task, self._budget = model, task, config.budget
        self._data, self._validation, self._record = data, validation, record
        self._update = updater(model, MOST_UPDATES)
        self._size = 1
        self._window = _Window()
        self._streak = None if task.solved is None else Streak(task.metric, task.solved)
        # Learning rates are compared after the same number of updates.
        self._may_end_early = config.protocol.stop_early and config.role == "comparison"
        self._evaluation_steps = sorted(config.budget.evaluation_steps())
        self._process = psutil.Process()

    @property
    def is_done(self) -> bool:
        """Whether the budget is spent, or the task solved where that ends the training."""
        return self.step >= self._budget.steps or (self._may_end_early and self._is_solved)

    @property
    def _is_solved(self) -> bool:
        return self._streak is not None and self._streak.solved_at is not None

    def run(self, listener: Listener) -> bool:
        """Train to the end; False when stopped before. Raises `DivergedError`."""
        while not self.is_done:
            if listener.must_end():
                return False
            self._train()
            if self.step in self._evaluation_steps:
                self._validate()
        return True

    def _train(self) -> None:
        """Make some updates, none beyond a validation."""
        started = time.perf_counter()
        first = self.step + 1
        validation = self._evaluation_steps[bisect_left(self._evaluation_steps, first)]
        last = min(self.step + self._size, validation)
        batches = self._data.train_batches(first, last)
        losses, norms = self._update(
            [(network_inputs(self._task, batch), batch.targets) for batch in batches]
        )
        seconds = time.perf_counter() - started
        self._tell(losses, norms, seconds / len(batches))
        self._size = next_size(self._size, seconds)

    def _tell(self, losses: Sequence[float] | Array, norms: Array, step_seconds: float) -> None:
        """Record updates that were made; raises `DivergedError` where there is no loss."""
        learning_rate = float(self._model.optimizer.learning_rate)
        steps, every = self._budget.steps, self._budget.record_every()
        for loss, norm in zip(losses, norms, strict=True):
            self.step += 1
            self._window.add(float(loss), step_seconds)
            diverged = not math.isfinite(loss)
            # The first step stands alone, because it holds the compilation.
            if diverged or self.step in (1, steps) or self.step % every == 0:
                values = {
                    "train_loss": self._window.loss(),
                    "learning_rate": learning_rate,
                    "gradient_norm": float(norm),
                    "step_seconds": self._window.step_seconds(),
                    "memory_bytes": float(self._process.memory_info().rss),
                }
                self._record(Measured(step=self.step, values=values))
                self._window = _Window()
            if diverged:
                raise DivergedError(
                    f"the loss became {loss} at step {self.step}; a lower learning rate may help"
                )

    def _validate(self) -> None:
        values = evaluate(self._model, self._task, self._validation)
        self.best.offer(values, self._model)
        told = {f"validation_{key}": value for key, value in values.items()}
        self._record(Measured(step=self.step, values=told))
        if self._streak is not None and not self._is_solved:
            self._streak.add(self.step, values[self._task.metric.name])
            if self._streak.solved_at is not None:
                self._record(Solved(step=self._streak.solved_at))


class _Window:
    """The updates between two records."""

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._seconds: list[float] = []

    def add(self, loss: float, seconds: float) -> None:
        self._losses.append(loss)
        self._seconds.append(seconds)

    def loss(self) -> float:
        return math.fsum(self._losses) / len(self._losses)

    def step_seconds(self) -> float:
        return math.fsum(self._seconds) / len(self._seconds)
