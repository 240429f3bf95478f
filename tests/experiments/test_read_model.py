import json
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import toy
from history import SUPERVISOR, WORKER, begun, ended, supervised, trained, view_of
from hypothesis import given
from hypothesis import strategies as st

from experiments import stats
from experiments.events import (
    BaselineMeasured,
    Damaged,
    LoadSampled,
    Measured,
    Opened,
    Pretrained,
    Process,
    RateChanged,
    Started,
    StatusChanged,
    StopRequested,
    SupervisorEnded,
    TrialEnded,
    TrialQueued,
)
from experiments.read_model import fold_experiment, new_view, with_lost
from experiments.status import Status
from experiments.trial_fold import fold_trial

CONFIG = toy.experiment()  # gru and lstm, seeds 0 and 1, 8 steps
NAMES = [trial.name for trial in CONFIG.trials()]
LATER = Process(pid=7, created=500.0, host="here")


def fingerprint(view):
    """Everything that a view says, with NaN equal to NaN."""

    def plain(thing):
        if hasattr(thing, "step") and hasattr(thing, "value"):
            return [thing.step.tolist(), thing.time.tolist(), thing.value.tolist()]
        if isinstance(thing, frozenset):
            return sorted(thing)
        return msgspec.to_builtins(thing)

    fields = {name: getattr(view, name) for name in view.__dataclass_fields__ if name != "config"}
    if "trials" in fields:
        fields["trials"] = [fingerprint(trial) for trial in view.trials]
    if "baselines" in fields:
        fields["baselines"] = [(b.name, b.values, sorted(b.seeds)) for b in view.baselines]
    if "series" in fields:
        fields["series"] = dict(sorted(view.series.items()))
    return json.dumps(fields, default=plain, sort_keys=True)


Times = st.floats(0, 1000)
Keys = st.sampled_from(["train_loss", "validation_mse", "test_mse"])
Statuses = st.sampled_from(Status)
TrialEvents = st.one_of(
    st.builds(Opened, time=Times, schema=st.just(1)),
    st.builds(Started, time=Times, process=st.just(WORKER), attempt=st.integers(1, 3)),
    st.builds(Started, time=Times, process=st.just(WORKER), step=st.integers(1, 8)),
    st.builds(
        RateChanged,
        time=Times,
        step=st.integers(0, 8),
        before=st.just(0.1),
        learning_rate=st.floats(0.01, 1),
    ),
    st.sampled_from(begun()[1:]),
    st.builds(
        Measured,
        time=Times,
        step=st.integers(1, 8),
        values=st.dictionaries(Keys, st.floats(), max_size=3),
    ),
    st.builds(
        Pretrained,
        time=Times,
        step=st.integers(1, 20),
        values=st.dictionaries(st.sampled_from(["loss", "accuracy"]), st.floats(), max_size=2),
    ),
    st.builds(StatusChanged, time=Times, status=Statuses, reason=st.text(max_size=5)),
    st.builds(Damaged, time=st.just(0.0), line=st.integers(1, 9), problem=st.text(max_size=5)),
)
SupervisorEvents = st.one_of(
    st.builds(Opened, time=Times, schema=st.just(1)),
    st.just(supervised()),
    st.builds(
        TrialEnded,
        time=Times,
        trial=st.sampled_from([*NAMES, "no such trial"]),
        status=Statuses,
        reason=st.text(max_size=5),
    ),
    st.builds(
        TrialQueued,
        time=Times,
        trial=st.sampled_from(NAMES),
        is_paused=st.booleans(),
        retries=st.integers(0, 3),
    ),
    st.builds(
        StopRequested,
        time=Times,
        trial=st.sampled_from(NAMES),
        rung=st.sampled_from(["asked", "terminated", "killed"]),
    ),
    st.builds(
        LoadSampled,
        time=Times,
        trial=st.sampled_from([*NAMES, "no such trial"]),
        cores=st.floats(0, 64),
        memory_bytes=st.integers(0, 2**40),
    ),
    st.builds(
        BaselineMeasured,
        time=Times,
        name=st.sampled_from(["zero", "mean"]),
        seed=st.integers(0, 3),
        values=st.dictionaries(Keys, st.floats(), max_size=2),
    ),
    st.builds(SupervisorEnded, time=Times, reason=st.text(max_size=5)),
    st.builds(Damaged, time=st.just(0.0), line=st.integers(1, 9), problem=st.text(max_size=5)),
)


