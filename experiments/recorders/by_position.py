"""Where in a sequence a network is right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from experiments.recorders.recorder import Recorder, Seen
from experiments.recorders.trace import Trace, blocks, sum_of_blocks
from experiments.tasks.measures import correct
from experiments.tasks.task import UNASKED, Array, Classes, Sequences, Target

MOST_POINTS = 1024


class ByPosition(Recorder):
    """The accuracy, or the mean squared error, at each step of the target: `(step,)`.

    Of up to 256 validation sequences, at the steps that one of them is asked at least. For
    sequences that are decoded it is the accuracy when the true tokens before are known. In
    sequences of over 1,024 steps it is the mean over blocks of neighbours.
    """

    name: ClassVar[str] = "by_position"

    def traces(self, seen: Seen) -> Iterable[Trace]:
        """One, called `accuracy` or `mse`, for tasks that have a target at each step."""
        target = seen.task.target
        if not (isinstance(target, Sequences) or target.per_step):
            return
        name, values, asked = _judged(target, seen.predict(), seen.validation.targets)
        starts = blocks(values.shape[1], MOST_POINTS)
        sums = sum_of_blocks(np.where(asked, values, 0).sum(axis=0), 0, starts)
        counts = sum_of_blocks(asked.sum(axis=0), 0, starts)
        is_asked = counts > 0
        yield Trace(
            name=name,
            layer="",
            axes=("step",),
            values=(sums[is_asked] / counts[is_asked]).astype(np.float32),
            places={"step": starts[is_asked]},
        )


def _judged(target: Target, predictions: Array, targets: Array) -> tuple[str, Array, Array]:
    """What is measured, how each step did, and which steps are asked; both `(batch, step)`."""
    if isinstance(target, Sequences):
        return "accuracy", correct(predictions, targets), targets != 0
    if isinstance(target, Classes):
        return "accuracy", correct(predictions, targets), targets != UNASKED
    asked = ~np.isnan(targets)
    errors = np.where(asked, np.square(predictions.astype(np.float64) - targets), 0)
    elements = np.maximum(asked.sum(axis=-1), 1)
    return "mse", errors.sum(axis=-1) / elements, np.asarray(asked.any(axis=-1))
