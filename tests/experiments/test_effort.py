from dataclasses import replace

import numpy as np
import pytest
from history import begun, trained, view_of

from experiments.catalog import find_task
from experiments.config import ExperimentConfig
from experiments.effort import Effort, available, per_step, spent
from experiments.events import Built

CONFIG = ExperimentConfig.from_document(
    {
        "name": "effort",
        "task": {"name": "adding", "length": 20},
        "models": [{"name": "lstm"}, {"name": "gru"}],
        "seeds": [0],
        "budget": {"steps": 10, "batch_size": 8},
        "protocol": {"tune": False},
    }
)


def first_trial(**built):
    story = begun() + trained({2: 0.5, 4: 0.25}, "train_loss")
    if built:
        story[1] = Built(num_parameters=5, backend="", device="", threads=1, time=102.0, **built)
    view = view_of(CONFIG, {"lstm-s0": story})
    return view, view.trial("lstm-s0")


@pytest.mark.parametrize(
    ("effort", "expected"),
    [
        (Effort.STEP, [2, 4]),
        (Effort.EXAMPLES, [16, 32]),
        (Effort.EPOCH, [16 / 40, 32 / 40]),
        # The process began at 100 and trained from 102, a second a step.
        (Effort.TIME, [4, 6]),
    ],
)
def test_what_was_spent(effort, expected):
    _, trial = first_trial(epoch_sequences=40)
    series = trial.values("train_loss")
    np.testing.assert_allclose(spent(effort, trial, series.step, series.time), expected)


def test_compute_is_the_cost_of_a_step_times_steps():
    _, trial = first_trial()
    flops = CONFIG.models[0].model.cost(CONFIG.task.task).flops
    assert per_step(Effort.COMPUTE, trial) == flops * 8
    assert spent(Effort.COMPUTE, trial, np.array([3.0]), np.array([0.0])) == flops * 24


def test_epochs_are_known_where_there_is_a_training_set():
    assert Effort.EPOCH not in available(first_trial()[0])
    assert available(first_trial(epoch_sequences=40)[0]) == tuple(Effort)


def test_compute_is_known_where_every_cost_is(monkeypatch):
    view, _ = first_trial()
    assert Effort.COMPUTE in available(view)
    monkeypatch.setattr(type(CONFIG.models[1].model), "cost", lambda self, task: None)
    assert Effort.COMPUTE not in available(view)
    trial = replace(view.trial("gru-s0"))
    assert np.isnan(per_step(Effort.COMPUTE, trial))


@pytest.mark.parametrize("name", ["digits", "adding"])
def test_tasks_with_a_training_set_tell_its_size(name):
    task = find_task(name)()
    if task.epoch_sequences is None:
        assert name == "adding"
        return
    # So many batches of one sequence are all different; the next begins anew.
    batches = [task.train_batch(0, i, 1).inputs.tobytes() for i in range(task.epoch_sequences)]
    again = task.train_batch(0, task.epoch_sequences, 1).inputs.tobytes()
    assert len(set(batches)) >= task.epoch_sequences * 0.99
    assert again in batches
