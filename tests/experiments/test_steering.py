"""Which trials a wish fits, and what is asked of them."""

import math
import os
from dataclasses import replace

import pytest
import toy
from hypothesis import given
from hypothesis import strategies as st

from experiments import launch
from experiments.control import Control, Request, ask_rate, ask_retry, asked
from experiments.errors import RequestError, StoreError, UnknownNameError
from experiments.events import (
    RateChosen,
    Started,
    StatusChanged,
    SupervisorEnded,
    SupervisorStarted,
    TrialQueued,
)
from experiments.journal import JournalWriter
from experiments.process import this_process
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.steering import Action, _supervised, fits, meant, new_rate, steer
from experiments.store import ExperimentFolder

QUEUED, RUNNING, PAUSED = Status.QUEUED, Status.RUNNING, Status.PAUSED
COMPLETED, FAILED, LOST = Status.COMPLETED, Status.FAILED, Status.LOST
STOPPED, PRUNED = Status.STOPPED, Status.PRUNED
ENDED_BADLY = {FAILED, LOST, STOPPED, PRUNED}
EXPECTED = {
    Action.PAUSE: {QUEUED, RUNNING},
    Action.RESUME: {PAUSED, *ENDED_BADLY},
    Action.STOP: {QUEUED, RUNNING, PAUSED},
    Action.KILL: {QUEUED, RUNNING, PAUSED},
    Action.RETRY: ENDED_BADLY,
    Action.SAVE: {RUNNING},
    Action.SET_RATE: {RUNNING, PAUSED},
}


def write(path, *events):
    journal = JournalWriter(path)
    for event in events:
        journal.append(event)
    journal.close()


@pytest.fixture
def folder(tmp_path):
    """Four trials, of which one runs, one failed, one was stopped, and one waits."""
    folder = ExperimentFolder.create(tmp_path / "runs", toy.experiment(), {})
    write(folder.journal, SupervisorStarted(process=this_process(), jobs=2, threads=1))
    ends = {"gru-s0": None, "gru-s1": FAILED, "lstm-s0": STOPPED}
    for name, status in ends.items():
        write(folder.trial(name).journal, Started(process=this_process()))
        if status:
            write(folder.trial(name).journal, StatusChanged(status=status))
    return folder


@pytest.fixture
def supervise(monkeypatch):
    """Notes whose supervisor would be started."""
    started = []

    def start(folder):
        started.append(folder.name)
        return launch.Launched(folder, f"supervisor {len(started)}")

    monkeypatch.setattr(launch, "supervise", start)
    monkeypatch.setattr("experiments.backend.check_backend", lambda *_: "none")
    return started


def view_of(folder):
    return ExperimentReader(folder).read()


def wishes(folder):
    names = [trial.name for trial in folder.read_config().trials()]
    found = {name: asked(folder.trial(name)) for name in names}
    return {name: control for name, control in found.items() if control != Control()}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("status", Status)
def test_what_fits_follows_from_the_status(folder, action, status):
    view = view_of(folder)
    trial = replace(view.trial("gru-s0"), status=status)
    assert fits(action, trial, view) is (status in EXPECTED[action])


@pytest.mark.parametrize(
    ("rung", "kill"), [("asked", True), ("terminated", True), ("killed", False)]
)
def test_one_that_is_made_to_end_can_only_be_killed(folder, rung, kill):
    view = view_of(folder)
    trial = replace(view.trial("gru-s0"), stop_rung=rung)
    assert not fits(Action.PAUSE, trial, view)
    assert not fits(Action.STOP, trial, view)
    assert fits(Action.KILL, trial, view) is kill


def test_a_rate_that_was_not_chosen_is_not_tried_again(tmp_path):
    config = toy.experiment(protocol={"tune": True}, seeds=[0])
    folder = ExperimentFolder.create(tmp_path, config, {})
    name = next(t.name for t in config.trials() if t.role == "tuning" and t.model.label == "gru")
    write(folder.trial(name).journal, StatusChanged(status=FAILED))
    assert [t.name for t in meant(Action.RETRY, view_of(folder), name)] == [name]
    write(folder.journal, RateChosen(model="gru", learning_rate=0.1, values={}))
    assert meant(Action.RETRY, view_of(folder), name) == []


@pytest.mark.parametrize(
    ("action", "name", "expected"),
    [
        (Action.PAUSE, None, ["gru-s0", "lstm-s1"]),
        (Action.PAUSE, "gru", ["gru-s0"]),
        (Action.PAUSE, "gru-s1", []),
        (Action.RESUME, None, ["lstm-s0"]),
        (Action.RESUME, "gru-s1", ["gru-s1"]),
        (Action.RESUME, "gru", ["gru-s1"]),
        (Action.RETRY, None, ["gru-s1"]),
        (Action.RETRY, "lstm", ["lstm-s0"]),
        (Action.STOP, None, ["gru-s0", "lstm-s1"]),
    ],
)
def test_a_name_means_a_trial_or_a_model_or_all(folder, action, name, expected):
    assert [trial.name for trial in meant(action, view_of(folder), name)] == expected


@pytest.mark.parametrize(
    ("name", "hint"), [("gru-s9", "Did you mean 'gru-s1'?"), ("grv", "Did you mean 'gru'?")]
)
def test_an_unknown_name_is_told_the_nearest(folder, name, hint):
    with pytest.raises(UnknownNameError, match=r"^Unknown trial or model of toy ") as refused:
        meant(Action.STOP, view_of(folder), name)
    assert str(refused.value).endswith(hint)


