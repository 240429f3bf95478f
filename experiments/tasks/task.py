"""What a task is: data, loss, metrics and null baselines, without knowing any model."""

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from experiments.budget import Budget

Split = Literal["train", "validation", "test", "extrapolation"]
SPLITS: tuple[Split, ...] = get_args(Split)

Array = NDArray[Any]  # integers or floats, as the task has them
Floats = NDArray[np.floating]


UNASKED = -1
"""The class number of a step whose prediction counts for nothing, in training and measures."""


@dataclass(frozen=True)
class Tokens:
    """Inputs of shape `(batch, length)`: integers below `vocabulary_size`."""

    vocabulary_size: int
    has_padding: bool = False
    """Whether token 0 fills up shorter sequences behind their end, and is masked."""


@dataclass(frozen=True)
class Channels:
    """Inputs of shape `(batch, length, width)`: real numbers."""

    width: int


@dataclass(frozen=True)
class Classes:
    """Targets of shape `(batch,)`, or `(batch, length)` when `per_step`: class numbers.

    Predictions are logits with one more axis of size `count`; the loss is cross-entropy in nats.
    Steps may be `UNASKED`.
    """

    count: int
    per_step: bool = False


@dataclass(frozen=True)
class Values:
    """Targets of shape `(batch, width)`, or `(batch, length, width)` when `per_step`: real numbers.

    Predictions have the same shape; the loss is the mean squared error. NaN marks steps that are
    not asked.
    """

    width: int
    per_step: bool = False


@dataclass(frozen=True)
class Sequences:
    """Targets of shape `(batch, steps)`: tokens up to and with `end`, then padding.

    How many steps a target has is for the model to find out. Inputs are tokens too, and token 0
    is padding in both. The loss is cross-entropy in nats per target token, each predicted from
    the true ones before it.
    """

    vocabulary_size: int
    start: int
    """The token that is read before the first."""
    end: int
    """The token that ends a sequence."""


class Decoded(NamedTuple):
    """What a model predicts for `Sequences`."""

    logits: Floats
    """`(batch, steps, vocabulary_size)`, each step knowing the true tokens before it."""
    tokens: Array
    """`(batch, steps)`, each step knowing only what the model itself said before it."""


Predictions = Floats | Decoded


Target = Classes | Values | Sequences


class Batch(NamedTuple):
    """Sequences with their targets, axis 0 in step."""

    inputs: Array
    targets: Array


Bounds = tuple[float, float]
"""The lowest and the highest value that something can have."""

UNBOUNDED: Bounds = (-math.inf, math.inf)
SHARE: Bounds = (0.0, 1.0)
"""Of an accuracy."""
NOT_NEGATIVE: Bounds = (0.0, math.inf)
"""Of an error."""


@dataclass(frozen=True)
class Metric:
    """The measure a task is judged by."""

    name: str
    """A key of `Task.measure`, in Keras's words: `accuracy`, `mse`, `token_accuracy`."""
    higher_is_better: bool
    bounds: Bounds = UNBOUNDED
    """What it can be at all: no interval is drawn beyond."""

    def better(self, a: float, b: float) -> bool:
        """Whether `a` is strictly better than `b`; NaN is never better, anything beats NaN."""
        if np.isnan(a) or np.isnan(b):
            return bool(np.isnan(b) and not np.isnan(a))
        return a > b if self.higher_is_better else a < b


@dataclass(frozen=True)
class Task(abc.ABC):
    """A question that a model is trained to answer. Final subclasses are frozen dataclasses.

    The fields of a subclass are its settings, typed with their bounds
    (`Annotated[int, Meta(ge=1)]`), so that configuration errors name the field.
    """

    name: ClassVar[str]
    """What `keras-seq run NAME` calls it."""
    metric: ClassVar[Metric]
    """What validation watches and the leaderboard ranks by."""
    budget: ClassVar[Budget]
    """The default training budget."""
    is_causal: ClassVar[bool] = False
    """Whether later steps of the input give the answers away, so that no model may read ahead."""
    solved: ClassVar[float | None] = None
    """The value of `metric` that counts as solved, where there is an agreed one."""
    evaluation_splits: ClassVar[tuple[Split, ...]] = ("validation", "test")
    """What `evaluation_set` has. `extrapolation` is read once, after `test`."""

    def check(self) -> None:  # noqa: B027  # most read nothing
        """Raise `RequestError` where data that the task reads are not there.

        Asked before an experiment starts, and not when one is read again.
        """

    @property
    @abc.abstractmethod
    def input(self) -> Tokens | Channels:
        """What a model reads."""

    @property
    @abc.abstractmethod
    def target(self) -> Target:
        """What a model predicts."""

    @property
    @abc.abstractmethod
    def sequence_length(self) -> int:
        """Time steps of an input."""

    @property
    def epoch_sequences(self) -> int | None:  # most make every batch anew
        """Sequences of the training set, where it is gone through again and again; else `None`."""
        return None

    @abc.abstractmethod
    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """Batch number `index`: a pure function of its arguments.

        So a trial can go on from any step, and every model sees the same batches in the same
        order for the same seed.
        """

    @abc.abstractmethod
    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """All of `validation`, `test` or another split for `seed`, from a stream of its own."""

    @abc.abstractmethod
    def measure(self, predictions: Any, batch: Batch) -> dict[str, float]:
        """Every measure of `predictions` against `batch`, `loss` among them.

        Models and null baselines are measured by this same function.
        """

    @abc.abstractmethod
    def baselines(self, seed: int) -> Mapping[str, Predictions]:
        """Predictions for the test split that need no learning of sequences, by name."""

    def lengthened(self, factor: float) -> "Task | None":  # most have one length
        """This task with sequences `factor` times as long, or `None` where there is none.

        Its `extrapolation` split tells how a model does beyond the length it was trained on.
        """
        return None

    def pretraining(self) -> "Task | None":  # most have labels for all there is
        """The task without labels from which a network may learn first, or `None`.

        It reads sequences of the same form, and none of those that this task evaluates. Its budget
        says how it is learned; for how long is for the model to say.
        """
        return None

    def bounds(self, measure: str) -> Bounds:
        """What `measure` can be: as the metric, also in a bin of lengths; no loss is negative."""
        if measure == "loss":
            return NOT_NEGATIVE
        known = measure == self.metric.name or measure.startswith(f"{self.metric.name}_")
        return self.metric.bounds if known else UNBOUNDED

    def generator(self, split: Split, seed: int, index: int = 0) -> np.random.Generator:
        """The random stream of one batch; no two splits, seeds, indices or tasks share one."""
        key = (*self.name.encode(), 0, SPLITS.index(split), seed, index)
        return np.random.default_rng(np.random.SeedSequence(key))
