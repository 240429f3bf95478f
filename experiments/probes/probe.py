"""What a probe is: a question to a trained network that its predictions alone do not answer."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.task import Array, Task, Tokens

if TYPE_CHECKING:
    import keras


class Probe(abc.ABC):
    """An examination of a trained network, in the trial's process and after the test.

    An experiment names those it wants: `probes = ["reset_state"]`. This module and its
    subclasses' modules stay light: Keras is imported inside `measure`.
    """

    name: ClassVar[str]
    """What an experiment calls it."""

    @abc.abstractmethod
    def measure(self, model: keras.Model, task: Task, seed: int) -> dict[str, float]:
        """What is found, by key; nothing where the question has no sense for this network.

        The trial records `probe_NAME_KEY` for each.
        """


def is_step(task: Task, inputs: Array) -> NDArray[np.bool_]:
    """Which steps of `inputs` are no padding: `(batch, length)` of booleans."""
    if isinstance(task.input, Tokens) and task.input.has_padding:
        return np.not_equal(inputs, 0)
    return np.ones(inputs.shape[:2], np.bool_)