@given(rate=st.floats(1e-9, 1e3), present=st.floats(1e-9, 1e3))
def test_a_rate_is_a_number_or_a_factor(rate, present):
    assert new_rate(f" {rate!r} ", present) == rate
    assert new_rate(f"x{rate!r}", present) == rate * present


@pytest.mark.parametrize("wish", ["", "x", "0", "-1", "x-1", "x0", "nan", "inf", "1e10", "half"])
def test_what_is_no_rate_is_refused(wish):
    with pytest.raises(RequestError) as refused:
        new_rate(wish, 0.1)
    assert str(refused.value) == (
        "learning rate: expected a number above 0 such as 0.001, or a factor such as x0.5. "
        f"Received: {wish!r}."
    )


@pytest.mark.parametrize(
    ("action", "options", "expected"),
    [
        (Action.PAUSE, {}, {"gru-s0": Control(request=Request.PAUSE)}),
        (Action.STOP, {}, {"gru-s0": Control(request=Request.STOP)}),
        (Action.KILL, {}, {"gru-s0": Control(request=Request.KILL)}),
        (Action.SAVE, {}, {"gru-s0": Control(checkpoints=1)}),
        (Action.SET_RATE, {"rate": "0.5"}, {"gru-s0": Control(learning_rate=0.5)}),
        (Action.SET_RATE, {"rate": "x0.5"}, {"gru-s0": Control(learning_rate=0.0005)}),
        (Action.RESUME, {}, {"gru-s1": Control(retries=1)}),
        (Action.RETRY, {"is_anew": True}, {"gru-s1": Control(retries=1, is_anew=True)}),
        (Action.RETRY, {"rate": "x2"}, {"gru-s1": Control(retries=1, learning_rate=0.002)}),
    ],
)
def test_a_wish_is_written_for_the_trials_it_fits(folder, action, options, expected, monkeypatch):
    monkeypatch.setattr("experiments.backend.check_backend", lambda *_: "none")
    monkeypatch.setattr("experiments.steering._supervised", lambda *_: None)
    steer(folder, action, meant(action, view_of(folder), "gru"), **options)
    assert wishes(folder) == expected


def test_halved_twice_is_a_quarter_although_nothing_was_heard_yet(folder):
    trials = meant(Action.SET_RATE, view_of(folder))
    for _ in range(2):
        steer(folder, Action.SET_RATE, trials, rate="x0.5")
    assert asked(folder.trial("gru-s0")).learning_rate == 0.00025
    ask_rate(folder.trial("gru-s0"), 0.4)
    steer(folder, Action.SET_RATE, trials, rate="x0.5")
    assert asked(folder.trial("gru-s0")).learning_rate == 0.2


def test_one_that_is_paused_is_resumed_where_it_is(folder, supervise):
    write(folder.trial("gru-s0").journal, StatusChanged(status=PAUSED))
    view = view_of(folder)
    steer(folder, Action.PAUSE, [view.trial("gru-s0")])
    assert steer(folder, Action.RESUME, meant(Action.RESUME, view, "gru-s0")) is None
    assert wishes(folder) == {}
    assert supervise == []


# Who takes up what has ended


def test_a_supervisor_at_work_is_waited_for(folder, supervise):
    retries = iter([None, None, TrialQueued(trial="gru-s1", retries=1)])

    def sleep(_):
        if event := next(retries):
            write(folder.journal, event)

    ask_retry(folder.trial("gru-s1"))
    assert _supervised(folder, ["gru-s1"], sleep=sleep) is None
    assert supervise == []
    assert next(retries, "all were needed") == "all were needed"


def test_where_none_is_at_work_one_is_started(folder, supervise, monkeypatch):
    monkeypatch.setattr("experiments.steering.is_alive", lambda process: False)
    trials = meant(Action.RETRY, view_of(folder))
    assert steer(folder, Action.RETRY, trials) == "supervisor 1"
    assert supervise == ["toy"]


def test_one_at_its_end_is_waited_for_and_replaced(folder, supervise, monkeypatch):
    lives = iter([True, True, False])
    monkeypatch.setattr("experiments.steering.is_alive", lambda process: next(lives))
    write(folder.journal, SupervisorEnded())
    ask_retry(folder.trial("gru-s1"))
    assert _supervised(folder, ["gru-s1"], sleep=lambda _: None) == "supervisor 1"


@pytest.mark.parametrize("has_ended", [True, False])
def test_one_that_does_not_answer_is_told_or_has_ended_elsewhere(folder, supervise, has_ended):
    if has_ended:
        write(folder.journal, SupervisorEnded())
    ask_retry(folder.trial("gru-s1"))
    clock = iter(range(100))
    options = {"clock": lambda: next(clock), "sleep": lambda _: None}
    if has_ended:
        assert _supervised(folder, ["gru-s1"], **options) == "supervisor 1"
        return
    with pytest.raises(
        StoreError, match=r"^toy: its supervisor has not taken up gru-s1 within 5 s"
    ):
        _supervised(folder, ["gru-s1"], **options)
    assert supervise == []
    assert math.isnan(view_of(folder).ended)
    assert view_of(folder).process.pid == os.getpid()
