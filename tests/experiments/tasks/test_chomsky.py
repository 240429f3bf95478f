"""The tasks of the Chomsky hierarchy against plain Python."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tasks.cycle_navigation import CycleNavigation
from experiments.tasks.even_pairs import EvenPairs
from experiments.tasks.modular_arithmetic import ModularArithmetic
from experiments.tasks.parity import Parity

TASKS = (Parity, EvenPairs, CycleNavigation, ModularArithmetic)
BINS = ("21_30", "31_40", "41_80", "81_120", "121_160")


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def written(task, inputs):
    """Token sequences as text, without their padding."""
    return ["".join(task.symbols[token - 1] for token in row if token) for row in inputs.tolist()]


def test_lengths_of_training_are_equally_likely(task):
    lengths = (task.train_batch(0, 0, 4000).inputs != 0).sum(axis=1)
    counts = np.bincount(lengths, minlength=41)
    possible = range(1, 41, task.length_step)
    assert set(np.flatnonzero(counts)) == set(possible)
    assert counts.sum() == 4000
    # As many as expected, give or take five standard deviations.
    expected = 4000 / len(possible)
    assert (abs(counts[counts > 0] - expected) < 5 * expected**0.5).all()


@pytest.mark.parametrize(
    ("split", "low", "high"),
    [("validation", 21, 40), ("test", 21, 40), ("extrapolation", 41, 160)],
)
def test_every_length_of_a_split_has_as_many_sequences(task, split, low, high):
    batch = task.evaluation_set(split, 0)
    lengths, counts = np.unique((batch.inputs != 0).sum(axis=1), return_counts=True)
    assert lengths.tolist() == list(range(low, high + 1, task.length_step))
    assert set(counts) == {25}
    assert batch.inputs.shape[1] == high


def test_every_symbol_is_as_frequent_as_its_like(task):
    counts = np.bincount(task.train_batch(0, 0, 2000).inputs.flatten())[1:]
    kinds = (counts[:5], counts[5:]) if isinstance(task, ModularArithmetic) else (counts,)
    assert len(counts) == len(task.symbols)
    for alike in kinds:
        assert alike == pytest.approx(np.full(len(alike), alike.mean()), rel=0.05)


def test_answers_are_nearly_equally_likely(task):
    shares = np.bincount(task.train_batch(0, 0, 5000).targets) / 5000
    assert len(shares) == task.num_answers
    assert (abs(shares - 1 / task.num_answers) < 0.06).all()


def test_baselines_are_at_chance(task):
    task = type(task)(sequences_per_length=200)
    test = task.evaluation_set("test", 0)
    measures = [task.measure(logits, test) for logits in task.baselines(0).values()]
    # Four standard deviations of 2,000 answers and more.
    assert all(abs(m["accuracy"] - 1 / task.num_answers) < 0.045 for m in measures)


def test_the_mean_of_the_bins_is_the_mean_over_lengths(task):
    batch = task.evaluation_set("extrapolation", 0)
    lengths = (batch.inputs != 0).sum(axis=1)
    rng = np.random.default_rng(0)
    is_right = rng.random(len(lengths)) < 0.7
    said = np.where(is_right, batch.targets, (batch.targets + 1) % task.num_answers)
    measures = task.measure(np.eye(task.num_answers)[said], batch)
    assert list(measures) == ["loss", "accuracy", *(f"accuracy_{bin}" for bin in BINS[2:])]
    by_length = [is_right[lengths == length].mean() for length in np.unique(lengths)]
    assert measures["accuracy"] == pytest.approx(np.mean(by_length))
    for bin in BINS[2:]:
        low, high = map(int, bin.split("_"))
        in_bin = is_right[(low <= lengths) & (lengths <= high)]
        assert measures[f"accuracy_{bin}"] == pytest.approx(in_bin.mean())


def test_bins_of_training_lengths(task):
    test = task.evaluation_set("test", 0)
    measures = task.measure(np.eye(task.num_answers)[test.targets], test)
    assert list(measures) == ["loss", "accuracy", *(f"accuracy_{bin}" for bin in BINS[:2])]


@given(seed=st.integers(0, 2**40), split=st.sampled_from(["train", "test", "extrapolation"]))
def test_parity_counts_ones(seed, split):
    check(Parity(max_length=30, sequences_per_length=1), seed, split, parity)


@given(seed=st.integers(0, 2**40), split=st.sampled_from(["train", "test", "extrapolation"]))
def test_even_pairs_counts_changes(seed, split):
    check(EvenPairs(max_length=30, sequences_per_length=1), seed, split, even_pairs)


@given(seed=st.integers(0, 2**40), split=st.sampled_from(["train", "test", "extrapolation"]))
def test_cycle_navigation_walks(seed, split):
    check(CycleNavigation(max_length=30, sequences_per_length=1), seed, split, cycle_navigation)


@given(seed=st.integers(0, 2**40), split=st.sampled_from(["train", "test", "extrapolation"]))
def test_modular_arithmetic_is_that_of_python(seed, split):
    # Python's own arithmetic, with its precedence and its remainders.
    task = ModularArithmetic(max_length=30, sequences_per_length=1)
    check(task, seed, split, lambda text: eval(text) % 5)


def check(task, seed, split, oracle):
    batch = task.train_batch(seed, 0, 40) if split == "train" else task.evaluation_set(split, seed)
    texts = written(task, batch.inputs)
    assert all(texts)
    assert batch.targets.tolist() == [oracle(text) for text in texts]


def parity(text):
    return text.count("1") % 2


def even_pairs(text):
    return sum(pair in (("0", "1"), ("1", "0")) for pair in itertools.pairwise(text)) % 2


def cycle_navigation(text):
    place = 0
    for move in text:
        place = {"+": place + 1, "-": place - 1, "0": place}[move] % 5
    return place


@pytest.mark.parametrize(
    ("task", "sequence", "answer"),
    [
        (Parity, "1010100", 1),
        (Parity, "01111", 0),
        (EvenPairs, "001110", 0),
        (EvenPairs, "0101001", 1),
        (CycleNavigation, "+-0--", 3),
        (CycleNavigation, "+++-", 2),
        (ModularArithmetic, "1+2*3", 2),
        (ModularArithmetic, "1-1-1", 4),
        (ModularArithmetic, "0*1+4*3-2", 0),
    ],
)
def test_published_examples(task, sequence, answer):
    assert task().answer(sequence) == answer


@pytest.mark.parametrize(("field", "value"), [("max_length", 29), ("sequences_per_length", 0)])
@pytest.mark.parametrize("kind", TASKS)
def test_settings_below_their_bounds_are_refused_by_name(kind, field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, kind)
