from __future__ import annotations

import random
from contextlib import closing

import numpy as np
import pytest
from history import begun, ended, supervised, trained
from test_history import create

from experiments import replay as module
from experiments.config import ExperimentConfig
from experiments.errors import RequestError
from experiments.events import (
    LoadSampled,
    Process,
    RateChosen,
    StopRequested,
    SupervisorEnded,
    TrialEnded,
)
from experiments.journal import JournalWriter
from experiments.read_model import fold_experiment, new_view
from experiments.reader import ExperimentReader
from experiments.replay import Replay
from experiments.status import Status
from experiments.store import ExperimentFolder
from experiments.trial_fold import fold_trial

ELSEWHERE = Process(pid=7, created=1.0, host="elsewhere")


def stories(config):
    """One completes, one fails and is taken up again, one diverges, one is stopped, two tune."""
    rates = [t.name for t in config.trials() if t.role == "tuning"]
    found = {
        name: begun(95.0 + i, process=ELSEWHERE) + trained({1: 0.4, 5: 0.3}, "validation_mse")
        + ended(time=108.0)
        for i, name in enumerate(rates)
    }  # fmt: skip
    loss = {step: 1 / step for step in range(1, 9)}
    found["lstm-s0"] = [
        *begun(110.0, process=ELSEWHERE),
        *trained(loss, "train_loss", since=112.0),
        *trained({8: 0.1}, "test_mse", since=113.0),
        *ended(time=122.0),
    ]
    found["lstm-s1"] = [
        *begun(111.0, process=ELSEWHERE),
        *trained(loss, "train_loss", since=112.5),
        *begun(125.0, attempt=2, process=ELSEWHERE),
        *trained(loss, "train_loss", since=127.0),
        *ended(time=140.0),
    ]
    found["gru-s0"] = [
        *begun(112.0, process=ELSEWHERE),
        *trained({1: 0.5, 2: float("nan")}, "train_loss", since=114.0),
        *ended(Status.FAILED, "the loss became nan", time=117.0),
    ]
    found["gru-s1"] = begun(113.0, process=ELSEWHERE) + trained(loss, "train_loss", since=115.0)
    supervisor = [
        supervised(),
        RateChosen(time=109.0, model="lstm", learning_rate=0.003, values={"0.003": 0.3}),
        LoadSampled(time=118.0, trial="lstm-s1", cores=1.0, memory_bytes=5),
        LoadSampled(time=119.0, trial="gru-s1", cores=2.0, memory_bytes=6),
        LoadSampled(time=121.0, trial="gru-s1", cores=0.0, memory_bytes=6),
        TrialEnded(time=124.0, trial="lstm-s1", status=Status.FAILED, reason="killed"),
        StopRequested(time=130.0, trial="gru-s1", rung="asked"),
        TrialEnded(time=131.0, trial="gru-s1", status=Status.STOPPED),
        SupervisorEnded(time=141.0),
    ]
    return found, supervisor


@pytest.fixture
def told(tmp_path):
    """An experiment with its journals, and what is in them."""
    document = {
        "name": "told",
        "task": {"name": "adding"},
        "models": ["lstm", "gru"],
        "seeds": [0, 1],
        "budget": {"steps": 8, "learning_rate": 0.003},
        "protocol": {"rate_factors": [0.5, 1.0]},
    }
    config = ExperimentConfig.from_document(document)
    folder = ExperimentFolder.create(tmp_path, config, {})
    trials, supervisor = stories(config)
    for path, events in [
        *((folder.trial(name).journal, events) for name, events in trials.items()),
        (folder.journal, supervisor),
    ]:
        with closing(JournalWriter(path)) as journal:
            for event in events:
                journal.append(event)
    # The first record of a journal says when it was opened, which is now.
    for path in tmp_path.glob("told/**/*.jsonl"):
        path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    return folder, trials, supervisor


