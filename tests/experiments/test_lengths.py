"""Longer sequences, read by networks that need no Keras."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from experiments.catalog import MODELS, TASKS
from experiments.lengths import (
    FACTORS,
    FEWEST_SEQUENCES,
    MOST_SEQUENCES,
    MOST_STEPS,
    _sequences,
    longer,
    measure_lengths,
)
from experiments.tasks.adding import sum_of_marked
from experiments.tasks.task import Batch

TASK = TASKS["adding"](length=10)
GRU = MODELS["gru"]()


class Adder:
    """Solves the task in all lengths; `forgets` after so many steps."""

    def __init__(self, forgets=math.inf, steps=None):
        self.forgets = forgets
        self.shapes = []
        self.inputs = [SimpleNamespace(shape=(None, steps, 2))]

    def predict_on_batch(self, inputs):
        self.shapes.append(inputs.shape[:2])
        return sum_of_marked(inputs) + (0.5 if inputs.shape[1] > self.forgets else 0)


def read(task, count):
    batch = task.evaluation_set("extrapolation", 0)
    return Batch(batch.inputs[:count], batch.targets[:count])


def test_the_curve_begins_at_the_training_length_and_ends_at_eight_times_it():
    found = measure_lengths(Adder(forgets=20), GRU, TASK, read, test=0.25)
    assert found == pytest.approx(
        {
            "test_mse_10_10": 0.25,
            "extrapolation_mse_15_15": 0,
            "extrapolation_mse_20_20": 0,
            "extrapolation_mse_40_40": 0.25,
            "extrapolation_mse_80_80": 0.25,
            "extrapolation_mse": 0.125,
        }
    )


def test_longer_sequences_take_no_more_memory_and_no_second_compilation():
    network = Adder()
    measure_lengths(network, GRU, TASK, read, test=0.0)
    for length in (15, 20, 40, 80):
        (rows,) = {rows for rows, steps in network.shapes if steps == length}
        assert 256 * (10 / length) ** 2 - 1 < rows <= 256 * (10 / length) ** 2


@pytest.mark.parametrize("length", [10, 100, 1000, 10_000])
@pytest.mark.parametrize("factor", FACTORS)
def test_how_many_are_tested_is_bounded(length, factor):
    long = round(factor * length)
    rows = max(1, int(256 / factor**2))
    count = _sequences(long, rows)
    assert count % rows == 0
    assert count + rows >= FEWEST_SEQUENCES
    assert count <= MOST_SEQUENCES
    assert count * long <= max(MOST_STEPS, max(FEWEST_SEQUENCES, rows) * long)


@pytest.mark.parametrize(
    ("network", "model", "said"),
    [
        (Adder(steps=10), GRU, "the network reads 10 steps"),
        (Adder(), replace(MODELS["bert"](), max_sequence_length=10), "bert: max_sequence_length"),
    ],
)
def test_a_network_of_few_steps_is_not_tested_with_more_and_that_is_said(
    network, model, said, capsys
):
    assert measure_lengths(network, model, TASK, read, test=0.0) == {}
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        f"not tested at {steps} steps" for steps in (15, 20, 40, 80)
    ]
    assert all(said in line for line in lines)


def test_without_all_lengths_there_is_no_mean():
    """A mean over the easier lengths would not be comparable."""
    model = replace(MODELS["bert"](), max_sequence_length=20)
    found = measure_lengths(Adder(), model, TASK, read, test=0.0)
    assert found.keys() == {"test_mse_10_10", "extrapolation_mse_15_15", "extrapolation_mse_20_20"}


@pytest.mark.parametrize("task", ["digits", "reverse"])
def test_tasks_without_lengths_or_with_an_extrapolation_of_their_own(task):
    assert list(longer(TASKS[task]())) == []
