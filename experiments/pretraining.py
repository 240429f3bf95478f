"""What a network learns without labels before training: see `Task.pretraining`. Imports Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import keras
from msgspec import structs

from experiments.config import TaskChoice, TrialConfig
from experiments.errors import DivergedError, RequestError
from experiments.events import DataRead, Event, Measured, Pretrained
from experiments.fit import Fit
from experiments.listener import Listener
from experiments.losses import loss_of
from experiments.protocol import NO_PROTOCOL
from experiments.trial_data import TrialData
from experiments.updates import Adam

if TYPE_CHECKING:
    from experiments.budget import Budget
    from experiments.tasks.task import Task

WARM_UP = 0.1
"""The part of the updates in which the learning rate rises; after it, it falls to zero."""
PREDICTIONS = "predictions"
"""The layer that answers the question of one task, and no other's."""


def pretrain(
    network: keras.Model,
    config: TrialConfig,
    record: Callable[[Event], None],
    listener: Listener,
) -> bool:
    """Let `network` begin with what its architecture learns without labels; False when stopped.

    A second network learns the pretraining task by that task's budget, in as many updates as the
    model asks for, and hands on the weights that validated best. Raises `DivergedError` when its
    loss is no longer finite.
    """
    task, updates = config.task.task.pretraining(), config.pretraining_updates
    if task is None or not updates:
        return True
    budget = replace(task.budget, steps=updates)
    first = replace(
        config, task=TaskChoice(task.name, task), budget=budget, protocol=NO_PROTOCOL, probes=()
    )
    learned = config.model.model.build(task)
    optimizer = Adam(_rate(budget), global_clipnorm=budget.clip_norm)
    learned.compile(optimizer=optimizer, loss=loss_of(task))

    def tell(event: Event) -> None:
        renamed = _renamed(event, task)
        if renamed is not None:
            record(renamed)

    # A learning rate that a person asks for is that of training.
    ears = Listener(lambda: structs.replace(listener.hear(), learning_rate=None), record)
    data = TrialData(first, tell)
    fit = Fit(learned, first, data, data.evaluation_set("validation"), tell)
    try:
        if not fit.run(ears):
            return False
    except DivergedError as error:
        raise DivergedError(f"pretraining: {error}") from error
    fit.best.restore(learned)
    carry_over(learned, network)
    return True


def carry_over(learned: keras.Model, network: keras.Model) -> None:
    """Give `network` all weights of `learned` that have the same path and shape in both.

    Its other weights, and those of its predictions, stay as they are.
    """
    known = {
        (v.path, tuple(v.shape)): v
        for v in learned.trainable_variables
        if _layer(v.path) != PREDICTIONS
    }
    shared = [v for v in network.trainable_variables if (v.path, tuple(v.shape)) in known]
    if not shared:
        found, expected = (
            ", ".join(sorted({_layer(v.path) for v in of.trainable_variables}))
            for of in (learned, network)
        )
        raise RequestError(
            "The networks of pretraining and of training have no weights in common. Expected "
            f"layers of the same names and shapes. Received: {found} and {expected}."
        )
    for variable in shared:
        variable.assign(known[variable.path, tuple(variable.shape)])


def _rate(budget: Budget) -> keras.optimizers.schedules.LearningRateSchedule:
    warm_up = max(1, round(WARM_UP * budget.steps))
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, budget.steps - warm_up),
        warmup_target=budget.learning_rate,
        warmup_steps=warm_up,
    )


def _renamed(event: Event, task: Task) -> Event | None:
    """What is told of pretraining, so that nobody takes it for training; `None` where nothing."""
    if isinstance(event, DataRead):
        return DataRead(
            split=f"pretraining_{event.split}", sequences=event.sequences, sha256=event.sha256
        )
    if not isinstance(event, Measured):
        return None
    metric = task.metric.name
    names = {"train_loss": "loss", f"validation_{metric}": metric}
    values = {names[key]: value for key, value in event.values.items() if key in names}
    return Pretrained(step=event.step, values=values)


def _layer(path: str) -> str:
    return path.partition("/")[0]
