"""Trains one trial. The only light-looking module that imports Keras: inside `train`."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import psutil

from experiments.backend import devices
from experiments.catalog import find_probe
from experiments.causality import dependence
from experiments.config import TrialConfig
from experiments.errors import DivergedError
from experiments.evaluation import evaluate, network_inputs
from experiments.events import Built, DataRead, Event, Measured, Solved
from experiments.fingerprint import Fingerprint
from experiments.lengths import measure_lengths
from experiments.process import peak_memory_bytes
from experiments.solving import Streak
from experiments.tasks.task import Array, Batch, Split, Task

if TYPE_CHECKING:
    import keras

Record = Callable[[Event], None]

# A stop is heard, and a record seen, about so often where single steps are shorter.
BLOCK_SECONDS = 0.25
# Python is visited once for so many updates, and takes a few percent of what it would else.
MOST_UPDATES = 32
# Of so many training batches the data's hash is told.
HASHED_BATCHES = 8


def train(
    config: TrialConfig, record: Record, stop_asked: Callable[[], bool], threads: int
) -> bool:
    """Train, validate along the way, test once; True when done, False when stopped.

    Every other split is read once, after the last update, with the weights that validated best;
    a trial that tunes reads none. Raises `DivergedError` when the loss is no longer finite.
    """
    import keras

    from experiments.losses import loss_of  # as Keras 2-3 s
    from experiments.updates import Adam

    task, budget = config.task.task, config.budget
    keras.utils.set_random_seed(config.seed)
    model = config.model.model.build(task)
    optimizer = Adam(budget.learning_rate, global_clipnorm=budget.clip_norm)
    model.compile(optimizer=optimizer, loss=loss_of(task))
    record(
        Built(
            num_parameters=sum(math.prod(v.shape) for v in model.trainable_variables),
            backend=keras.config.backend(),
            device=", ".join(devices()),
            threads=threads,
        )
    )
    data = _Data(config, record)
    validation = data.evaluation_set("validation")
    is_compared = config.role == "comparison"
    if is_compared and config.protocol.causality:
        record(dependence(model, task, validation))
    best = _Best(task)
    last = _fit(model, config, data, validation, best, record, stop_asked)
    if last is None:
        return False
    if not is_compared:
        # The last update of all may be the one that diverges.
        _require_finite("validation", best.last, task, last)
        return True
    best.restore(model)
    for split in task.evaluation_splits:
        if split == "validation":
            continue
        values = evaluate(model, task, data.evaluation_set(split))
        record(Measured(step=last, values={f"{split}_{k}": v for k, v in values.items()}))
        _require_finite(split, values, task, last)
        if split == "test":
            test = values[task.metric.name]
    record(Measured(step=last, values={"peak_memory_bytes": peak_memory_bytes()}))
    if config.protocol.lengths:
        values = measure_lengths(model, config.model.model, task, data.longer, test)
        if values:
            record(Measured(step=last, values=values))
    for name in config.probes:
        found = find_probe(name)().measure(model, task, config.seed)
        values = {f"probe_{name}_{key}": value for key, value in found.items()}
        record(Measured(step=last, values=values))
    return True


def _fit(
    model: keras.Model,
    config: TrialConfig,
    data: _Data,
    validation: Batch,
    best: _Best,
    record: Record,
    stop_asked: Callable[[], bool],
) -> int | None:
    """Make the updates; the number of the last, or None when stopped."""
    from experiments.updates import updater  # as Keras 2-3 s

    task, budget = config.task.task, config.budget
    streak = None if task.solved is None else Streak(task.metric, task.solved)
    # Learning rates are compared after the same number of updates.
    may_end_early = config.protocol.stop_early and config.role == "comparison"
    process = psutil.Process()
    evaluation_steps = sorted(budget.evaluation_steps())
    update, window = updater(model, MOST_UPDATES), _Window()
    first, size, is_solved = 1, 1, False
    while first <= budget.steps:
        if stop_asked():
            return None
        started = time.perf_counter()
        # None goes on beyond a validation.
        last = min(first + size - 1, evaluation_steps[bisect_left(evaluation_steps, first)])
        batches = data.train_batches(first, last)
        losses, norms = update([(network_inputs(task, batch), batch.targets) for batch in batches])
        seconds = time.perf_counter() - started
        learning_rate = float(model.optimizer.learning_rate)
        for step, loss, norm in zip(range(first, last + 1), losses, norms, strict=True):
            window.add(float(loss), seconds / len(batches))
            diverged = not math.isfinite(loss)
            # The first step stands alone, because it holds the compilation.
            if diverged or step in (1, budget.steps) or step % budget.record_every() == 0:
                values = {
                    "train_loss": window.loss(),
                    "learning_rate": learning_rate,
                    "gradient_norm": float(norm),
                    "step_seconds": window.step_seconds(),
                    "memory_bytes": float(process.memory_info().rss),
                }
                record(Measured(step=step, values=values))
                window = _Window()
            if diverged:
                raise DivergedError(
                    f"the loss became {loss} at step {step}; a lower learning rate may help"
                )
        if last in evaluation_steps:
            values = evaluate(model, task, validation)
            best.offer(values, model)
            record(Measured(step=last, values={f"validation_{k}": v for k, v in values.items()}))
            if streak is not None and not is_solved:
                is_solved = streak.add(last, values[task.metric.name])
                if is_solved and streak.solved_at is not None:
                    record(Solved(step=streak.solved_at))
                if is_solved and may_end_early:
                    return last
        first = last + 1
        size = next_size(size, seconds)
    return budget.steps


class _Data:
    """What a trial reads; tells the hash of it."""

    def __init__(self, config: TrialConfig, record: Record) -> None:
        self._config = config
        self._task = config.task.task
        self._record = record
        self._train = Fingerprint()

    def train_batches(self, first: int, last: int) -> list[Batch]:
        """Those of the steps `first` to `last`, which follow those asked for before."""
        seed, budget = self._config.seed, self._config.budget
        batches = [
            self._task.train_batch(seed, step - 1, budget.batch_size)
            for step in range(first, last + 1)
        ]
        count = min(HASHED_BATCHES, budget.steps)
        for batch in batches[: max(0, count - first + 1)]:
            self._train.add(batch)
        if first <= count <= last:
            self._tell("train", self._train)
        return batches

    def evaluation_set(self, split: Split) -> Batch:
        """All of a split."""
        batch = self._task.evaluation_set(split, self._config.seed)
        self._tell(split, Fingerprint().add(batch))
        return batch

    def longer(self, task: Task, count: int) -> Batch:
        """The first `count` sequences of a longer task."""
        batch = task.evaluation_set("extrapolation", self._config.seed)
        batch = Batch(batch.inputs[:count], batch.targets[:count])
        self._tell(f"extrapolation_{task.sequence_length}", Fingerprint().add(batch))
        return batch

    def _tell(self, split: str, data: Fingerprint) -> None:
        self._record(DataRead(split=split, sequences=data.sequences, sha256=data.text))


def _require_finite(split: str, values: Mapping[str, float], task: Task, step: int) -> None:
    for key in ("loss", task.metric.name):
        if not math.isfinite(values[key]):
            raise DivergedError(f"the {split} {key} became {values[key]} after step {step}")


def next_size(size: int, seconds: float) -> int:
    """How many updates to make at a time, after so many took so long."""
    if seconds > BLOCK_SECONDS:
        return max(1, size // 2)
    return min(2 * size, MOST_UPDATES) if seconds < BLOCK_SECONDS / 2 else size


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


class _Best:
    """Keeps the weights that validated best, of equals those with the least loss.

    The last ones where nothing validated.
    """

    def __init__(self, task: Task) -> None:
        self.last: Mapping[str, float] = {}
        """The newest validation."""
        self._metric = task.metric
        self._value = math.nan
        self._loss = math.nan
        self._weights: list[Array] | None = None

    def offer(self, values: dict[str, float], model: keras.Model) -> None:
        self.last = values
        value, loss = values[self._metric.name], values["loss"]
        # A metric at its bound, as accuracy is early in training or at its end, tells no more.
        is_equal = value == self._value and loss < self._loss
        if is_equal or self._metric.better(value, self._value):
            self._value, self._loss = value, loss
            self._weights = model.get_weights()

    def restore(self, model: keras.Model) -> None:
        if self._weights is not None:
            model.set_weights(self._weights)
