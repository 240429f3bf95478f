from __future__ import annotations

import math

import msgspec
import pytest
from history import SUPERVISOR, begun, ended, outcome, supervised, trained, view_of

from experiments import digest as digests
from experiments.config import ExperimentConfig
from experiments.digest import Digest, digest, is_at_rest, setting_names, values_of
from experiments.events import SupervisorEnded
from experiments.query import FACTS
from experiments.read_model import new_view
from experiments.status import Status


def config(**changes):
    document = {
        "name": "mine",
        "task": {"name": "adding", "length": 30},
        "models": ["lstm", "gru"],
        "seeds": [0, 1],
        "budget": {"steps": 20},
        "protocol": {"tune": False},
    }
    return ExperimentConfig.from_document({**document, **changes})


def finished():
    values = {"lstm-s0": 0.2, "lstm-s1": 0.4, "gru-s0": 0.1, "gru-s1": 0.2}
    return outcome(config(), values, key="test_mse")


def test_of_a_finished_experiment():
    found = digest(finished())
    assert (found.status, found.task, found.models) == ("completed", "adding", ("lstm", "gru"))
    assert (found.seeds, found.trials, found.completed, found.progress) == (2, 4, 4, 1.0)
    assert (found.best, found.measurement) == ("gru", "test_mse")
    assert found.value == pytest.approx(0.15)
    assert not found.higher_is_better
    assert (found.started, found.duration) == (90.0, 30.0)


def test_of_one_that_has_not_begun():
    found = digest(new_view(config()))
    assert found.status is Status.QUEUED
    assert (found.started, found.duration, found.best, found.value) == (None, None, None, None)


def test_models_with_failed_seeds_do_not_lead():
    stories = {
        "lstm-s0": begun() + trained({20: 0.1}, "test_mse") + ended(),
        "lstm-s1": begun() + trained({20: 0.1}, "test_mse") + ended(Status.FAILED, "nan"),
        **{f"gru-s{s}": begun() + trained({20: 0.3}, "test_mse") + ended() for s in (0, 1)},
    }
    assert digest(view_of(config(), stories)).best == "gru"


def test_it_survives_json():
    found = digest(finished())
    assert msgspec.json.decode(msgspec.json.encode(found), type=Digest) == found


def test_every_fact_and_every_setting_can_be_asked_for():
    values = values_of(digest(finished()), "mine")
    assert set(FACTS) <= values.keys()
    assert values["length"] == values["task.length"] == 30
    assert values["steps"] == values["budget.steps"] == 20
    assert values["tune"] is values["protocol.tune"] is False
    assert values["name"] == "mine"
    assert values.keys() - set(FACTS) <= set(setting_names([digest(finished())]))


def test_settings_of_tasks_of_others_are_known_too():
    found = msgspec.structs.replace(
        digest(finished()), settings={"task": {"Depth": 3}, "budget": {}, "protocol": {}}
    )
    assert {"depth", "task.depth", "length", "budget.steps"} <= set(setting_names([found]))
    assert "depth" not in setting_names([])
    assert values_of(found, "x")["depth"] == 3


@pytest.mark.parametrize("alive", [True, False])
def test_it_is_at_rest_once_nobody_writes(alive, monkeypatch):
    monkeypatch.setattr(digests, "is_alive", lambda process: alive and process == SUPERVISOR)
    assert is_at_rest(finished()) is not alive
    stories = {trial.name: begun() + ended() for trial in config().trials()}
    last = SupervisorEnded(time=130.0)
    assert is_at_rest(view_of(config(), stories, [supervised(), last]))
    stories["gru-s0"] = begun()
    assert not is_at_rest(view_of(config(), stories, [supervised(), last]))


def test_one_that_was_never_taken_up_may_begin_at_any_moment():
    view = new_view(config())
    assert math.isnan(view.ended)
    assert not is_at_rest(view)