def parts(items, cuts):
    """`items` cut at the given places."""
    places = sorted(min(cut, len(items)) for cut in cuts)
    return [items[a:b] for a, b in zip([0, *places], [*places, len(items)], strict=True)]


@given(events=st.lists(TrialEvents, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=8))
def test_a_trial_read_in_parts_is_the_trial_read_at_once(events, cuts):
    new = new_view(CONFIG).trials[0]
    views = [new]
    for part in parts(events, cuts):
        views.append(fold_trial(views[-1], part))
    assert fingerprint(views[-1]) == fingerprint(fold_trial(new, events))


@given(events=st.lists(TrialEvents, max_size=30), cut=st.integers(0, 30))
def test_folding_on_changes_no_view_that_was_there_before(events, cut):
    before = fold_trial(new_view(CONFIG).trials[0], events[:cut])
    said = fingerprint(before)
    first = fingerprint(fold_trial(before, events[cut:]))
    assert fingerprint(before) == said
    assert fingerprint(fold_trial(before, events[cut:])) == first


@given(
    events=st.lists(SupervisorEvents, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=8)
)
def test_an_experiment_read_in_parts_is_the_experiment_read_at_once(events, cuts):
    view = view_of(CONFIG, {NAMES[0]: begun(500.0)})
    said = fingerprint(view)
    in_parts = view
    for part in parts(events, cuts):
        in_parts = fold_experiment(in_parts, part)
    assert fingerprint(in_parts) == fingerprint(fold_experiment(view, events))
    assert fingerprint(view) == said


def test_a_new_experiment_waits():
    view = new_view(CONFIG)
    assert view.status is Status.QUEUED
    assert {trial.status for trial in view.trials} == {Status.QUEUED}
    assert math.isnan(view.remaining_seconds)
    trial = view.trials[0]
    assert (trial.step, trial.progress, trial.reason) == (0, 0.0, "")
    for unknown in (trial.seconds, trial.step_seconds, trial.remaining_seconds, trial.best("x")):
        assert math.isnan(unknown)
    assert view.trial(trial.name) is trial
    assert view.trial("nobody") is None


# The way of a trial


def pretrained(losses, since=102.0):
    """A second for each update, of which some are told."""
    return [
        Pretrained(time=since + step, step=step, values={"loss": loss, "accuracy": 0.1})
        for step, loss in losses.items()
    ]


def test_pretraining_has_steps_of_its_own():
    config = toy.experiment(
        task={"name": "topics"}, models=[{"name": "bert", "pretraining_steps": 20}]
    )
    config = replace(config, budget=replace(config.budget, steps=8))
    trial = fold_trial(new_view(config).trials[0], begun() + pretrained({1: 3.6}))
    assert math.isnan(trial.remaining_seconds)  # the first update was compiled
    trial = fold_trial(trial, pretrained({5: 3.5}))
    assert (trial.pretraining_steps, trial.step, trial.progress) == (5, 0, 5 / 28)
    assert trial.remaining_seconds == 15 + 8  # at the pace of the last four
    trial = fold_trial(trial, pretrained({20: 2.0}))
    assert (trial.pretraining_steps, trial.step, trial.progress) == (20, 0, 20 / 28)
    assert trial.remaining_seconds == 8
    assert trial.seconds == 22.0  # it counts
    trial = fold_trial(trial, trained({1: 0.9}, "train_loss", since=125.0))
    assert trial.remaining_seconds == 7.0  # still at that pace: this update was compiled
    trial = fold_trial(trial, trained({4: 0.5}, "train_loss", since=128.0))
    assert (trial.pretraining_steps, trial.step, trial.progress) == (20, 4, 24 / 28)
    assert trial.remaining_seconds == 8.0  # two seconds each
    assert trial.values("train_loss").step.tolist() == [1, 4]
    assert trial.values("pretraining_loss").step.tolist() == [1, 5, 20]
    assert trial.values("pretraining_loss").value.tolist() == [3.6, 3.5, 2.0]
    assert trial.values("pretraining_accuracy").last == 0.1
    assert trial.metrics() == {}  # none of the outcome


