"""What every task of the catalog keeps to."""

import doctest
import sys

import numpy as np
import pytest

from experiments.catalog import TASKS
from experiments.errors import UnknownNameError
from experiments.tasks.task import UNASKED, Channels, Classes, Decoded, Sequences, Tokens

# Those without labels that others give for pretraining keep to it, too.
BEFORE = [before for task in TASKS.values() if (before := task().pretraining()) is not None]
KINDS = {**TASKS, **{before.name: type(before) for before in BEFORE}}
SPLITS = [(task, split) for task in KINDS.values() for split in task.evaluation_splits]


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def task(request):
    return request.param()


def per_task_and_split(test):
    ids = [f"{task.name}-{split}" for task, split in SPLITS]
    made = [(task(), split) for task, split in SPLITS]
    return pytest.mark.parametrize(("task", "split"), made, ids=ids)(test)


def each(f, predictions):
    """`f` of the array or of every array."""
    if isinstance(predictions, Decoded):
        return Decoded(*map(f, predictions))
    return f(predictions)


def first(predictions):
    return predictions.logits if isinstance(predictions, Decoded) else predictions


def equal(a, b):
    return all(
        np.array_equal(left, right, equal_nan=True) for left, right in zip(a, b, strict=True)
    )


def check_form(task, batch, size, may_be_longer=False):
    assert len(batch.inputs) == len(batch.targets) == size
    if isinstance(task.input, Tokens):
        assert batch.inputs.ndim == 2
        assert batch.inputs.dtype == np.int32
        assert 0 <= batch.inputs.min() <= batch.inputs.max() < task.input.vocabulary_size
        if task.input.has_padding:
            # Whatever follows padding is padding.
            assert not (batch.inputs[:, 1:].astype(bool) & ~batch.inputs[:, :-1].astype(bool)).any()
    else:
        assert isinstance(task.input, Channels)
        assert batch.inputs.shape[2:] == (task.input.width,)
        assert batch.inputs.dtype == np.float32
        assert np.isfinite(batch.inputs).all()
    if isinstance(task.target, Sequences):
        check_sequences(task.target, batch)
        return
    # Only sequences beyond the training range are longer.
    length = batch.inputs.shape[1]
    assert length == task.sequence_length or (may_be_longer and length > task.sequence_length)
    if length > task.sequence_length and isinstance(task.input, Tokens) and task.input.has_padding:
        assert (batch.inputs != 0).sum(axis=1).min() > task.sequence_length
    steps = (length,) if task.target.per_step else ()
    if isinstance(task.target, Classes):
        assert batch.targets.shape == (size, *steps)
        assert batch.targets.dtype == np.int32
        asked = batch.targets[batch.targets != UNASKED]
        assert 0 <= asked.min() <= asked.max() < task.target.count
        assert task.target.per_step or asked.size == batch.targets.size
    else:
        assert batch.targets.shape == (size, *steps, task.target.width)
        assert batch.targets.dtype == np.float32
        assert np.isfinite(batch.targets).any()
        assert not np.isinf(batch.targets).any()
        assert task.target.per_step or np.isfinite(batch.targets).all()


def check_sequences(form, batch):
    assert batch.targets.ndim == 2
    assert batch.targets.dtype == np.int32
    assert 0 <= batch.targets.min() <= batch.targets.max() < form.vocabulary_size
    for sequence in batch.targets.tolist():
        end = sequence.index(form.end)
        assert 0 not in sequence[:end]
        assert not any(sequence[end + 1 :])
    for sequence in batch.inputs.tolist():
        assert sequence == [token for token in sequence if token] + [0] * sequence.count(0)


@pytest.mark.parametrize("size", [1, 7, 32])
def test_training_batches_have_the_declared_form(task, size):
    check_form(task, task.train_batch(seed=0, index=3, size=size), size)


@per_task_and_split
def test_evaluation_sets_have_the_declared_form(task, split):
    batch = task.evaluation_set(split, seed=0)
    check_form(task, batch, len(batch.inputs), may_be_longer=True)


def test_longer_sequences_are_of_the_same_task(task):
    longer = task.lengthened(2)
    if longer is None:
        return
    assert longer.sequence_length > 1.5 * task.sequence_length
    assert longer.input == task.input
    assert longer.target == task.target
    batch = longer.evaluation_set("extrapolation", seed=0)
    check_form(longer, batch, len(batch.inputs))
    assert not equal(batch, longer.evaluation_set("test", seed=0))


def test_pretraining_reads_the_same_tokens_and_nothing_that_is_evaluated(task):
    before = task.pretraining()
    if before is None:
        return
    assert (before.input, before.sequence_length) == (task.input, task.sequence_length)
    read = np.concatenate([before.train_batch(0, index, 1000).inputs for index in range(20)])
    seen = {sequence.tobytes() for sequence in read}
    for split in task.evaluation_splits:
        assert seen.isdisjoint(s.tobytes() for s in task.evaluation_set(split, 0).inputs)


