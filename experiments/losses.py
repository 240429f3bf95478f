"""What training makes small. Imports Keras."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from experiments.tasks.task import UNASKED, Classes, Task, Values


def loss_of(task: Task) -> keras.losses.Loss:
    """The loss that the target of `task` names, over what is asked."""
    if isinstance(task.target, Values):
        return SquaredError() if task.target.per_step else keras.losses.MeanSquaredError()
    # What pads target sequences counts for nothing: a network that predicts them masks it.
    may_ignore = isinstance(task.target, Classes) and task.target.per_step
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=UNASKED if may_ignore else None
    )


class SquaredError(keras.losses.Loss):  # type: ignore[misc]
    """The mean squared error over the elements whose target is not NaN."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the squared errors, weighted so that their mean is that of those asked."""
        asked = ops.logical_not(ops.isnan(y_true))
        # Also a NaN that counts for nothing would make the gradients NaN.
        errors = ops.where(asked, y_pred - ops.where(asked, y_true, 0), 0)
        count = ops.maximum(ops.sum(ops.cast(asked, y_pred.dtype)), 1)
        return ops.square(errors) * (ops.cast(ops.size(errors), y_pred.dtype) / count)
