"""A ten-line task, models and experiments for the tests of the machinery."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from experiments.budget import Budget
from experiments.config import ExperimentConfig
from experiments.errors import RequestError
from experiments.models.model import Model
from experiments.tasks.task import (
    NOT_NEGATIVE,
    Batch,
    Channels,
    Classes,
    Floats,
    Metric,
    Task,
    Tokens,
    Values,
)

FOLDER = Path(__file__).parent
SOURCES = os.pathsep.join([str(FOLDER), str(FOLDER.parents[1])])
"""Where processes find this module, and the sources under test."""


@dataclass(frozen=True)
class Sums(Task):
    """The sum of a few numbers."""

    name: ClassVar[str] = "sums"
    metric: ClassVar[Metric] = Metric("mse", higher_is_better=False, bounds=NOT_NEGATIVE)
    budget: ClassVar[Budget] = Budget(steps=8, batch_size=4, evaluations=4)
    input: ClassVar[Channels] = Channels(width=1)
    target: ClassVar[Values] = Values(width=1)
    sequence_length: ClassVar[int] = 3

    scale: float = 1.0
    nan_at: int = -1
    dialect: Literal["plain", "marked"] = "plain"

    asked: ClassVar[list[tuple[str, int, int]]] = []
    """Every request for data, in order."""

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        self.asked.append(("train", seed, index))
        batch = self._draw(self.generator("train", seed, index), size)
        return Batch(batch.inputs * np.nan, batch.targets) if index == self.nan_at else batch

    def evaluation_set(self, split: Any, seed: int) -> Batch:
        self.asked.append((split, seed, 0))
        return self._draw(self.generator(split, seed), 16)

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        with np.errstate(over="ignore"):
            mse = np.square(predictions - batch.targets).mean()  # a numpy float, as people have it
        return {"loss": mse, "mse": mse}

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        return {"zero": np.zeros((16, 1), np.float32)}

    def _draw(self, generator: np.random.Generator, size: int) -> Batch:
        inputs = self.scale * generator.standard_normal((size, 3, 1), np.float32)
        return Batch(inputs, inputs.sum(axis=1))


@dataclass(frozen=True)
class Easy(Sums):
    """Solved by whatever is predicted."""

    solved: ClassVar[float | None] = 1e9


@dataclass(frozen=True)
class Growing(Sums):
    """There are longer ones."""

    length: int = 4

    @property
    def sequence_length(self) -> int:
        return self.length

    def lengthened(self, factor: float) -> Growing:
        return replace(self, length=round(factor * self.length))

    def _draw(self, generator: np.random.Generator, size: int) -> Batch:
        inputs = generator.standard_normal((size, self.length, 1), np.float32)
        return Batch(inputs, inputs.sum(axis=1))


@dataclass(frozen=True)
class Unmeasurable(Sums):
    """Its baselines cannot be computed."""

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        raise RuntimeError("no null model\nknown")


@dataclass(frozen=True)
class Words(Sums):
    """Asks for classes of tokens."""

    input: ClassVar[Tokens] = Tokens(vocabulary_size=3)
    target: ClassVar[Classes] = Classes(count=3)


@dataclass(frozen=True)
class Linear(Model):
    """One dense layer over the flattened sequence."""

    name: ClassVar[str] = "linear"

    bias: bool = True

    def build(self, task: Task) -> Any:
        import keras

        inputs = keras.Input((task.sequence_length, 1))
        flat = keras.layers.Flatten()(inputs)
        return keras.Model(inputs, keras.layers.Dense(1, use_bias=self.bias)(flat))


@dataclass(frozen=True)
class ValuesOnly(Linear):
    """Refuses tasks with classes, as a regression model would."""

    def check(self, task: Task) -> None:
        if not isinstance(task.target, Values):
            raise RequestError(f"values_only: predicts values, but {task.name} asks for classes.")


@dataclass(frozen=True)
class Careless(Linear):
    """Its check of the task is wrong itself."""

    def check(self, task: Task) -> None:
        raise IndexError("out\nof range")


@dataclass(frozen=True)
class Stopping(Linear):
    """Cannot be built."""

    def build(self, task: Task) -> Any:
        raise MemoryError("the network is too large\nby far")


@dataclass(frozen=True)
class Exploding(Linear):
    """Predicts what is no number."""

    def build(self, task: Task) -> Any:
        model = super().build(task)
        model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
        return model


def document(**changes: Any) -> dict[str, Any]:
    """A valid experiment as plain data, with `changes`."""
    return {
        "name": "toy",
        "task": {"name": "toy:Sums"},
        "models": [{"name": "gru"}, {"name": "lstm"}],
        "seeds": [0, 1],
        **changes,
        # Tests of tuning ask for it.
        "protocol": {"tune": False, **changes.get("protocol", {})},
    }


def experiment(**changes: Any) -> ExperimentConfig:
    """A valid experiment, with `changes`."""
    return ExperimentConfig.from_document(document(**changes))