def test_progress_and_the_time_left_count_the_updates_of_pretraining():
    config = toy.experiment(
        task={"name": "topics"},
        models=[{"name": "bert", "pretraining_steps": 30}, "lstm"],
        seeds=[0],
        budget={"steps": 10},
    )
    assert [trial.updates for trial in config.trials()] == [40, 10]
    story = begun() + pretrained({1: 3.6, 15: 3.5})
    view = view_of(config, {"bert-s0": story}, [supervised(1)])
    assert view.progress == pytest.approx(15 / 50)
    # 25 updates at a second each, and 10 of the other at the pace of 42 s for 40.
    assert view.remaining_seconds == pytest.approx(25 + 10 * 42 / 40)
    story += pretrained({30: 2.0}) + trained({5: 0.5}, "train_loss", since=132.0)
    view = view_of(config, {"bert-s0": story}, [supervised(1)])
    assert view.progress == pytest.approx(35 / 50)


def test_pretraining_is_done_again_from_the_first_step_and_kept_by_a_checkpoint():
    before = begun() + pretrained({10: 3.0, 20: 2.0})
    before += trained({2: 0.9, 4: 0.5}, "train_loss", since=122.0)
    trial = fold_trial(new_view(CONFIG).trials[0], before)
    anew = fold_trial(trial, begun(200.0, attempt=2))
    assert (anew.pretraining_steps, anew.step) == (0, 0)
    again = Started(time=200.0, process=LATER, attempt=2, step=2)
    gone_on = fold_trial(trial, [again])
    assert (gone_on.pretraining_steps, gone_on.step) == (20, 2)
    assert gone_on.values("pretraining_loss").step.tolist() == [10, 20]
    assert gone_on.values("train_loss").step.tolist() == [2]


def test_the_way_of_a_trial():
    trial = new_view(CONFIG).trials[0]
    trial = fold_trial(trial, begun())
    assert trial.status is Status.RUNNING
    assert trial.process == WORKER
    assert trial.num_parameters == 5
    trial = fold_trial(trial, trained({1: 0.9, 4: 0.5}, "train_loss"))
    trial = fold_trial(trial, trained({1: 0.9, 4: 0.5}, "validation_mse"))
    assert (trial.step, trial.progress) == (4, 0.5)
    assert trial.seconds == 6.0  # since its start
    assert trial.remaining_seconds == 4.0  # at the pace since its first update
    trial = fold_trial(trial, trained({8: 0.7}, "validation_mse") + ended())
    assert trial.status is Status.COMPLETED
    assert trial.seconds == 20.0
    assert trial.remaining_seconds == 0.0
    assert trial.best("validation_mse") == 0.5  # lower is better
    assert trial.metrics() == {"validation_mse": 0.7}


@pytest.mark.parametrize("status", Status)
def test_a_worker_s_word_is_its_status(status):
    trial = fold_trial(new_view(CONFIG).trials[0], begun() + ended(status, "why"))
    assert (trial.status, trial.reason) == (status, "why")
    assert math.isnan(trial.ended) == (not status.is_finished)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.STOPPED])
def test_the_supervisor_s_word_does_not_replace_the_worker_s(status):
    word = [TrialEnded(time=121.0, trial=NAMES[0], status=Status.FAILED, reason="killed")]
    view = view_of(CONFIG, {NAMES[0]: begun() + ended(status, "mine")}, [supervised(), *word])
    assert (view.trials[0].status, view.trials[0].reason) == (status, "mine")


@pytest.mark.parametrize("story", [[], begun(), begun() + ended(Status.PAUSED)])
def test_the_supervisor_s_word_stands_where_the_worker_left_none(story):
    word = [TrialEnded(time=121.0, trial=NAMES[0], status=Status.FAILED, reason="killed")]
    view = view_of(CONFIG, {NAMES[0]: story}, [supervised(), *word])
    trial = view.trials[0]
    assert (trial.status, trial.reason, trial.ended) == (Status.FAILED, "killed", 121.0)
    assert view.trials[1].status is Status.QUEUED


