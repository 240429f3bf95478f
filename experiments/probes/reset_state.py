"""Where a recurrent network keeps what it remembers: a state is set to zero on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from experiments.probes.probe import Probe

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Task

PERCENTS = (25, 50, 75)
"""Parts of the sequence after which a state is reset."""
PART = 256
"""Test sequences read at a time."""


class ResetState(Probe):
    """The task's metric on the test split when `h`, or `c`, of every layer becomes zero once.

    `intact` is without an intervention; `h_50` with `h` at zero after half of the steps, so that
    whatever came before must reach the answer by way of `c`. A network without recurrent layers
    in a row has no such state.
    """

    name: ClassVar[str] = "reset_state"

    def measure(self, model: keras.Model, task: Task, seed: int) -> dict[str, float]:
        """`intact`, and `STATE_PERCENT` for each state and part of the sequence."""
        from keras import ops  # 2-3 s, paid in the trial's process

        from experiments.probes.chain import Chain  # imports Keras

        chain = Chain.of(model)
        if chain is None:
            return {}
        test = task.evaluation_set("test", seed)
        parts = np.array_split(test.inputs, -(-len(test.inputs) // PART))
        steps = test.inputs.shape[1]

        def metric(cut: int, name: str) -> float:
            predictions = np.concatenate(
                [
                    chain.predict(
                        part, cut, lambda n, state: ops.zeros_like(state) if n == name else state
                    )
                    for part in parts
                ]
            )
            return float(task.measure(predictions, test)[task.metric.name])

        found = {"intact": metric(steps // 2, "none")}
        for state in chain.state_names():
            for percent in PERCENTS:
                found[f"{state}_{percent}"] = metric(round(steps * percent / 100), state)
        return found
