"""The updates of a trial, with validations along the way."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from experiments.best_weights import BestWeights
from experiments.checkpoint import Checkpoint, CheckpointFile
from experiments.config import TrialConfig
from experiments.control import Request
from experiments.errors import DivergedError, StoreError
from experiments.evaluation import evaluate, network_inputs
from experiments.events import Event, Measured, RateChanged, Solved
from experiments.listener import Listener
from experiments.random_state import random_state, set_random_state
from experiments.recorders.observer import Observer
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
        observer: Observer | None = None,
    ) -> None:
        from experiments.updates import updater  # as Keras 2-3 s

        task = config.task.task
        self.step = 0
        """Updates made."""
        self.best = BestWeights(task.metric)
        self._model, self._task, self._budget = model, task, config.budget
        self._data, self._validation, self._record = data, validation, record
        self._observer = observer
        self._seconds = 0.0
        self._update = updater(model, MOST_UPDATES)
        self._size = 1
        self._window = _Window()
        self._streak = None if task.solved is None else Streak(task.metric, task.solved)
        # Learning rates are compared after the same number of updates.
        self._may_end_early = config.protocol.stop_early and config.role == "comparison"
        self._evaluation_steps = sorted(config.budget.evaluation_steps())
        self._process = psutil.Process()
        self._rate = config.budget.learning_rate
        self._checkpoints_asked = 0

    @property
    def is_done(self) -> bool:
        """Whether the budget is spent, or the task solved where that ends the training."""
        return self.step >= self._budget.steps or (self._may_end_early and self._is_solved)

    @property
    def _is_solved(self) -> bool:
        return self._streak is not None and self._streak.solved_at is not None

    def run(self, listener: Listener, checkpoints: CheckpointFile | None = None) -> bool:
        """Train to the end; False when stopped before. Raises `DivergedError`."""
        while not self.is_done:
            if not self._go_on(listener, checkpoints):
                return False
            self._train()
            if self.step in self._evaluation_steps:
                self._validate()
                if self._observer is not None:
                    self._observer.offer(self.step, self._seconds, self.is_done)
        return True

    def _go_on(self, listener: Listener, checkpoints: CheckpointFile | None) -> bool:
        """Do what is asked, between two updates; False to end."""
        control = listener.hear()
        # Before a pause, too: it costs nobody's time, and the machine may be switched off.
        is_asked = control.request in (Request.PAUSE, Request.STOP, Request.PRUNE)
        is_asked = is_asked or control.checkpoints != self._checkpoints_asked
        self._checkpoints_asked = control.checkpoints
        if checkpoints and (is_asked or checkpoints.is_due()):
            checkpoints.save(self.checkpoint())
        if control.request is Request.PAUSE:
            control = listener.wait()
        if control.request.is_end:
            return False
        if control.learning_rate is not None and control.learning_rate != self._rate:
            self._set_rate(control.learning_rate)
        return True

    def _set_rate(self, rate: float) -> None:
        self._model.optimizer.learning_rate = rate
        self._record(RateChanged(step=self.step, before=self._rate, learning_rate=rate))
        self._rate = rate

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
        if self._observer is not None and not self._seconds:
            self._observer.began(seconds)
        self._seconds += seconds
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

    def checkpoint(self) -> Checkpoint:
        """All that the next update depends on, and what is to be told of those before."""
        best, weights = self.best.state()
        facts = {
            "size": self._size,
            "rate": self._rate,
            "losses": self._window.losses,
            "seconds": self._window.seconds,
            "streak": None if self._streak is None else self._streak.steps,
            "solved_at": None if self._streak is None else self._streak.solved_at,
            "best": best,
            "random": random_state(),
        }
        network, optimizer = self._variables()
        arrays = {
            "network": [variable.numpy() for variable in network],
            "optimizer": [variable.numpy() for variable in optimizer],
            "best": weights,
        }
        return Checkpoint(self.step, facts, arrays)

    def restore(self, found: Checkpoint) -> None:
        """Go on from a checkpoint; raises `StoreError` where it is of another network."""
        for variables, values in zip(
            self._variables(), (found.arrays["network"], found.arrays["optimizer"]), strict=True
        ):
            if [v.shape for v in variables] != [value.shape for value in values]:
                raise StoreError(
                    "The checkpoint is of another network: the model's code has changed. Begin "
                    "from the first step with keras-seq retry."
                )
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        facts = found.facts
        self.step, self._size, self._rate = found.step, facts["size"], facts["rate"]
        self._window = _Window(facts["losses"], facts["seconds"])
        self.best.set_state(facts["best"], found.arrays["best"])
        if self._streak is not None:
            self._streak.steps, self._streak.solved_at = facts["streak"], facts["solved_at"]
            if self._streak.solved_at is not None:
                self._record(Solved(step=self._streak.solved_at))
        self._data.skip(self.step)
        set_random_state(facts["random"])

    def _variables(self) -> tuple[list[Any], list[Any]]:
        """Those of the network, the states of its random generators included, and of the optimizer.

        Metrics begin anew with every batch.
        """
        model = self._model
        metrics = {id(variable) for variable in model.metrics_variables}
        network = [variable for variable in model.variables if id(variable) not in metrics]
        model.optimizer.build(model.trainable_variables)
        return network, model.optimizer.variables


@dataclass
class _Window:
    """The updates between two records."""

    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, loss: float, seconds: float) -> None:
        self.losses.append(loss)
        self.seconds.append(seconds)

    def loss(self) -> float:
        return math.fsum(self.losses) / len(self.losses)

    def step_seconds(self) -> float:
        return math.fsum(self.seconds) / len(self.seconds)