def test_the_worker_s_word_stands_even_when_it_is_read_later():
    word = [TrialEnded(time=121.0, trial=NAMES[0], status=Status.FAILED, reason="killed")]
    view = view_of(CONFIG, {NAMES[0]: begun()}, [supervised(), *word])
    assert fold_trial(view.trials[0], ended()).status is Status.COMPLETED


def test_a_new_attempt_begins_anew():
    first = begun() + trained({1: 0.9, 8: math.nan}, "train_loss") + ended(Status.FAILED, "NaN")
    second = begun(200.0, attempt=2, process=LATER) + trained({1: 0.8}, "train_loss", since=202.0)
    damage = [Damaged(time=0.0, line=3, problem="odd")]
    trial = fold_trial(new_view(CONFIG).trials[0], first + damage + second)
    assert (trial.status, trial.reason, trial.attempt) == (Status.RUNNING, "", 2)
    assert trial.process == LATER
    assert trial.step == 1
    assert list(trial.values("train_loss").value) == [0.8]
    assert math.isnan(trial.remaining_seconds)  # until it has a pace of its own
    assert len(trial.problems) == 1  # the file is damaged whoever writes it


def test_a_word_about_an_attempt_is_not_held_against_the_next():
    old = [
        StopRequested(time=119.0, trial=NAMES[0], rung="killed"),
        TrialEnded(time=121.0, trial=NAMES[0], status=Status.STOPPED, reason="stopped"),
    ]
    story = begun() + begun(200.0, attempt=2)
    trial = view_of(CONFIG, {NAMES[0]: story}, [supervised(), *old]).trials[0]
    assert (trial.status, trial.stop_rung) == (Status.RUNNING, "")


def paused(*spans):
    """Pauses of a worker."""
    return [
        StatusChanged(time=time, status=status)
        for since, until in spans
        for time, status in ((since, Status.PAUSED), (until, Status.RUNNING))
    ]


def at(step, time, key="train_loss"):
    return Measured(time=time, step=step, values={key: float(step)})


@given(pauses=st.lists(st.floats(0.1, 50), max_size=4))
def test_a_pause_counts_neither_as_work_nor_in_what_remains(pauses):
    """However long somebody waits, the trial says of its work what it said without."""
    story, time = begun(), 103.0
    for step in range(1, 5):
        story.append(at(step, time))
        if pauses:
            until = time + pauses.pop()
            story += paused((time, until))
            time = until
        time += 1
    straight = begun() + [at(step, 102.0 + step) for step in range(1, 5)]
    trial, other = (fold_trial(new_view(CONFIG).trials[0], s) for s in (story, straight))
    assert trial.status is Status.RUNNING
    assert trial.seconds == pytest.approx(other.seconds)
    assert trial.remaining_seconds == pytest.approx(other.remaining_seconds)
    np.testing.assert_allclose(
        trial.seconds_at(trial.values("train_loss").time),
        other.seconds_at(other.values("train_loss").time),
    )


def test_the_clock_of_a_paused_trial_stands_still():
    story = [*begun(), at(1, 103.0), *paused((104.0, 106.0)), *paused((110.0, 0.0))[:1]]
    trial = fold_trial(new_view(CONFIG).trials[0], story)
    assert trial.status is Status.PAUSED
    assert trial.seconds == 8.0
    assert list(trial.seconds_at([103.0, 105.0, 107.0, 500.0])) == [3.0, 4.0, 5.0, 8.0]
    ended_ = fold_trial(trial, ended(Status.STOPPED, time=700.0))
    assert (ended_.seconds, ended_.idle[-1]) == (8.0, (110.0, 700.0))


