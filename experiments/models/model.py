"""What an architecture is: settings, and how to build it for a task."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.tasks.task import Channels, Classes, Target, Task, Tokens, Values

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Model(abc.ABC):
    """An architecture. Final subclasses are frozen dataclasses whose fields are its settings.

    This module and its subclasses' modules stay light: Keras (2-3 s, 500 MB) is imported inside
    `build`, in the trial's own process.
    """

    name: ClassVar[str]
    """What `--models NAME` calls it."""
    reads: ClassVar[tuple[type[Tokens | Channels], ...]] = (Tokens, Channels)
    """Inputs it can read."""
    predicts: ClassVar[tuple[type[Target], ...]] = (Classes, Values)
    """Targets it can predict. One for `Sequences` has `generate` besides."""

    def check(self, task: Task) -> None:  # noqa: B027  # for most the two lists say it all
        """Raise `RequestError` when these settings cannot serve `task`."""

    @classmethod
    def serves(cls, task: Task) -> bool:
        """Whether this architecture reads the inputs of `task` and predicts its targets."""
        return isinstance(task.input, cls.reads) and isinstance(task.target, cls.predicts)

    @abc.abstractmethod
    def build(self, task: Task) -> keras.Model:
        """The untrained network, from `task.input` to predictions for `task.target`."""
