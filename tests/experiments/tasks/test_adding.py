"""Adding against plain Python."""

import itertools
import time
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.adding import Adding, sum_of_marked


def brute_force(sequence):
    """What a person would do: look for the markers and add."""
    return sum(value for value, marker in sequence.tolist() if marker == 1)


@given(length=st.integers(2, 200), size=st.integers(1, 20), seed=st.integers(0, 2**40))
def test_one_marker_in_each_half_and_the_target_is_their_sum(length, size, seed):
    inputs, targets = Adding(length=length).train_batch(seed, 0, size)
    for sequence, target in zip(inputs, targets, strict=True):
        markers = sequence[:, 1].tolist()
        assert sorted(set(markers)) in ([0, 1], [1])
        assert sum(markers[: length // 2]) == 1
        assert sum(markers[length // 2 :]) == 1
        assert ((sequence[:, 0] >= 0) & (sequence[:, 0] < 1)).all()
        assert target.item() == pytest.approx(brute_force(sequence))


@pytest.mark.parametrize(
    ("values", "markers", "total"),
    [
        ([0.3, 0.5, 0.1, 0.9], [0, 1, 1, 0], 0.6),
        ([0.4, 0.7, 0.2, 0.8], [1, 0, 0, 1], 1.2),
    ],
)
def test_worked_examples(values, markers, total):
    example = np.stack([values, markers], axis=-1)
    assert sum_of_marked(example[np.newaxis]).item() == pytest.approx(total)


@pytest.mark.parametrize(("length", "halves"), [(4, ({0, 1}, {2, 3})), (5, ({0, 1}, {2, 3, 4}))])
def test_every_place_of_each_half_is_marked(length, halves):
    markers = Adding(length=length).train_batch(0, 0, 500).inputs[..., 1]
    places = [np.flatnonzero(row) for row in markers]
    assert {first for first, _ in places} == halves[0]
    assert {second for _, second in places} == halves[1]


def test_sizes_are_settings():
    task = Adding(length=7, validation_size=3, test_size=5)
    assert task.evaluation_set("validation", 0).inputs.shape == (3, 7, 2)
    assert task.evaluation_set("test", 0).inputs.shape == (5, 7, 2)


def test_evaluation_sets_differ_by_seed():
    a, b = (Adding().evaluation_set("test", seed).inputs for seed in (0, 1))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("dialect", ["halves", "anywhere"])
def test_baselines_reach_the_known_errors(dialect):
    task = Adding(length=10, dialect=dialect, test_size=20000)
    test = task.evaluation_set("test", 0)
    baselines = task.baselines(0)
    errors = {name: task.measure(values, test)["mse"] for name, values in baselines.items()}
    assert errors == pytest.approx({"constant": 1 / 6, "one marker": 1 / 12}, rel=0.03)


def test_baselines_agree_with_plain_python():
    task = Adding(length=9, test_size=40)
    test = task.evaluation_set("test", 0)
    baselines = task.baselines(0)
    assert len(np.unique(baselines["constant"])) == 1
    for sequence, value in zip(test.inputs.tolist(), baselines["one marker"], strict=True):
        first = next(value for value, marker in sequence if marker == 1)
        assert value.item() == pytest.approx(first + 0.5)


@given(length=st.integers(2, 200), size=st.integers(1, 20), seed=st.integers(0, 2**40))
def test_two_markers_anywhere_and_the_target_is_their_sum(length, size, seed):
    inputs, targets = Adding(length=length, dialect="anywhere").train_batch(seed, 0, size)
    for sequence, target in zip(inputs, targets, strict=True):
        assert sorted(sequence[:, 1].tolist()) == [0] * (length - 2) + [1, 1]
        assert ((sequence[:, 0] >= 0) & (sequence[:, 0] < 1)).all()
        assert target.item() == pytest.approx(brute_force(sequence))


def test_anywhere_every_pair_of_steps_is_as_likely():
    markers = Adding(length=5, dialect="anywhere").train_batch(0, 0, 10_000).inputs[..., 1]
    pairs = Counter(tuple(np.flatnonzero(row).tolist()) for row in markers)
    assert set(pairs) == set(itertools.combinations(range(5), 2))
    assert max(abs(times - 1000) for times in pairs.values()) < 4 * 1000**0.5


@pytest.mark.parametrize("field", ["length", "validation_size", "test_size"])
def test_settings_below_their_bounds_are_refused_by_name(field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: 0}, Adding)


def test_a_length_of_one_has_no_two_halves():
    with pytest.raises(msgspec.ValidationError, match="length"):
        msgspec.convert({"length": 1}, Adding)


def test_an_unknown_dialect_is_refused_by_name():
    with pytest.raises(msgspec.ValidationError, match=r"\$\.dialect"):
        msgspec.convert({"dialect": "thirds"}, Adding)


def test_generates_20000_sequences_of_100_steps_a_second():
    task, batches, size = Adding(length=100), 50, 32
    task.train_batch(0, 0, size)
    start = time.process_time()
    for index in range(batches):
        task.train_batch(0, index, size)
    assert batches * size / (time.process_time() - start) > 20_000