def test_a_trial_taken_up_from_a_checkpoint_goes_on_where_that_was_made():
    first = [*begun(), at(1, 103.0), at(3, 105.0), at(4, 106.0), at(6, 108.0)]
    change = RateChanged(time=107.0, step=5, before=0.1, learning_rate=0.05)
    story = [*first, *paused((110.0, 150.0)), change, *ended(Status.STOPPED, "so", time=151.0)]
    again = Started(time=200.0, process=LATER, attempt=2, step=4)
    trial = fold_trial(new_view(CONFIG).trials[0], [*story, again])
    assert (trial.status, trial.step, trial.attempt, trial.reason) == (Status.RUNNING, 4, 2, "")
    assert list(trial.values("train_loss").step) == [1, 3, 4]
    assert trial.rate_changes == ()
    assert trial.learning_rate == trial.config.budget.learning_rate
    # What is done again is not counted twice, nor is the time between.
    assert trial.idle == ((106.0, 200.0),)
    assert trial.seconds == 6.0
    assert [(a.number, a.status, a.reason, a.step) for a in trial.attempts] == [
        (1, Status.STOPPED, "so", 0),
        (2, Status.RUNNING, "", 4),
    ]
    # At the present pace, a second a step, once it is known.
    assert math.isnan(trial.remaining_seconds)
    built = replace_time(begun()[1], 202.0)
    hasty = fold_trial(trial, [built, at(5, 203.0), at(6, 203.5)])
    assert math.isnan(hasty.remaining_seconds)
    trial = fold_trial(trial, [built, at(5, 203.0), at(6, 204.0)])
    assert trial.remaining_seconds == 2.0
    assert list(trial.values("train_loss").step) == [1, 3, 4, 5, 6]


def replace_time(event, time):
    return msgspec.structs.replace(event, time=time)


def test_one_tried_again_from_the_first_step_shows_nothing_of_before():
    story = [*begun(), at(3, 105.0), *ended(Status.FAILED, "NaN", time=106.0)]
    trial = fold_trial(new_view(CONFIG).trials[0], [*story, *begun(200.0, attempt=2)])
    assert (trial.started, trial.step, len(trial.series), trial.seconds) == (200.0, 0, 0, 2.0)
    assert [attempt.reason for attempt in trial.attempts] == ["NaN", ""]


@pytest.mark.parametrize("in_parts", [True, False])
def test_the_supervisor_tells_how_attempts_ended_whenever_it_is_read(in_parts):
    """A worker that is killed leaves no word of its own."""
    ends = [
        TrialEnded(time=150.0, trial="gru-s0", status=Status.FAILED, reason="killed"),
        TrialQueued(time=190.0, trial="gru-s0", retries=1),
    ]
    again = begun(200.0, attempt=2, process=LATER)
    view = new_view(CONFIG)
    parts_ = [(begun(), ends), (again, [])] if in_parts else [(begun() + again, ends)]
    for of_worker, of_supervisor in parts_:
        trials = (fold_trial(view.trials[0], of_worker), *view.trials[1:])
        view = fold_experiment(view.with_trials(trials), of_supervisor)
    trial = view.trials[0]
    assert (trial.status, trial.reason, trial.process, trial.retries) == (
        Status.RUNNING,
        "",
        LATER,
        1,
    )
    assert [(a.number, a.status, a.reason) for a in trial.attempts] == [
        (1, Status.FAILED, "killed"),
        (2, Status.RUNNING, ""),
    ]


@pytest.mark.parametrize(("is_paused", "status"), [(True, Status.PAUSED), (False, Status.QUEUED)])
def test_a_trial_that_waits_says_for_what(is_paused, status):
    failed = begun() + ended(Status.FAILED, "NaN")
    event = TrialQueued(time=130.0, trial="gru-s0", is_paused=is_paused, retries=1)
    view = view_of(CONFIG, {"gru-s0": failed}, [supervised(), event])
    trial = view.trials[0]
    assert (trial.status, trial.reason, trial.process) == (status, "", None)
    assert view.status is Status.RUNNING  # others are queued


def test_a_stop_shows_how_far_it_went():
    rungs = [
        StopRequested(time=110.0 + i, trial=NAMES[0], rung=rung)
        for i, rung in enumerate(["asked", "terminated", "killed"])
    ]
    for count, expected in enumerate(["", "asked", "terminated", "killed"]):
        view = view_of(CONFIG, {NAMES[0]: begun()}, [supervised(), *rungs[:count]])
        assert view.trials[0].stop_rung == expected


