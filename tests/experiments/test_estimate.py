from __future__ import annotations

import sys

import pytest
import toy

from experiments.errors import RequestError
from experiments.estimate import Estimate, estimate


def fake(how):
    return [sys.executable, str(toy.FOLDER / "fake_stopwatch.py"), how]


def config(**changes):
    document = {"models": ["gru", "lstm"], "seeds": [0, 1, 2], "budget": {"steps": 100}}
    return toy.experiment(**{**document, **changes})


def test_steps_of_all_trials_are_shared_by_the_places():
    # The stopwatch says 10 ms for the first model and 20 ms for the second.
    found = estimate(config(jobs=2), lambda _: None, fake("answers"))
    assert found == Estimate(
        seconds=pytest.approx(3 * (1 + 2) / 2), jobs=2, updates=33, memory_bytes=2**30
    )


def test_it_takes_no_less_than_the_longest_trial():
    found = estimate(config(seeds=[0], jobs=4), lambda _: None, fake("answers"))
    assert (found.seconds, found.jobs) == (pytest.approx(2.0), 2)


def test_trials_that_tune_count_with_their_own_steps():
    protocol = {"tune": True, "rate_factors": [0.5, 1.0], "tuning_share": 0.5}
    found = estimate(config(jobs=1, protocol=protocol), lambda _: None, fake("answers"))
    assert found.seconds == pytest.approx(3 * (1 + 2) + 2 * 0.5 * (1 + 2))


def test_updates_of_pretraining_count():
    models = [{"name": "bert", "pretraining_steps": 300}, "lstm"]
    settings = config(task={"name": "topics"}, models=models, seeds=[0], jobs=1)
    found = estimate(settings, lambda _: None, fake("answers"))
    assert found.seconds == pytest.approx(400 * 0.01 + 100 * 0.02)


def test_whoever_listens_can_end_it():
    def stop(text):
        raise RequestError("Enough.")

    with pytest.raises(RequestError, match="Enough"):
        estimate(config(), stop, fake("hangs"))


def test_what_cannot_be_measured_is_said():
    with pytest.raises(RequestError, match="gru: out of memory"):
        estimate(config(), lambda _: None, fake("fails"))
