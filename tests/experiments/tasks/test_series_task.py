"""Series against the files that sktime brings, read here line by line, and published results."""

import importlib.metadata
import sys
from collections import Counter
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from experiments.errors import RequestError
from experiments.request import experiment_request
from experiments.tasks import series as module
from experiments.tasks.measures import accuracy
from experiments.tasks.neighbours import nearest_neighbour
from experiments.tasks.series import FORMS, Series
from experiments.tasks.task import Batch

SPLITS = ("train", "validation", "test")


def lines(dataset, part):
    """Values `(channels, steps)` and class of each series of an official file."""
    folder = Path(str(importlib.metadata.distribution("sktime").locate_file("sktime")))
    text = (folder / f"datasets/data/{dataset}/{dataset}_{part}.ts").read_text()
    for line in text.partition("@data\n")[2].splitlines():
        *channels, label = line.split(":")
        yield np.array([channel.split(",") for channel in channels], float), label


def official(dataset, part):
    values, labels = zip(*lines(dataset, part), strict=True)
    names = sorted(set(labels))
    return Batch(np.array(values), np.array([names.index(label) for label in labels]))


@pytest.fixture(params=FORMS)
def task(request):
    return Series(request.param)


def test_every_set_has_a_declared_form():
    assert set(get_args(get_type_hints(Series)["dataset"])) == FORMS.keys()


def test_sizes_are_as_documented(task):
    row = next(row for row in Series.__doc__.splitlines() if f"| {task.dataset} |" in row)
    sizes = [int(size.replace(",", "")) for size in row.split("|")[-2].split(", ")]
    splits = [len(task.evaluation_set(split, 0).inputs) for split in SPLITS]
    assert [splits[0] + splits[1], splits[2]] == sizes


def test_test_split_is_the_official_one(task):
    raw = list(lines(task.dataset, "TEST"))
    test = task.evaluation_set("test", 0)
    train = task.evaluation_set("train", 0)
    for channel in range(task.input.width):
        flat = np.concatenate([values[channel] for values, _ in raw])
        scaled = test.inputs[:, :, channel].reshape(-1)
        slope, offset = np.polyfit(flat, scaled, 1)
        assert slope * flat + offset == pytest.approx(scaled, abs=1e-4)
    assert train.inputs.mean(axis=(0, 1)) == pytest.approx(0, abs=1e-4)
    assert train.inputs.std(axis=(0, 1)) == pytest.approx(1, abs=1e-4)
    pairs = set(zip(test.targets.tolist(), (label for _, label in raw), strict=True))
    assert len(pairs) == task.target.count


def test_validation_is_a_fifth_of_each_class_of_the_official_training_series(task):
    train, validation = (task.evaluation_set(split, 0) for split in ("train", "validation"))
    counts = Counter(label for _, label in lines(task.dataset, "TRAIN"))
    both = Counter(train.targets.tolist()) + Counter(validation.targets.tolist())
    assert sorted(both.values()) == sorted(counts.values())
    for label, count in Counter(validation.targets.tolist()).items():
        assert count == -(-both[label] // 5)
    rows = [{row.tobytes() for row in split.inputs} for split in (train, validation)]
    assert len(rows[0] | rows[1]) == len(rows[0]) + len(rows[1])


@pytest.mark.parametrize("split", SPLITS)
def test_all_seeds_share_the_splits(split):
    first, other = (Series().evaluation_set(split, seed) for seed in (0, 7))
    assert np.array_equal(first.inputs, other.inputs)


@pytest.mark.parametrize(
    ("dataset", "published"),
    # UCR archive 2018, error of the nearest neighbour at the Euclidean distance, all training
    # series: .46, .2, .0867, .0447, .4793.
    [
        ("ACSF1", 0.54),
        ("ArrowHead", 0.80),
        ("GunPoint", 0.9133),
        ("ItalyPowerDemand", 0.9553),
        ("OSULeaf", 0.5207),
    ],
)
def test_nearest_neighbour_of_all_training_series_is_as_published(dataset, published):
    train, test = official(dataset, "TRAIN"), official(dataset, "TEST")
    logits = nearest_neighbour(train, test.inputs, Series(dataset).target.count)
    assert accuracy(logits, test.targets) == pytest.approx(published, abs=5e-5)


def test_nearest_neighbour_baseline_agrees_with_plain_python():
    task = Series("GunPoint")
    train, test = (task.evaluation_set(split, 0) for split in ("train", "test"))
    logits = task.baselines(0)["1-NN"]
    for sequence, predicted in zip(test.inputs, logits.argmax(axis=-1), strict=True):
        distances = ((train.inputs - sequence) ** 2).sum(axis=(1, 2))
        assert predicted == train.targets[distances.argmin()]
    assert np.exp(logits).sum(axis=-1) == pytest.approx(1)


def test_nothing_of_the_package_is_imported():
    Series().evaluation_set("test", 0)
    assert "sktime" not in sys.modules


def test_data_that_are_not_installed_are_named_with_what_brings_them(monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("a-package-that-is-not-there",))
    with pytest.raises(RequestError, match=r'pip install "keras-seq\[series\]"') as caught:
        experiment_request("series", models="lstm")
    assert "\n" not in str(caught.value)
    # What only describes the task needs no data.
    assert Series("OSULeaf").sequence_length == 427
