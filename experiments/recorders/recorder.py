"""What a recorder is: somebody who looks into a network while it reads a few sequences."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.recorders.trace import Trace
from experiments.tasks.task import Array, Batch, Task

if TYPE_CHECKING:
    import keras

Keep = Callable[[Any], None]
"""Keeps tensors that pass, nested as one likes, till the network has read."""


@dataclass(frozen=True)
class Seen:
    """What a network did with a few sequences of the validation split.

    Args:
        task: The task.
        kept: What the recorder kept, in numpy, by the path of the layer.
        gradients: Of the loss of these sequences by what is read at each step, an embedding
            where that is a token: `(sample, step, width)`; none where nothing can be told.
        validation: More of the split.
        predict: Gives what the network predicts for it.
        resolution: How many places an axis may have.
    """

    task: Task
    kept: Mapping[str, Any]
    gradients: Array | None
    validation: Batch
    predict: Callable[[], Array]
    resolution: int


class Recorder(abc.ABC):
    """A kind of things to record. This module and its subclasses' modules stay light."""

    name: ClassVar[str]

    def watch(  # noqa: B027  # some have no layer to watch
        self, layer: keras.Layer, keep: Keep
    ) -> AbstractContextManager[None] | None:
        """Keep what passes through `layer` within a context; `None` where that says nothing.

        The layer computes the same meanwhile. Layers inside a watched one are not asked about.
        """

    @abc.abstractmethod
    def traces(self, seen: Seen) -> Iterable[Trace]:
        """What was seen; nothing where the network has nothing of the kind."""
