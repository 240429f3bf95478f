"""Timing: measure the time between spikes, or bring spikes and waves forth in time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from experiments.budget import Budget, Positive
from experiments.errors import RequestError
from experiments.tasks.generated_task import GeneratedTask
from experiments.tasks.measures import mean_squared_error
from experiments.tasks.task import SHARE, Array, Batch, Channels, Floats, Metric, Values

TOLERANCE = 0.49
"""How far off an answer may be: integers are told apart."""
WAVE_TOLERANCE = 0.3
"""In the dialect `pfg`."""
BASELINE_SIZE = 1000
"""Sequences that the null baseline takes the mean of."""


@dataclass(frozen=True)
class Timing(GeneratedTask):
    """Spikes at T(n) = T(n-1) + F + I(n), steps counted from 1 and T(-1) = 0.

    F is `interval`; the delays I(n) are integers from 0 to `max_delay`, each as likely. What is
    read and what is asked, by `dialect`:

    - `msd`, measuring spike delays: reads the spikes, answers I(n) at each, and nothing between;
    - `nmsd`: the same with delays 0 and 1 only, the finest distinction. There are few sequences
      of them: most of the test split has been seen in training, and only longer ones are new;
    - `gts`, generating timed spikes: reads I(n) in the steps up to T(n), answers the spikes, 0 or
      1 at every step. A model that reads ahead sees in its input where I(n) changes: only causal
      ones compete here;
    - `pfg`, periodic function generation: reads nothing, answers a `wave` from 0 to 1 of period F,
      which is 0 at the step before the first. All its sequences are alike, so that only longer
      ones test anything.

    `exact_match` is the share of sequences that are right at every step asked, less than 0.49
    off, or less than 0.3 in `pfg`; `mse`, the loss, is over the steps asked. Examples in the
    dialects `msd` and `gts`, with F = 3, input over target, and `.` where nothing is asked:

        0 0 0 0 1 0 0 1 0 0 0 1             2 2 2 2 2 0 0 0 1 1 1 1
        . . . . 2 . . 0 . . . 1             0 0 0 0 1 0 0 1 0 0 0 1

    >>> spikes, answers = Timing("msd", interval=3, length=12).spread(np.array([[2, 0, 1, 1]]))
    >>> print(*spikes[0, :, 0].astype(int))
    0 0 0 0 1 0 0 1 0 0 0 1
    >>> print(*answers[0, [4, 7, 11], 0])
    2.0 0.0 1.0

    Source: Gers, Schraudolph and Schmidhuber 2002, "Learning precise timing with LSTM recurrent
    networks".
    """

    name: ClassVar[str] = "timing"
    metric: ClassVar[Metric] = Metric("exact_match", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=3000, learning_rate=3e-3)
    solved: ClassVar[float | None] = 0.99

    dialect: Literal["msd", "nmsd", "gts", "pfg"] = "msd"
    """Whether to measure, to generate spikes, or to generate a wave."""
    interval: Annotated[int, Meta(ge=2)] = 10
    """F: the shortest time between two spikes, or the period of the wave."""
    max_delay: Positive = 9
    """The largest I(n), in `msd` and `gts`."""
    wave: Literal["cosine", "triangle", "rectangle"] = "cosine"
    """What to generate in `pfg`."""
    length: Positive = 150
    """Steps of a sequence."""
    validation_size: Positive = 200
    """Sequences in the validation split."""
    test_size: Positive = 1000
    """Sequences in the test split, and in the extrapolation split."""

    def __post_init__(self) -> None:
        shortest = self.interval + (0 if self.dialect == "pfg" else self._largest_delay)
        if self.length < shortest:
            raise RequestError(
                f"timing: length must be at least {shortest} here, so that each sequence has a "
                f"spike or a period. Received: length={self.length}."
            )

    @property
    def input(self) -> Channels:
        """Spikes, delays, or zeros."""
        return Channels(width=1)

    @property
    def target(self) -> Values:
        """Delays where there is a spike, spikes, or the wave."""
        return Values(width=1, per_step=True)

    @property
    def sequence_length(self) -> int:
        """`length`."""
        return self.length

    def lengthened(self, factor: float) -> "Timing":
        """As `length` says."""
        return replace(self, length=round(factor * self.length))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `mse` over the steps asked, and `exact_match`."""
        mse = mean_squared_error(predictions, batch.targets)
        tolerance = WAVE_TOLERANCE if self.dialect == "pfg" else TOLERANCE
        right = np.abs(predictions - batch.targets) < tolerance
        right |= np.isnan(batch.targets)
        return {"loss": mse, "mse": mse, "exact_match": float(right.all(axis=(1, 2)).mean())}

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`mean`: the mean answer in training, at every step."""
        train = self.train_batch(seed, 0, BASELINE_SIZE)
        shape = (self.test_size, self.length, 1)
        return {"mean": np.full(shape, np.nanmean(train.targets), np.float32)}

    def draw(self, generator: np.random.Generator, size: int) -> Batch:
        """Sequences whose delays are drawn; those of `pfg` have none."""
        most = self.length // self.interval + 1  # the last may come after the end
        return self.spread(generator.integers(self._largest_delay + 1, size=(size, most)))

    def spread(self, delays: Array) -> Batch:
        """The sequences that the delays I(0), I(1) ask for, of shape `(batch, spikes)`."""
        if self.dialect == "pfg":
            waves = np.tile(self._wave(), (len(delays), 1))
            return _batch(np.zeros_like(waves), waves)
        times = np.cumsum(self.interval + delays, axis=1)
        rows, spikes = np.nonzero(times <= self.length)
        is_spike = np.zeros((len(delays), self.length), np.bool_)
        is_spike[rows, times[rows, spikes] - 1] = True
        number: Array = np.cumsum(is_spike, axis=1) - is_spike
        delay = np.take_along_axis(delays, number, axis=1)
        if self.dialect == "gts":
            return _batch(delay, is_spike)
        return _batch(is_spike, np.where(is_spike, delay, np.nan))

    @property
    def _largest_delay(self) -> int:
        return 1 if self.dialect == "nmsd" else self.max_delay

    def _wave(self) -> Array:
        """One value for each step."""
        phase = np.arange(1, self.length + 1) % self.interval / self.interval
        waves = {
            "cosine": (1 - np.cos(2 * np.pi * phase)) / 2,
            "triangle": 1 - np.abs(1 - 2 * phase),
            "rectangle": np.where(phase < 0.5, 0.0, 1.0),
        }
        return waves[self.wave]


def _batch(inputs: Array, targets: Array) -> Batch:
    return Batch(*(array.astype(np.float32)[..., np.newaxis] for array in (inputs, targets)))
