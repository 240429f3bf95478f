"""Which inputs a network reads, found on networks of which it is known."""

import functools

import numpy as np
import pytest

from experiments.catalog import MODELS
from experiments.causality import SHORT, dependence, words
from experiments.config import ExperimentConfig
from experiments.events import DependenceFound
from experiments.tasks.task import Batch

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.slow  # TensorFlow takes seconds to import


@functools.cache
def found(model, task, length, **settings):
    """What an untrained model of the catalog reads, in so many steps."""
    document = {"name": task, **dict(SETTINGS[task]), LENGTH.get(task, "length"): length}
    config = ExperimentConfig.from_document(
        {
            "name": "x",
            "task": document,
            "models": [{"name": model, **settings}],
            "protocol": {"match": "none"},
        }
    )
    keras.utils.set_random_seed(0)
    task = config.task.task
    network = config.models[0].model.build(task)
    return dependence(network, task, task.evaluation_set("validation", 0)), task


SETTINGS = {
    "lookahead": {"validation_size": 40},
    "adding": {"validation_size": 40},
    "copy_memory": {"validation_size": 40},
    "reverse": {"validation_size": 40},
    "counting": {"max_n": 2},
}
LENGTH = {"reverse": "max_length", "counting": "test_n"}


@pytest.mark.parametrize(
    ("model", "task", "is_causal", "said"),
    [
        ("lstm", "lookahead", True, "causal"),
        ("gru", "copy_memory", True, "causal"),
        ("bidirectional_lstm", "lookahead", False, "looks ahead"),
        ("transformer", "lookahead", False, "looks ahead"),
        ("gru", "adding", None, "all steps"),
        ("transformer", "adding", None, "all steps"),
        ("seq2seq", "reverse", True, "decoder causal, all steps"),
        ("seq2seq_attention", "reverse", True, "decoder causal, all steps"),
        ("transformer", "reverse", True, "decoder causal, all steps"),
    ],
)
def test_models_of_the_catalog(model, task, is_causal, said):
    assert model in MODELS
    read, of = found(model, task, 12)
    assert read.is_causal is is_causal
    assert words(read, of) == said
    assert read.steps == (32 if task == "copy_memory" else 12)
    assert (read.tried[0], read.tried[-1]) == (0, read.steps - 1)


@pytest.mark.parametrize("model", ["transformer", "self_attention"])
@pytest.mark.parametrize("task", ["lookahead", "counting"])
def test_causal_attention_is_causal(model, task):
    read, of = found(model, task, 12, causal=True, num_layers=2)
    assert read.is_causal
    assert words(read, of) == "causal"


@pytest.mark.parametrize("model", ["transformer", "self_attention"])
def test_one_prediction_of_causal_attention_depends_on_all_steps(model):
    read, of = found(model, "adding", 12, causal=True)
    assert words(read, of) == "all steps"


def test_what_a_recurrent_network_forgets_before_training_is_faint():
    read, of = found("gru", "adding", 200)
    assert read.unread == ()
    assert read.faint == tuple(step for step in read.tried if step <= max(read.faint))
    assert 0 in read.faint
    assert 199 not in read.faint
    assert words(read, of).startswith("all steps, steps 1-")


# Networks made for the purpose


class Windowed:
    """As much of a network as is needed: each output sums the steps from `first` to `last`."""

    inputs = None

    def __init__(self, first, last):
        self.first, self.last = first, last

    def predict_on_batch(self, inputs):
        steps = inputs.shape[1]
        values = inputs.astype(np.float32).reshape(*inputs.shape[:2], -1).sum(axis=-1)
        outputs = [
            values[:, max(0, t + self.first) : max(0, t + self.last + 1)].sum(axis=1)
            for t in range(steps)
        ]
        return np.stack(outputs, axis=1)[..., np.newaxis]


class Pooled(Windowed):
    """One prediction: the sum of the steps from `first` to `last`."""

    def predict_on_batch(self, inputs):
        return inputs[:, self.first : self.last + 1, 0].sum(axis=1, keepdims=True)


def task_of(name, **settings):
    document = {"name": name, "validation_size": 40, **settings}
    return ExperimentConfig.from_document(
        {"name": "x", "task": document, "models": ["seq2seq" if name == "reverse" else "gru"]}
    ).task.task


@pytest.mark.parametrize(
    ("first", "last", "is_causal"),
    [(0, 0, True), (-3, 0, True), (-9, -1, True), (-9, 1, False), (3, 3, False), (0, 40, False)],
)
def test_one_step_ahead_is_enough_to_be_seen(first, last, is_causal):
    task = task_of("lookahead", length=12)
    read = dependence(Windowed(first, last), task, task.evaluation_set("validation", 0))
    assert read.is_causal is is_causal
    assert set(read.unread) <= {0, 1, 2, 11}
    assert (11 in read.unread) is (last < 0)


@pytest.mark.parametrize("last", [3, 7])
def test_steps_that_are_never_read_are_named(last):
    task = task_of("adding", length=12)
    read = dependence(Pooled(2, last), task, task.evaluation_set("validation", 0))
    assert read.unread == tuple(step for step in range(12) if not 2 <= step <= last)
    assert read.faint == ()
    assert words(read, task) == f"nothing of steps 1-2, {last + 2}-12"


def test_a_window_at_the_end_is_not_taken_for_forgetting():
    """Forgotten is only what is read in a short sequence; there this one reads nothing."""
    task = task_of("adding", length=4 * SHORT)
    read = dependence(Pooled(2 * SHORT, 4 * SHORT), task, task.evaluation_set("validation", 0))
    assert read.faint == ()
    assert read.unread[0] == 0
    assert max(read.unread) < 2 * SHORT


def test_a_network_of_one_length_is_looked_at_in_that_length_only():
    task = task_of("adding", length=40)
    inputs = keras.Input((40, 2))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs[:, -1]))
    read = dependence(network, task, task.evaluation_set("validation", 0))
    assert read.unread == read.tried[:-1]
    assert words(read, task).startswith("nothing of steps 1-")


def test_padding_is_no_step():
    task = task_of("reverse", min_length=2, max_length=30)
    whole = task.evaluation_set("validation", 0)
    lengths = (whole.inputs != 0).sum(axis=1)
    short = Batch(whole.inputs[lengths < 20], whole.targets[lengths < 20])
    network = ExperimentConfig.from_document(
        {"name": "x", "task": {"name": "reverse"}, "models": ["seq2seq"]}
    )
    read = dependence(network.models[0].model.build(task), task, short)
    assert max(read.tried) == lengths[lengths < 20].max() - 1


def test_a_network_that_predicts_no_numbers_depends_on_nothing():
    task = task_of("lookahead", length=12)

    class Broken(Windowed):
        def predict_on_batch(self, inputs):
            return np.full((*inputs.shape, 8), np.inf)

    read = dependence(Broken(0, 0), task, task.evaluation_set("validation", 0))
    assert read.unread == read.tried


def test_spans_are_of_neighbours_among_the_steps_tried():
    task = task_of("adding")
    read = DependenceFound(steps=40, tried=(0, 10, 20, 30, 39), unread=(0, 10, 39))
    assert words(read, task) == "nothing of steps 1-11, 40"