def test_solved_is_worse_than_perfect(task):
    if task.solved is not None:
        assert task.metric.better(float(task.metric.higher_is_better), task.solved)


def test_training_batch_is_a_pure_function_of_seed_index_and_size(task):
    first = task.train_batch(seed=5, index=40, size=16)
    task.train_batch(seed=1, index=2, size=8)
    first.inputs[:] = 0  # what a caller does with its batch stays with the caller
    again = task.train_batch(seed=5, index=40, size=16)
    assert again.inputs.any()
    assert equal(again, type(task)().train_batch(seed=5, index=40, size=16))


@per_task_and_split
def test_evaluation_set_is_a_pure_function_of_split_and_seed(task, split):
    first = task.evaluation_set(split, seed=5)
    first.inputs[:] = 0
    again = task.evaluation_set(split, seed=5)
    assert again.inputs.any()
    assert equal(again, type(task)().evaluation_set(split, seed=5))


def test_training_batches_differ_across_indices_and_seeds(task):
    batch = task.train_batch(seed=0, index=0, size=16)
    assert not equal(batch, task.train_batch(seed=0, index=1, size=16))
    assert not equal(batch, task.train_batch(seed=1, index=0, size=16))


def test_no_sequence_is_in_two_splits(task):
    splits = [task.train_batch(0, 0, 1000).inputs]
    splits += [task.evaluation_set(split, 0).inputs for split in task.evaluation_splits]
    sequences = [{sequence.tobytes() for sequence in inputs} for inputs in splits]
    assert len(set.union(*sequences)) == sum(map(len, sequences))


def test_a_split_that_is_not_there_is_refused_by_name(task):
    with pytest.raises(UnknownNameError, match="Unknown split 'holdout'"):
        task.evaluation_set("holdout", seed=0)


@per_task_and_split
def test_perfect_predictions_measure_perfect(task, split):
    batch = task.evaluation_set(split, seed=0)
    if isinstance(task.target, Sequences):
        logits = 50 * np.eye(task.target.vocabulary_size, dtype=np.float32)[batch.targets]
        predictions = Decoded(logits, batch.targets)
    elif isinstance(task.target, Classes):
        predictions = 50 * np.eye(task.target.count, dtype=np.float32)[batch.targets]
    else:
        predictions = batch.targets
    measures = task.measure(predictions, batch)
    assert measures["loss"] == pytest.approx(0, abs=1e-9)
    assert measures[task.metric.name] == float(task.metric.higher_is_better)


def test_baselines_predict_the_test_split_and_are_not_perfect(task):
    test = task.evaluation_set("test", seed=2)
    sizes = {Classes: "count", Sequences: "vocabulary_size"}
    kind = type(task.target)
    classes = (getattr(task.target, sizes[kind]),) if kind in sizes else ()
    perfect = float(task.metric.higher_is_better)
    baselines = task.baselines(seed=2)
    assert baselines
    for predictions in baselines.values():
        if isinstance(predictions, Decoded):
            assert predictions.tokens.shape == test.targets.shape
        assert first(predictions).shape == test.targets.shape + classes
        measures = task.measure(predictions, test)
        assert all(np.isfinite(value) for value in measures.values())
        assert measures["loss"] > 0
        assert task.metric.better(perfect, measures[task.metric.name])


def test_the_metric_declares_its_bounds_and_keeps_them(task):
    """`Metric(..., bounds=SHARE)` or `NOT_NEGATIVE`: intervals are clipped to them."""
    low, high = task.metric.bounds
    assert (high if task.metric.higher_is_better else low) == float(task.metric.higher_is_better)
    assert task.bounds(f"{task.metric.name}_4_12") == (low, high)
    test = task.evaluation_set("test", seed=2)
    for predictions in task.baselines(seed=2).values():
        assert low <= task.measure(predictions, test)[task.metric.name] <= high


def test_predictions_of_the_wrong_shape_are_refused(task):
    test = task.evaluation_set("test", seed=0)
    predictions = next(iter(task.baselines(seed=0).values()))
    with pytest.raises(ValueError, match="one to one"):
        task.measure(each(lambda array: array[:-1], predictions), test)


def test_predictions_that_are_not_numbers_measure_as_no_better(task):
    test = task.evaluation_set("test", seed=0)
    predictions = next(iter(task.baselines(seed=0).values()))
    # No token is there where there is nothing to choose from.
    nothing = {"f": np.nan, "i": -1}
    predictions = each(lambda array: np.full_like(array, nothing[array.dtype.kind]), predictions)
    measures = task.measure(predictions, test)
    assert np.isnan(measures["loss"])
    assert np.isnan(measures[task.metric.name]) or measures[task.metric.name] == 0


def test_examples_of_the_docstring_hold(task):
    module = sys.modules[type(task).__module__]
    result = doctest.testmod(module)
    assert result.attempted >= 2
    assert result.failed == 0
