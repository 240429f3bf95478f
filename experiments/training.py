"""Trains one trial. The only light-looking module that imports Keras: inside `train`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from experiments.backend import devices
from experiments.catalog import find_probe
from experiments.causality import dependence
from experiments.checkpoint import CheckpointFile
from experiments.config import TrialConfig
from experiments.errors import DivergedError
from experiments.evaluation import evaluate
from experiments.events import Built, Event, Measured
from experiments.fit import Fit
from experiments.lengths import measure_lengths
from experiments.listener import Listener
from experiments.process import peak_memory_bytes
from experiments.recorders.observer import Observer
from experiments.store import TrialFolder
from experiments.tasks.task import Task
from experiments.trial_data import TrialData

Record = Callable[[Event], None]


def train(
    config: TrialConfig,
    record: Record,
    listener: Listener,
    threads: int,
    checkpoints: CheckpointFile | None = None,
    folder: TrialFolder | None = None,
) -> bool:
    """Train, validate along the way, test once; True when done, False when stopped.

    Goes on from what is found in `checkpoints`; without them nothing is kept. What the network
    does inside is recorded in `folder`, where one is given.

    Every other split is read once, after the last update, with the weights that validated best;
    a trial that tunes reads none. Raises `DivergedError` when the loss is no longer finite.
    """
    import keras

    from experiments.losses import loss_of  # as Keras 2-3 s
    from experiments.pretraining import pretrain
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
            epoch_sequences=task.epoch_sequences,
        )
    )
    data = TrialData(config, record)
    validation = data.evaluation_set("validation")
    is_compared = config.role == "comparison"
    found = checkpoints.found if checkpoints else None
    if is_compared and config.protocol.causality and found is None:
        record(dependence(model, task, validation))
    if found is None and not pretrain(model, config, record, listener):
        return False
    observer = None
    if is_compared and config.protocol.record and folder is not None:
        first = found.step if found else 0
        observer = Observer.of(model, task, validation, budget.steps, folder, record, first)
    fit = Fit(model, config, data, validation, record, observer)
    if found is not None:
        fit.restore(found)
    if not fit.run(listener, checkpoints):
        return False
    last = fit.step
    if not is_compared:
        # The last update of all may be the one that diverges.
        _require_finite("validation", fit.best.last, task, last)
        return True
    fit.best.restore(model)
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
        probed = find_probe(name)().measure(model, task, config.seed)
        values = {f"probe_{name}_{key}": value for key, value in probed.items()}
        record(Measured(step=last, values=values))
    return True


def _require_finite(split: str, values: Mapping[str, float], task: Task, step: int) -> None:
    for key in ("loss", task.metric.name):
        if not math.isfinite(values[key]):
            raise DivergedError(f"the {split} {key} became {values[key]} after step {step}")
