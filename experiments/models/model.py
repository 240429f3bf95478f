"""What an architecture is: settings, what they cost, and how to build it for a task."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from experiments.models.cost import Cost
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
    widths: ClassVar[tuple[str, ...]] = ()
    """Settings that say how wide it is, the coarsest first: capacity is matched by the first one,
    and where its steps are too large by the next. Without any, the width stays as it is."""

    def check(self, task: Task) -> None:  # noqa: B027  # for most the two lists say it all
        """Raise `RequestError` when these settings cannot serve `task`."""

    @property
    def reads_ahead(self) -> bool:
        """Whether a prediction for a step sees the steps after it."""
        return False

    def serves(self, task: Task) -> bool:
        """Whether this model reads the inputs of `task` and predicts its targets."""
        able = isinstance(task.input, self.reads) and isinstance(task.target, self.predicts)
        return able and not (self.reads_ahead and task.is_causal)

    def width_step(self, name: str) -> int:
        """What the width called `name` is a multiple of."""
        return 1

    def resized(self, name: str, width: int) -> Self:
        """This model with another width, and with finer ones in proportion."""
        scale = width / getattr(self, name)
        finer = self.widths[self.widths.index(name) + 1 :]
        following = {other: max(1, round(getattr(self, other) * scale)) for other in finer}
        return replace(self, **{name: width}, **following)

    def cost(self, task: Task) -> Cost | None:
        """What it costs on `task`, in closed form; `None` where nobody has worked it out.

        `num_parameters` is exactly what the built network has. A model that says nothing takes
        part in experiments like any other, but its capacity is not matched.
        """
        return None

    def pretraining_updates(self) -> int:
        """How often its weights are updated on `task.pretraining()` before the task itself."""
        return 0

    @abc.abstractmethod
    def build(self, task: Task) -> keras.Model:
        """The untrained network, from `task.input` to predictions for `task.target`."""
