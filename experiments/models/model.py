"""What an architecture is: settings, and how to build it for a task."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Task


@dataclass(frozen=True)
class Model(abc.ABC):
    """An architecture. Final subclasses are frozen dataclasses whose fields are its settings.

    This module and its subclasses' modules stay light: Keras (2-3 s, 500 MB) is imported inside
    `build`, in the trial's own process.
    """

    name: ClassVar[str]
    """What `--models NAME` calls it."""

    def check(self, task: Task) -> None:  # noqa: B027  # most serve every task
        """Raise `RequestError` when this architecture cannot serve `task`."""

    @abc.abstractmethod
    def build(self, task: Task) -> keras.Model:
        """The untrained network, from `task.input` to predictions for `task.target`."""