def test_damage_is_told_by_line_and_changes_nothing_else():
    story = begun() + trained({1: 0.5}, "train_loss")
    damage = Damaged(time=0.0, line=4, problem="odd")
    trial = fold_trial(new_view(CONFIG).trials[0], [*story[:1], damage, *story[1:], damage])
    assert trial.problems == ("line 4 is damaged and was left out: odd",) * 2
    assert trial.updated == 103.0
    view = view_of(CONFIG, {}, [supervised(), damage])
    assert view.problems == ("line 4 is damaged and was left out: odd",)


def test_step_seconds_leave_the_compilation_out():
    trial = fold_trial(new_view(CONFIG).trials[0], begun())
    times = {1: 9.0, 2: 0.1, 3: 0.3, 4: 0.2}
    assert math.isnan(trial.step_seconds)
    only_compiled = fold_trial(trial, trained({1: 9.0}, "step_seconds"))
    assert only_compiled.step_seconds == 9.0
    assert fold_trial(trial, trained(times, "step_seconds")).step_seconds == 0.2


@pytest.mark.parametrize(
    ("values", "lower", "higher"),
    [
        ({1: 0.5, 2: 0.2, 3: 0.9}, 0.2, 0.9),
        ({1: math.nan, 2: 0.4}, 0.4, 0.4),
        ({1: math.nan}, math.nan, math.nan),
        ({1: math.inf, 2: 1.0}, 1.0, math.inf),
        ({}, math.nan, math.nan),
    ],
)
def test_best_is_the_task_s_best_and_nan_is_never_it(values, lower, higher):
    for task, expected in (("toy:Sums", lower), ("digits", higher)):
        config = toy.experiment(task={"name": task})
        trial = fold_trial(new_view(config).trials[0], trained(values, "validation_x"))
        assert trial.best("validation_x") == pytest.approx(expected, nan_ok=True)


# The experiment


def experiment_with(statuses):
    stories = {}
    for name, status in zip(NAMES, statuses, strict=False):
        stories[name] = [] if status is Status.QUEUED else begun() + ended(status)
    return view_of(CONFIG, stories)


C, F, L, P, Q, R, S = (
    Status.COMPLETED,
    Status.FAILED,
    Status.LOST,
    Status.PAUSED,
    Status.QUEUED,
    Status.RUNNING,
    Status.STOPPED,
)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([Q, Q, Q, Q], R),  # its supervisor is at work
        ([R, Q, Q, Q], R),
        ([C, C, C, R], R),
        ([P, P, P, P], P),
        ([P, C, P, F], P),
        ([P, P, P, R], R),
        ([C, C, C, C], C),
        ([C, F, C, C], F),
        ([C, F, S, C], F),
        ([C, S, C, C], S),
        ([L, F, S, C], L),
        ([C, C, C, Status.PRUNED], Status.PRUNED),
    ],
)
def test_an_experiment_s_status_follows_from_its_trials(statuses, expected):
    assert experiment_with(statuses).status is expected


def test_the_backend_is_what_the_first_supervisor_chose_or_what_the_trials_tell():
    assert view_of(CONFIG, {}).backend == ""
    stories = {NAMES[1]: begun()}
    old = view_of(CONFIG, stories)  # from before supervisors told of it
    assert old.backend == "none"
    told = msgspec.structs.replace(supervised(), backend="jax")
    assert view_of(CONFIG, {}, [told]).backend == "jax"
    assert view_of(CONFIG, stories, [told, supervised()]).backend == "jax"


def test_an_experiment_keeps_its_first_start_and_its_last_end():
    later = msgspec.structs.replace(supervised(jobs=5), time=300.0, process=LATER)
    gave_up = SupervisorEnded(time=200.0, reason="gave up")
    view = view_of(CONFIG, {}, [supervised(), gave_up])
    assert (view.started, view.ended, view.reason) == (90.0, 200.0, "gave up")
    view = fold_experiment(view, [later])
    assert (view.started, view.reason, view.jobs) == (90.0, "", 5)
    assert math.isnan(view.ended)
    assert view.process == LATER