def plain(view):
    """Everything that a view says, comparable."""
    found = {**vars(view), "trials": []}
    for trial in view.trials:
        series = {
            key: np.array([one.step, one.time, one.value]).tobytes()
            for key, one in trial.series.items()
            if len(one)
        }
        facts = {key: repr(value) for key, value in vars(trial).items() if key != "series"}
        facts.pop("step_seconds", None)  # what was asked for is kept
        found["trials"].append((facts, series))
    return {key: value if key == "trials" else repr(value) for key, value in found.items()}


def prefix(folder, trials, supervisor, time):
    """The fold of what had happened by then, in one go."""
    view = new_view(folder.read_config())
    by_then = lambda events: [event for event in events if event.time <= time]  # noqa: E731
    view = view.with_trials(
        tuple(fold_trial(trial, by_then(trials.get(trial.name, []))) for trial in view.trials)
    )
    return fold_experiment(view, by_then(supervisor))


def times(trials, supervisor):
    events = [event for story in (*trials.values(), supervisor) for event in story]
    return sorted({event.time for event in events})


@pytest.mark.parametrize("checkpoint", [1, 3, 10_000])
@pytest.mark.parametrize("order", ["forward", "backward", "any"])
def test_at_every_time_it_is_what_had_happened(told, order, checkpoint, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT", checkpoint)
    folder, trials, supervisor = told
    replay = Replay(folder)
    wanted = times(trials, supervisor)
    asked = {
        "forward": wanted,
        "backward": wanted[::-1],
        "any": random.Random(1).choices(wanted, k=60),
    }[order]
    for time in asked:
        assert plain(replay.at(time)) == plain(prefix(folder, trials, supervisor, time)), time


def test_its_end_is_what_everybody_sees_now(told):
    folder = told[0]
    replay = Replay(folder)
    assert (replay.start, replay.end) == (90.0, 141.0)
    now = ExperimentReader(folder).read()
    assert plain(replay.at(replay.end)) == plain(now) == plain(replay.at(1e9))
    replay.at(replay.start)
    assert plain(replay.at(replay.end)) == plain(now)


def test_before_the_beginning_nothing_has_happened(told):
    replay = Replay(told[0])
    assert {trial.status for trial in replay.at(0.0).trials} == {Status.QUEUED}


def test_between_two_events_the_view_is_the_same_object(told):
    replay = Replay(told[0])
    assert replay.at(135.0) is replay.at(139.9)
    assert replay.at(139.9) is not replay.at(140.0)


def test_earlier_views_do_not_change_when_time_goes_on(told):
    replay = Replay(told[0])
    early = replay.at(116.0)
    before = plain(early)
    replay.at(141.0)
    replay.at(118.0)
    replay.at(130.0)
    assert plain(early) == before


def test_who_was_lost_is_lost_at_the_end_alone(told, monkeypatch):
    folder = told[0]
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    folder.journal.write_bytes(b"".join(lines[:2]))
    (folder.trial("gru-s1").journal).write_bytes(b"")
    monkeypatch.setattr(module, "is_alive", lambda process: False)
    replay = Replay(folder)
    last = replay.at(replay.end)
    assert last.trial("gru-s1").status is Status.LOST
    assert replay.at(replay.end - 0.1).trial("gru-s1").status is Status.QUEUED


def test_a_clock_that_was_set_back_does_not_reorder(told):
    folder = told[0]
    path = folder.trial("lstm-s0").journal
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(4, b"{half a rec\n")
    path.write_bytes(b"".join(lines))
    replay = Replay(folder)
    assert replay.start == 90.0
    assert replay.at(115.0).trial("lstm-s0").problems
    assert not replay.at(111.0).trial("lstm-s0").problems


def test_nothing_to_replay_is_said(tmp_path):
    with pytest.raises(RequestError, match="Nothing has happened in one yet"):
        Replay(create(tmp_path, "one"))


def test_when_a_journal_was_opened_holds_nothing_up(tmp_path):
    folder = create(tmp_path, "one")
    with closing(JournalWriter(folder.journal)) as journal:  # now
        journal.append(supervised())
    with closing(JournalWriter(folder.trial("lstm-s0").journal)) as journal:
        for event in begun(100.0):
            journal.append(event)
    replay = Replay(folder)
    assert (replay.start, replay.end) == (90.0, 102.0)
