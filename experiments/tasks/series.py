"""Series: tell the class of a time series from the UCR and UEA archives."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from experiments.budget import Budget
from experiments.errors import RequestError, UnknownNameError
from experiments.tasks.baselines import majority
from experiments.tasks.epochs import epoch_rows
from experiments.tasks.measures import accuracy, cross_entropy
from experiments.tasks.neighbours import nearest_neighbour
from experiments.tasks.task import (
    SHARE,
    Array,
    Batch,
    Channels,
    Classes,
    Floats,
    Metric,
    Split,
    Task,
)
from experiments.tasks.ts_file import read_ts

PACKAGES = ("sktime", "aeon")
"""Installed packages with the data; none of them is imported."""
NUM_PARTS = 5
"""Of every five training series of a class one goes to validation."""


class Form(NamedTuple):
    """What the series of a set look like."""

    channels: int
    steps: int
    classes: int


FORMS = {
    "ACSF1": Form(channels=1, steps=1460, classes=10),
    "ArrowHead": Form(channels=1, steps=251, classes=3),
    "BasicMotions": Form(channels=6, steps=100, classes=4),
    "GunPoint": Form(channels=1, steps=150, classes=2),
    "ItalyPowerDemand": Form(channels=1, steps=24, classes=2),
    "OSULeaf": Form(channels=1, steps=427, classes=6),
}


@dataclass(frozen=True)
class Series(Task):
    """Real series without a download: six sets that the package sktime (or aeon) brings.

    | dataset | a series | classes | training, test |
    |---|---|---|---|
    | ACSF1 | power of an appliance, 1,460 steps | 10 kinds of appliance | 100, 100 |
    | ArrowHead | outline of an arrowhead, 251 steps | 3 kinds | 36, 175 |
    | BasicMotions | 6 channels of a smart watch, 100 steps | 4 activities | 40, 40 |
    | GunPoint | position of a hand, 150 steps | draws a gun, points | 50, 150 |
    | ItalyPowerDemand | power demand of a day, 24 steps | October to March, or not | 67, 1,029 |
    | OSULeaf | outline of a leaf, 427 steps | 6 kinds of tree | 200, 242 |

    The test split is the official one. Of the official training series of each class, in their
    order, every fifth is for validation. Each channel is shifted and scaled to mean 0 and
    deviation 1 over the steps of the training split. All seeds share the splits; the seed decides
    the order of training. The first steps of the first test series of two sets:

    >>> days = Series("ItalyPowerDemand").evaluation_set("test", seed=0)
    >>> print(*days.inputs[0, :4, 0].round(2), "is of class", days.targets[0])
    0.48 -0.4 -0.74 -1.18 is of class 1
    >>> motions = Series("BasicMotions").evaluation_set("test", seed=0)
    >>> print(*motions.inputs[0, :4, 0].round(2), "is of class", motions.targets[0])
    -0.47 -0.47 1.13 0.06 is of class 0

    The package is under the BSD 3-Clause license; nothing of it is copied or imported.

    Source: Dau et al. 2018, "The UCR time series archive"; Bagnall et al. 2018, "The UEA
    multivariate time series classification archive".
    """

    name: ClassVar[str] = "series"
    metric: ClassVar[Metric] = Metric("accuracy", higher_is_better=True, bounds=SHARE)
    budget: ClassVar[Budget] = Budget(steps=1000, batch_size=16, learning_rate=3e-3)

    dataset: Literal[
        "ACSF1", "ArrowHead", "BasicMotions", "GunPoint", "ItalyPowerDemand", "OSULeaf"
    ] = "ItalyPowerDemand"
    """Which set."""

    @property
    def input(self) -> Channels:
        """The channels of a series."""
        return Channels(width=FORMS[self.dataset].channels)

    @property
    def target(self) -> Classes:
        """The class."""
        return Classes(count=FORMS[self.dataset].classes)

    @property
    def sequence_length(self) -> int:
        """All steps."""
        return FORMS[self.dataset].steps

    def check(self) -> None:
        """The data are installed."""
        _paths(self.dataset)

    @property
    def epoch_sequences(self) -> int:
        """The series of an epoch."""
        return len(_splits(self.dataset)["train"].inputs)

    def train_batch(self, seed: int, index: int, size: int) -> Batch:
        """The next `size` series in an endless row of shuffled epochs."""
        train = _splits(self.dataset)["train"]
        rows = epoch_rows(partial(self.generator, "train", seed), len(train.inputs), index, size)
        return Batch(train.inputs[rows], train.targets[rows])

    def evaluation_set(self, split: Split, seed: int) -> Batch:
        """The same series for every seed; there is no `extrapolation` split."""
        splits = _splits(self.dataset)
        if split not in splits:
            raise UnknownNameError("split", split, splits)
        return Batch(*(array.copy() for array in splits[split]))

    def measure(self, predictions: Floats, batch: Batch) -> dict[str, float]:
        """`loss` and `accuracy`."""
        return {
            "loss": cross_entropy(predictions, batch.targets),
            "accuracy": accuracy(predictions, batch.targets),
        }

    def baselines(self, seed: int) -> Mapping[str, Floats]:
        """`majority`: how often each class occurs in training. `1-NN`: the nearest series's."""
        train, test = (_splits(self.dataset)[split] for split in ("train", "test"))
        count = self.target.count
        return {
            "majority": majority(train, test, count),
            "1-NN": nearest_neighbour(train, test.inputs, count),
        }


def _paths(dataset: str) -> tuple[Path, Path]:
    """The official training and test file."""
    for package in PACKAGES:
        try:
            installed = distribution(package)
        except PackageNotFoundError:
            continue
        folder = Path(str(installed.locate_file(f"{package}/datasets/data/{dataset}")))
        paths = folder / f"{dataset}_TRAIN.ts", folder / f"{dataset}_TEST.ts"
        if all(path.is_file() for path in paths):
            return paths
    raise RequestError(
        f"series: the data of {dataset} are not installed. "
        'They come with sktime: pip install "keras-seq[series]".'
    )


@lru_cache(maxsize=len(FORMS))
def _splits(dataset: str) -> Mapping[Split, Batch]:
    train, test = (read_ts(path) for path in _paths(dataset))
    number_in_class = np.empty_like(train.classes)
    for label in np.unique(train.classes):
        number_in_class[train.classes == label] = np.arange((train.classes == label).sum())
    is_validation = number_in_class % NUM_PARTS == 0
    parts: dict[Split, tuple[Array, Array]] = {
        "train": (train.values[~is_validation], train.classes[~is_validation]),
        "validation": (train.values[is_validation], train.classes[is_validation]),
        "test": (test.values, test.classes),
    }
    shown, _ = parts["train"]
    mean, deviation = shown.mean(axis=(0, 1)), shown.std(axis=(0, 1))
    return {
        split: Batch(((values - mean) / deviation).astype(np.float32), classes)
        for split, (values, classes) in parts.items()
    }
