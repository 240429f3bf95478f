"""How fast the states of a recurrent network change."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from experiments.probes.probe import Probe, is_step

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Array, Task

NUM_SEQUENCES = 64
"""Test sequences that are looked at."""


class StateChange(Probe):
    """The change of a state from step to step beside its size, both root mean squares.

    0 is a state that never changes, 1 one that changes by as much as it holds, and independent
    values at every step give the square root of 2. It is a mean over the steps of 64 sequences of
    the test split and the units of the first recurrent layer, padded steps left out.
    """

    name: ClassVar[str] = "state_change"

    def measure(self, model: keras.Model, task: Task, seed: int) -> dict[str, float]:
        """One number for each state, by its name."""
        from experiments.probes.chain import Chain  # imports Keras

        chain = Chain.of(model)
        if chain is None:
            return {}
        inputs = task.evaluation_set("test", seed).inputs[:NUM_SEQUENCES]
        valid = is_step(task, inputs)[:, 1:].T
        steps = list(chain.steps(inputs))
        found = {}
        for name in chain.state_names():
            states = np.stack([states[name] for states in steps])
            changes = np.diff(states, axis=0)[valid]
            found[name] = _root_mean_square(changes) / _root_mean_square(states[1:][valid])
        return found


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
