"""A training that is taken up again is the training that was not interrupted, bit by bit."""

import dataclasses
import itertools

import pytest
import toy

from experiments.checkpoint import CheckpointFile
from experiments.control import Control, Request
from experiments.errors import StoreError
from experiments.events import (
    CheckpointSaved,
    DataRead,
    DependenceFound,
    Measured,
    RateChanged,
    Solved,
)
from experiments.listener import Listener
from experiments.training import train

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.slow  # TensorFlow takes seconds to import

TIMED = ("step_seconds", "memory_bytes", "peak_memory_bytes")


def trial(model="toy:Linear", **changes):
    if isinstance(model, str):
        model = {"name": model}
    budget = {"steps": 12, "evaluations": 4, "learning_rate": 0.05}
    return toy.experiment(models=[model], seeds=[3], budget=budget, **changes).trials()[0]


def attempt(config, path, *controls):
    """Train, asked one thing after the other between updates: the records, and whether done."""
    records = []
    asked = itertools.chain(controls, itertools.repeat(controls[-1] if controls else Control()))
    listener = Listener(lambda: next(asked), records.append, sleep=lambda _: None)
    checkpoints = CheckpointFile(path, records.append)
    return records, train(config, records.append, listener, 1, checkpoints)


def interrupted(config, path, *after):
    """The records of a training that was stopped after so many looks, and taken up again."""
    records = []
    for count in after:
        stop = [Control()] * count + [Control(request=Request.STOP)]
        some, is_done = attempt(config, path, *stop)
        assert not is_done
        records += some
    last, is_done = attempt(config, path)
    assert is_done
    return records + last


def numbers(records):
    """What was measured, each number as it is."""
    return [
        (record.step, {key: v for key, v in record.values.items() if key not in TIMED})
        for record in records
        if isinstance(record, Measured) and not set(record.values) <= set(TIMED)
    ]


@pytest.fixture(autouse=True)
def some_updates_at_a_time(monkeypatch):
    """1, 2 and then 3 of them, so that a stop can come after 0, 1, 3, 6 and 9 updates."""
    monkeypatch.setattr("experiments.fit.BLOCK_SECONDS", float("inf"))
    monkeypatch.setattr("experiments.fit.MOST_UPDATES", 3)


DROPPING = {"dropout": 0.3}


@pytest.mark.backends
@pytest.mark.parametrize(
    "model",
    [
        "toy:Linear",
        {"name": "lstm", "units": 4, **DROPPING},
        {"name": "gru", "units": 4, **DROPPING},
        {"name": "transformer", "hidden_dim": 8, **DROPPING},
    ],
    ids=lambda model: model if isinstance(model, str) else model["name"],
)
def test_a_training_taken_up_again_gives_the_same_numbers(tmp_path, model):
    config = trial(model, protocol={"match": "none"})
    straight, _ = attempt(config, tmp_path / "straight")
    path = tmp_path / "checkpoint" / "state.npz"
    assert numbers(interrupted(config, path, 1, 1, 2)) == numbers(straight)


@pytest.mark.parametrize("looks", range(5))
def test_wherever_it_was_interrupted(tmp_path, monkeypatch, looks):
    """In the middle of a record, of a streak, before and after the best validation."""
    monkeypatch.setattr("experiments.budget.Budget.record_every", lambda budget: 5)
    config = trial(task={"name": "toy:Easy"}, protocol={"stop_early": False})
    straight, _ = attempt(config, tmp_path / "straight")
    resumed = interrupted(config, tmp_path / "c" / "state.npz", looks)
    assert numbers(resumed) == numbers(straight)

    def said(records, kind):
        return [(r.split, r.sha256) for r in records if isinstance(r, kind)]

    # The data of the steps that were not made again is known by its hash all the same.
    assert set(said(resumed, DataRead)) == set(said(straight, DataRead))
    assert sum(isinstance(r, DependenceFound) for r in resumed) == (1 if looks else 2)
    assert {r.step for r in resumed if isinstance(r, Solved)} == {3}


def test_a_training_that_ends_early_ends_at_the_same_step(tmp_path):
    config = trial(task={"name": "toy:Easy"})
    straight, _ = attempt(config, tmp_path / "straight")
    assert numbers(interrupted(config, tmp_path / "c" / "s.npz", 3)) == numbers(straight)
    assert numbers(straight)[-1][0] == 9


def test_one_that_tunes_is_taken_up_too(tmp_path):
    config = dataclasses.replace(trial(), role="tuning")
    straight, _ = attempt(config, tmp_path / "straight")
    assert numbers(interrupted(config, tmp_path / "c" / "s.npz", 2)) == numbers(straight)


def saved(records):
    return [record.step for record in records if isinstance(record, CheckpointSaved)]


def test_a_checkpoint_is_made_when_asked_and_before_a_pause_and_at_an_end(tmp_path):
    none, pause = Control(), Control(request=Request.PAUSE)
    once, twice = Control(checkpoints=1), Control(checkpoints=2)
    # Looks after 0, 1, 3 and 6 updates; the next two while it is paused; then after 9.
    looks = [none, once, once, pause, pause, pause, once, twice]
    records, _ = attempt(trial(), tmp_path / "c" / "s.npz", *looks)
    assert saved(records) == [1, 6, 9]
    records, _ = attempt(trial(), tmp_path / "c" / "s.npz", none)
    assert saved(records) == []


@pytest.mark.parametrize(
    ("request_", "kept"), [(Request.STOP, [1]), (Request.PRUNE, [1]), (Request.KILL, [])]
)
def test_who_is_killed_saves_nothing(tmp_path, request_, kept):
    looks = [Control(), Control(request=request_)]
    records, is_done = attempt(trial(), tmp_path / "c" / "s.npz", *looks)
    assert (saved(records), is_done) == (kept, False)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    path = tmp_path / "c" / "s.npz"
    attempt(trial(), path, Control(), Control(request=Request.STOP))
    with pytest.raises(StoreError, match=r"^The checkpoint is of another network.*keras-seq retry"):
        attempt(trial({"name": "toy:Linear", "bias": False}), path)


# Another learning rate


def rates(records):
    found = {r.step: r.values for r in records if isinstance(r, Measured)}
    return {step: v["learning_rate"] for step, v in found.items() if "learning_rate" in v}


def test_another_learning_rate_is_taken_from_the_next_update_on_and_recorded_once(tmp_path):
    looks = [Control()] * 2 + [Control(learning_rate=0.01)]
    records, _ = attempt(trial(), tmp_path / "c" / "s.npz", *looks)
    (change,) = [record for record in records if isinstance(record, RateChanged)]
    assert (change.step, change.before, change.learning_rate) == (3, 0.05, 0.01)
    expected = {step: 0.05 if step <= 3 else 0.01 for step in (1, 2, 4, 5, 7, 8, 10, 11)}
    told = rates(records)
    assert {step: told[step] for step in expected} == pytest.approx(expected)


def test_a_changed_rate_is_that_of_the_attempt_that_goes_on(tmp_path):
    path, other = tmp_path / "c" / "s.npz", Control(learning_rate=0.01)
    straight, _ = attempt(trial(), tmp_path / "straight", Control(), other)
    stop = Control(request=Request.STOP, learning_rate=0.01)
    first, _ = attempt(trial(), path, Control(), other, stop)
    second, _ = attempt(trial(), path)
    assert numbers(first + second) == numbers(straight)
    assert not any(isinstance(record, RateChanged) for record in second)
