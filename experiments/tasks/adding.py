"""Adding: remember two marked numbers over a long sequence and give their sum."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.tasks.distinct import draw_distinct
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import mean_squared_error
from experiments.tasks.task import (
    NOT_NEGATIVE,
    Array,
    Batch,
    Channels,
    Floats,
    Metric,
    Values,
)


def sum_of_marked(inputs: Array) -> Floats:
    """The values whose marker is 1, summed: `(batch, length, 2)` to `(batch, 1)`."""
    sums: Floats = (inputs[..., 0] * inputs[..., 1]).sum(axis=1, keepdims=True)
    return sums


@dataclass(frozen=True)
class Adding(GeneratedTask):
    """Each step reads a value, uniform in [0, 1), and a marker; two markers are 1, the rest 0.

    The target is the sum of the two marked values, read after the last step. In dialect `halves`
    one marker is uniform in the first half (`length // 2` steps), the other in the second; in
    `anywhere` the two are at any two steps, every pair as likely.

    Examples, one `value marker` a step:

        0.3 0 | 0.5 1 | 0.1 1 | 0.9 0  ->  0.6
        0.4 1 | 0.7 0 | 0.2 0 | 0.8 1  ->  1.2

    >>> example = np.array([[[0.3, 0], [0.5, 1], [0.1, 1], [0.9, 0]]])
    >>> print(sum_of_marked(example))
    [[0.6]]

    Predicting the mean gives a mean squared error of 1/6, knowing one marked value 1/12.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", section 5.4; markers in
    halves as in Arjovsky, Shah and Bengio 2016, "Unitary evolution recurrent neural networks",
    section 5.2, and anywhere as in Bai, Kolter and Koltun 2018, "An empirical evaluation of
    generic convolutional and recurrent networks for sequence modeling".
    """

    name: ClassVar[str] = "adding"
    metric: ClassVar[Metric] = Metric("mse", higher_is_better=False, bounds=NOT_NEGATIVE)
    budget: ClassVar[Budget] = Budget(steps=3000, learning_rate=3e-3)
    solved: ClassVar[float | None] = 1e-3

    length: Annotated[int, Meta(ge=2)] = 100
    """Steps of a sequence."""
    dialect: Literal["halves", "anywhere"] = "halves"
    """Where the markers can be."""
    validation_size: Positive = 1000
    """Sequences in the validation split."""
    test_size: Positive = 2000
    """Sequences in the test split."""

    @property
    def input(self) -> Channels:
        """A value and a marker."""
        return Channels(width=2)

    @property
    def target(self) -> Values:
        """The sum."""
        return Values(width=1)

    @property
    def sequence_length(self) -> int:
        """`length`."""
        return self.length

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Fresh values and markers."""
        inputs = np.zeros((size, self.length, 2), np.float32)
        inputs[..., 0] = generator.random((size, self.length), np.float32)
        np.put_along_axis(inputs[..., 1], self._marked(generator, size), 1, axis=1)
        return Batch(inputs, sum_of_marked(inputs))

    def lengthened(self, factor: float) -> "Adding":
        """As `length` says."""
        return replace(self, length=round(factor * self.length))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `mse`, which are the same number."""
        mse = mean_squared_error(predictions, batch.targets)
        return {"loss": mse, "mse": mse}

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`constant`: the mean training target. `one marker`: the first marked value + 1/2."""
        mean = self.train_batch(seed, 0, self.test_size).targets.mean()
        test = self.evaluation_set("test", seed)
        first = test.inputs[..., 1].argmax(axis=1)[:, np.newaxis]
        value = np.take_along_axis(test.inputs[..., 0], first, axis=1)
        return {"constant": np.full_like(value, mean), "one marker": value + 0.5}

    def _marked(self, generator: np.random.Generator, size: int) -> Array:
        """The steps with a marker, `(size, 2)`."""
        if self.dialect == "anywhere":
            return draw_distinct(generator, self.length, (size, 2))
        half = self.length // 2
        first = generator.integers(half, size=size)
        return np.stack([first, generator.integers(half, self.length, size=size)], axis=1)