def test_baselines_are_collected_over_seeds_once_each():
    measured = [
        BaselineMeasured(time=91.0, name=name, seed=seed, values={"test_mse": seed + bonus})
        for seed in (0, 1)
        for name, bonus in (("zero", 1.0), ("mean", 0.0))
    ]
    # A second supervisor measures them again, with the same outcome.
    view = view_of(CONFIG, {}, [supervised(), *measured, supervised(), *measured])
    assert {b.name: b.values for b in view.baselines} == {
        "zero": {"test_mse": (1.0, 2.0)},
        "mean": {"test_mse": (0.0, 1.0)},
    }
    assert view.baselines[0].interval("test_mse") == stats.t_interval([1.0, 2.0])
    assert math.isnan(view.baselines[0].interval("absent").mean)


# What is lost


def living(*alive):
    return lambda process: process in alive


@pytest.mark.parametrize("status", [Q, R, P])
def test_open_trials_without_worker_and_supervisor_are_lost(status):
    view = experiment_with([status, C, F, S])
    lost = with_lost(view, living())
    assert [trial.status for trial in lost.trials] == [L, C, F, S]
    assert lost.trials[0].reason == "its supervisor is gone"
    assert lost.status is L
    assert view.trials[0].status is status


def test_a_trial_whose_worker_lives_is_not_lost():
    view = experiment_with([R, Q, C, C])
    assert [trial.status for trial in with_lost(view, living(WORKER)).trials] == [R, L, C, C]


def test_nothing_is_lost_while_the_supervisor_lives():
    view = experiment_with([R, Q, P, C])
    assert with_lost(view, living(SUPERVISOR)) is view


def test_nothing_is_lost_before_a_supervisor_came():
    view = new_view(CONFIG)
    assert with_lost(view, living()) is view


def test_a_finished_experiment_is_not_asked_after():
    view = experiment_with([C, C, F, S])

    def nobody_asks(process):
        raise AssertionError(process)

    assert with_lost(view, nobody_asks) is view


# What processes take


def load(trial, time, cores=1.0, memory_bytes=5):
    return LoadSampled(time=time, trial=trial, cores=cores, memory_bytes=memory_bytes)


def test_the_load_is_that_of_the_last_look():
    first, second, other = load(NAMES[0], 105.0), load(NAMES[0], 108.0, 0.0), load(NAMES[1], 106.0)
    stories = {name: begun() for name in NAMES}
    view = view_of(CONFIG, stories, [supervised(), first, other, second])
    assert [trial.load for trial in view.trials] == [second, other, None, None]
    # Looks are no word of the trial: nothing of its time changes.
    assert view.trials[0].updated == view_of(CONFIG, stories).trials[0].updated
    assert view.elapsed_seconds == view_of(CONFIG, stories).elapsed_seconds


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_loads_are_the_same_in_whatever_parts_they_are_read(size):
    story = [
        supervised(),
        load(NAMES[0], 103.0),
        load(NAMES[1], 104.0),
        load(NAMES[0], 106.0, 2.0),
        StopRequested(time=107.0, trial=NAMES[0], rung="asked"),
        load(NAMES[0], 109.0, 0.5),
        load(NAMES[2], 110.0),
    ]
    view = view_of(CONFIG, {name: begun() for name in NAMES}, [])
    for start in range(0, len(story), size):
        view = fold_experiment(view, story[start : start + size])
    assert [trial.load for trial in view.trials] == [story[5], story[2], story[6], None]
    assert view.trials[0].stop_rung == "asked"


