"""How a trained network does on longer sequences than it was trained on."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from experiments.errors import RequestError
from experiments.evaluation import EVALUATION_BATCH, evaluate
from experiments.models.model import Model
from experiments.tasks.task import Batch, Task

if TYPE_CHECKING:
    import keras

FACTORS = (1.5, 2.0, 4.0, 8.0)
"""Of the training length."""
MOST_STEPS = 1 << 17
"""Steps of all sequences of a length: about those of a test of 1,300 sequences of 100 steps."""
FEWEST_SEQUENCES, MOST_SEQUENCES = 64, 512
"""Of a length, whatever the steps; a share among 64 has a standard error of 6 % at most."""

Read = Callable[[Task, int], Batch]
"""Gives the first so many sequences of a task's `extrapolation` split."""


def longer(task: Task) -> Iterator[Task]:
    """`task` with sequences `FACTORS` times as long, where there is such a task.

    A task with an `extrapolation` split of its own says itself what lies beyond training.
    """
    if "extrapolation" in task.evaluation_splits:
        return
    for factor in FACTORS:
        lengthened = task.lengthened(factor)
        if lengthened is not None and lengthened.sequence_length > task.sequence_length:
            yield lengthened


def measure_lengths(
    network: keras.Model, model: Model, task: Task, read: Read, test: float
) -> dict[str, float]:
    """The metric by length, `test` being that at the training length; see `by_length`.

    `extrapolation_METRIC_L_L` for each longer length L, and their mean `extrapolation_METRIC`
    where the network can read all of them. Empty for tasks without lengths.
    """
    metric, length = task.metric.name, task.sequence_length
    tasks = list(longer(task))
    found = {}
    for other in tasks:
        if problem := _obstacle(network, model, other):
            print(f"not tested at {other.sequence_length} steps: {problem}", file=sys.stderr)
            continue
        # As much memory as at the training length, also where it grows with the square.
        rows = max(1, int(EVALUATION_BATCH * (length / other.sequence_length) ** 2))
        batch = read(other, _sequences(other.sequence_length, rows))
        key = f"extrapolation_{metric}_{other.sequence_length}_{other.sequence_length}"
        found[key] = evaluate(network, other, batch, rows)[metric]
    if not found:
        return {}
    mean = {f"extrapolation_{metric}": math.fsum(found.values()) / len(found)}
    whole = mean if len(found) == len(tasks) else {}
    return {f"test_{metric}_{length}_{length}": test, **found, **whole}


def _sequences(length: int, rows: int) -> int:
    """How many to test: whole parts of `rows`, because each size of a part is compiled."""
    most = min(max(MOST_STEPS // length, FEWEST_SEQUENCES), MOST_SEQUENCES)
    return max(1, most // rows) * rows


def _obstacle(network: keras.Model, model: Model, task: Task) -> str:
    """Why the network cannot read the sequences of `task`, if it cannot."""
    try:
        model.check(task)
    except RequestError as error:
        return str(error)
    steps = network.inputs[0].shape[1] if getattr(network, "inputs", None) else None
    if steps not in (None, task.sequence_length):
        return f"the network reads {steps} steps"
    return ""
