"""The weights of a network that validated best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments.tasks.task import Array, Metric

if TYPE_CHECKING:
    import keras


class BestWeights:
    """Keeps the weights that validated best, of equals those with the least loss.

    The last ones where nothing validated.
    """

    def __init__(self, metric: Metric) -> None:
        self.last: Mapping[str, float] = {}
        """The newest validation."""
        self._metric = metric
        self._value = math.nan
        self._loss = math.nan
        self._weights: Sequence[Array] = ()

    def offer(self, values: dict[str, float], model: keras.Model) -> None:
        """Keep the weights of `model` if these are the best `values` so far."""
        self.last = values
        value, loss = values[self._metric.name], values["loss"]
        # A metric at its bound, as accuracy is early in training or at its end, tells no more.
        is_equal = value == self._value and loss < self._loss
        if is_equal or self._metric.better(value, self._value):
            self._value, self._loss = value, loss
            self._weights = model.get_weights()

    def restore(self, model: keras.Model) -> None:
        """Give them to `model`."""
        if self._weights:
            model.set_weights(self._weights)

    def state(self) -> tuple[dict[str, Any], Sequence[Array]]:
        """What there is to know of it, and the weights."""
        return {"last": dict(self.last), "value": self._value, "loss": self._loss}, self._weights

    def set_state(self, facts: Mapping[str, Any], weights: Sequence[Array]) -> None:
        """Be as another one was."""
        self.last, self._value, self._loss = facts["last"], facts["value"], facts["loss"]
        self._weights = weights