def test_a_load_is_of_one_attempt():
    first = load(NAMES[0], 105.0)
    view = view_of(CONFIG, {NAMES[0]: begun()}, [supervised(), first])
    queued = fold_experiment(view, [TrialQueued(time=110.0, trial=NAMES[0])])
    assert queued.trials[0].load is None
    again = begun() + begun(200.0, attempt=2)
    for order in ([supervised(), first], [supervised(), first, load(NAMES[0], 203.0, 3.0)]):
        # The journals are read one after the other, or as they grow.
        at_once = view_of(CONFIG, {NAMES[0]: again}, order)
        trial = fold_trial(view.trials[0], begun(200.0, attempt=2))
        grown = fold_experiment(view.with_trials((trial, *view.trials[1:])), order[2:])
        assert at_once.trials[0].load == grown.trials[0].load
        assert (grown.trials[0].load is None) == (len(order) == 2)


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_load_counts_from_the_start_of_the_process(attempt):
    """Which takes seconds to import a backend before it says that it has taken up its trial."""
    before = begun(50.0) + ended(F, time=60.0) if attempt == 2 else []
    history = [supervised(), load(NAMES[0], 55.0), TrialQueued(time=61.0, trial=NAMES[0])]
    history = history if attempt == 2 else history[:1]
    early = load(NAMES[0], 105.0, 0.7)
    process = msgspec.structs.replace(WORKER, created=100.0)
    started = begun(108.0, attempt=attempt, process=process)
    fresh = view_of(CONFIG, {NAMES[0]: before + started}, [*history, early])
    watched = view_of(CONFIG, {NAMES[0]: before}, [*history, early])
    grown = fold_trial(watched.trials[0], started)
    assert fresh.trials[0].load == watched.trials[0].load == grown.load == early
    # It tells the same of a process that is looked at again, however it is read.
    later = load(NAMES[0], 110.0, 1.0)
    assert view_of(CONFIG, {NAMES[0]: before + started}, [early, later]).trials[0].load == later


# Time that remains


def test_the_remaining_time_is_the_longest_trial_or_the_shared_work():
    """Two at a time; one has 4 s to go, three more take 4 + 4 + 2 s each."""
    view = view_of(
        CONFIG, {NAMES[0]: begun() + trained({1: 0.9, 4: 0.5}, "train_loss")}, [supervised(2)]
    )
    whole = 2 + 4 + 4
    assert view.remaining_seconds == pytest.approx((4 + 3 * whole) / 2)
    wide = view_of(
        CONFIG, {NAMES[0]: begun() + trained({1: 0.9, 4: 0.5}, "train_loss")}, [supervised(9)]
    )
    assert wide.remaining_seconds == pytest.approx(whole)


def test_what_failed_early_says_nothing_of_the_time_the_others_take():
    failed = begun() + trained({1: math.nan}, "train_loss") + ended(F, time=103.5)
    view = view_of(CONFIG, {NAMES[0]: failed, NAMES[1]: begun()})
    assert math.isnan(view.remaining_seconds)
    running = {NAMES[0]: failed, NAMES[1]: begun() + trained({1: 0.9, 4: 0.5}, "train_loss")}
    both = view_of(CONFIG, running)
    assert both.remaining_seconds == pytest.approx((4 + 10 + 10) / 2)


@pytest.mark.parametrize("statuses", [[C] * 4, [F] * 4, [S, F, C, L]])
def test_nothing_remains_of_what_is_finished(statuses):
    assert experiment_with(statuses).remaining_seconds == 0.0


def test_trials_that_only_tuned_are_not_compared():
    view = new_view(CONFIG)
    tuned = replace(view.trials[0], config=replace(view.trials[0].config, role="tuning"))
    view = view.with_trials((tuned, *view.trials[1:]))
    assert view.comparison_trials == view.trials[1:]
    assert len(view.trials) == len(CONFIG.trials())


def test_elapsed_time_runs_from_the_start_to_the_last_word_or_the_end():
    view = view_of(CONFIG, {NAMES[0]: begun() + trained({1: 0.9, 4: 0.5}, "train_loss")})
    assert view.elapsed_seconds == 16.0
    assert fold_experiment(view, [SupervisorEnded(time=200.0)]).elapsed_seconds == 110.0
    assert view_of(CONFIG, {}).elapsed_seconds == 0.0


def test_progress_counts_a_finished_trial_whole_however_far_it_came():
    failed = begun() + trained({1: 0.9, 4: 0.5}, "train_loss") + ended(Status.FAILED)
    half = begun() + trained({CONFIG.budget.steps // 2: 0.5}, "train_loss")
    view = view_of(CONFIG, {NAMES[0]: failed, NAMES[1]: half})
    assert view.progress == pytest.approx(1.5 / len(NAMES))
    assert not view.is_finished
    assert view_of(CONFIG, dict.fromkeys(NAMES, failed)).is_finished
