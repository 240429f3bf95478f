"""The machinery with fake workers: processes and files are real, networks are not."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import fake_supervisor
import msgspec
import pytest
import toy
from waiting import until

from experiments import gauge
from experiments.control import Request, ask, ask_retry
from experiments.errors import StoreError
from experiments.events import (
    Event,
    LoadSampled,
    Measured,
    Started,
    StatusChanged,
    StopRequested,
    SupervisorEnded,
    SupervisorStarted,
    TrialEnded,
    TrialQueued,
)
from experiments.journal import JournalReader, JournalWriter
from experiments.places import default_jobs, worker_environment
from experiments.process import is_alive, this_process
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder
from experiments.supervisor import Supervisor

COMPLETED, FAILED, LOST, STOPPED = Status.COMPLETED, Status.FAILED, Status.LOST, Status.STOPPED


@pytest.fixture
def create(tmp_path):
    """Creates experiments; leaves no process of theirs behind."""
    folders = []

    def new(**changes):
        config = toy.experiment(**{"models": ["gru"], "seeds": [0, 1, 2], "jobs": 4, **changes})
        folders.append(ExperimentFolder.create(tmp_path / "root", config, {}))
        return folders[-1]

    yield new
    for folder in folders:
        view = ExperimentReader(folder).read()
        for process in [view.process, *(trial.process for trial in view.trials)]:
            if process is not None and process.pid != os.getpid() and is_alive(process):
                os.kill(process.pid, signal.SIGKILL)


def behaving(*behaviours):
    """A worker command by which the trial of seed i has behaviour i."""
    return lambda folder: fake_supervisor.command(behaviours[int(folder.name[-1])])(folder)


def supervisor(folder, *behaviours):
    return Supervisor(folder, behaving(*behaviours), asked_seconds=0.2, terminated_seconds=0.2)


def conclusions(folder):
    return [(trial.status, trial.reason) for trial in ExperimentReader(folder).read().trials]


def statuses(folder):
    return [status for status, _ in conclusions(folder)]


def records(folder, kind):
    return [event for event in JournalReader(folder.journal).read() if isinstance(event, kind)]


def training(folder, *names):
    """Whether the trials of these names have trained all their steps."""
    view = ExperimentReader(folder).read()
    return all(view.trial(name).step == 8 for name in names)


@contextmanager
def running(folder, *behaviours):
    """A supervisor at work in a thread; at the end of the block it is waited for."""
    with running_supervisor(supervisor(folder, *behaviours)) as started:
        yield started


@contextmanager
def running_supervisor(started):
    """As `running`, for any supervisor."""
    thread = threading.Thread(target=started.run)
    thread.start()
    try:
        yield started
        thread.join(30)
        assert not thread.is_alive()
    finally:
        started.stop()
        thread.join(30)


@contextmanager
def process(folder, behaviour, *room):
    """A supervisor at work in a process of its own."""
    script = str(toy.FOLDER / "fake_supervisor.py")
    child = subprocess.Popen(
        [sys.executable, "-P", script, str(folder.path), behaviour, *map(str, room)],
        env={**os.environ, "PYTHONPATH": toy.SOURCES},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


# Ends


def test_all_complete(create):
    folder = create()
    supervisor(folder, *["completes"] * 3).run()
    assert conclusions(folder) == [(COMPLETED, "")] * 3
    view = ExperimentReader(folder).read()
    assert view.status is COMPLETED
    assert [trial.metrics()["test_mse"] for trial in view.trials] == [0.5] * 3
    assert view.jobs == 4
    # Baselines of every seed, once.
    (baseline,) = view.baselines
    assert len(baseline.values["test_mse"]) == 3
    assert len(records(folder, SupervisorEnded)) == 1


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("raises", "RuntimeError: the layers do not match"),
        ("exits", "and a last line"),
        ("exits silently", "ended with exit code 3"),
        ("leaves no result", "ended without a result"),
        ("is killed", "killed by SIGKILL; it may have run out of memory"),
        ("dies of a nameless signal", "killed by signal 40"),
        ("says it failed", "NaN at step 8"),
        ("no room", "File too large"),
    ],
)
def test_one_fails_for_its_reason_and_the_others_complete(create, behaviour, reason):
    folder = create()
    supervisor(folder, "completes", behaviour, "completes").run()
    first, failed, last = conclusions(folder)
    assert first == last == (COMPLETED, "")
    assert failed[0] is FAILED
    assert reason in failed[1]
    assert "\n" not in failed[1]
    assert ExperimentReader(folder).read().status is FAILED
    # The supervisor's own journal says the same as the workers'.
    said = {event.trial: event.status for event in records(folder, TrialEnded)}
    assert said == {"gru-s0": COMPLETED, "gru-s1": FAILED, "gru-s2": COMPLETED}


def test_a_result_counts_although_its_process_crashes_afterwards(create):
    folder = create(seeds=[0])
    supervisor(folder, "completes and crashes").run()
    assert conclusions(folder) == [(COMPLETED, "")]


def test_a_person_kills_a_worker(create):
    folder = create()
    with running(folder, "meets another", "waits for ever", "meets another"):
        until(lambda: training(folder, "gru-s1"))
        victim = ExperimentReader(folder).read().trial("gru-s1").process
        os.kill(victim.pid, signal.SIGKILL)
    assert statuses(folder) == [COMPLETED, FAILED, COMPLETED]
    assert "SIGKILL" in conclusions(folder)[1][1]


def test_a_worker_that_cannot_be_started(create):
    folder = create(seeds=[0, 1])

    def command(trial):
        good = fake_supervisor.command("completes")(trial)
        return ["/no/such/program"] if trial.name == "gru-s0" else good

    Supervisor(folder, command).run()
    assert conclusions(folder) == [
        (
            FAILED,
            "its process could not be started: No such file or directory: /no/such/program",
        ),
        (COMPLETED, ""),
    ]


def test_a_console_that_cannot_be_written(create):
    folder = create(seeds=[0, 1])
    console = folder.trial("gru-s0").console
    console.mkdir()
    supervisor(folder, "completes", "completes").run()
    assert conclusions(folder) == [
        (FAILED, f"its process could not be started: Is a directory: {console}"),
        (COMPLETED, ""),
    ]


def test_a_console_that_is_gone_takes_only_the_story_with_it(create):
    folder = create(seeds=[0])
    inner = fake_supervisor.command("exits")

    def command(trial):
        shell = 'rm "$0"/console.log; exec "$@"'
        return ["sh", "-c", shell, str(trial.path), *inner(trial)]

    Supervisor(folder, command).run()
    assert conclusions(folder) == [(FAILED, "ended with exit code 3")]


def test_baselines_that_cannot_be_computed_end_no_trial(create, capfd):
    folder = create(task={"name": "toy:Unmeasurable"}, seeds=[0, 1])
    supervisor(folder, "completes", "completes").run()
    assert statuses(folder) == [COMPLETED, COMPLETED]
    reason = ExperimentReader(folder).read().reason
    assert reason == "baselines were not measured: RuntimeError: no null model known"
    assert "Traceback" in capfd.readouterr().err  # the whole story, in the supervisor's log


# Places


@pytest.mark.parametrize("jobs", [2, 3])
def test_trials_work_side_by_side_and_no_more_of_them_than_jobs(create, jobs):
    seeds = list(range(4))
    folder = create(seeds=seeds, jobs=jobs)
    supervisor(folder, *["meets another"] * 4).run()
    assert statuses(folder) == [COMPLETED] * 4
    view = ExperimentReader(folder).read()
    assert view.jobs == jobs
    for trial in view.trials:
        at_work = [t for t in view.trials if t.started <= trial.started < t.ended]
        assert 1 <= len(at_work) <= jobs


def test_one_job_is_one_after_the_other_seed_by_seed(create):
    folder = create(models=["gru", "lstm"], seeds=[0, 1], jobs=1)
    supervisor(folder, *["completes"] * 2).run()
    trials = sorted(ExperimentReader(folder).read().trials, key=lambda trial: trial.started)
    assert [trial.name for trial in trials] == ["gru-s0", "lstm-s0", "gru-s1", "lstm-s1"]
    for before, after in itertools.pairwise(trials):
        assert before.ended <= after.started


@pytest.mark.parametrize(
    ("jobs", "trials", "threads"), [(4, 4, 2), (1, 3, 8), (8, 2, 4), (3, 3, 2), (16, 20, 1)]
)
def test_cores_are_divided_among_the_trials_there_are(create, monkeypatch, jobs, trials, threads):
    monkeypatch.setattr("experiments.places._cores", lambda: 8)
    folder = create(jobs=jobs, seeds=list(range(trials)))
    for trial in folder.read_config().trials():
        ask(folder.trial(trial.name), Request.STOP)  # nothing needs to work for this
    supervisor(folder, "completes").run()
    assert records(folder, SupervisorStarted)[0].threads == threads


def test_default_jobs_follow_cores_memory_and_trials(monkeypatch):
    memory = {"available": 100 << 30}
    monkeypatch.setattr("experiments.places._cores", lambda: 8)
    monkeypatch.setattr(
        "experiments.places.psutil.virtual_memory",
        lambda: type("Memory", (), memory),
    )
    assert default_jobs(20) == 8
    assert default_jobs(3) == 3
    assert default_jobs(0) == 1
    memory["available"] = 3 << 30
    assert default_jobs(20) == 3
    memory["available"] = 0
    assert default_jobs(20) == 1


def dumping(*names):
    """Workers that print these variables of their environment."""
    dump = f"import os, json; print(json.dumps([os.environ.get(n) for n in {names}]))"
    return lambda trial: [sys.executable, "-P", "-c", dump]


def test_a_worker_s_threads_and_environment(create):
    folder = create(seeds=[0], jobs=1)
    names = ("KERAS_SEQ_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "KERAS_BACKEND")
    Supervisor(folder, dumping(*names)).run()
    found = json.loads(folder.trial("gru-s0").console.read_text())
    (started,) = records(folder, SupervisorStarted)
    assert found == [str(started.threads)] * 3 + [started.backend]


def test_an_experiment_goes_on_with_the_backend_it_began_on(create, monkeypatch):
    folder = create(seeds=[0], jobs=1)
    for backend in ("jax", "torch"):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        Supervisor(folder, dumping("KERAS_BACKEND")).run()
        ask_retry(folder.trial("gru-s0"), is_anew=True)
    assert folder.trial("gru-s0").console.read_text().split() == ['["jax"]'] * 2
    assert [event.backend for event in records(folder, SupervisorStarted)] == ["jax"] * 2


def test_the_environment_of_a_worker():
    person = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--mine", "OMP_NUM_THREADS": "64", "HOME": "/h"}
    before = dict(person)
    one, four = worker_environment(person, 1), worker_environment(person, 4)
    assert person == before
    assert one["KERAS_BACKEND"] == four["KERAS_BACKEND"] == "jax"
    assert one["HOME"] == "/h"
    assert four["OMP_NUM_THREADS"] == "4"  # told outside, it would starve the other trials
    assert one["XLA_FLAGS"].startswith("--mine ")
    assert four["XLA_FLAGS"] == "--mine"
    assert one["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert all(isinstance(value, str) for value in four.values())


# What processes take


def test_what_processes_take_is_seen_from_outside(create, monkeypatch):
    monkeypatch.setattr(gauge, "LOOK_SECONDS", 0.1)
    folder = create(seeds=[0, 1])
    with running(folder, "waits", "waits") as started:

        def both_wait():
            # Loads of what has not begun yet, and has hardly any memory, do not count.
            return all(
                trial.status is Status.RUNNING
                and trial.load is not None
                and trial.load.cores < 0.5
                and 1 << 20 < trial.load.memory_bytes < 1 << 30
                for trial in ExperimentReader(folder).read().trials
            )

        until(both_wait)
        started.stop()
    assert statuses(folder) == [STOPPED, STOPPED]
    for trial in ExperimentReader(folder).read().trials:
        told = [event for event in records(folder, LoadSampled) if event.trial == trial.name]
        assert trial.load == told[-1]


def test_a_load_that_cannot_be_written_ends_nothing(create, monkeypatch):
    monkeypatch.setattr(gauge, "LOOK_SECONDS", 0.1)
    refused, append = [], JournalWriter.append

    def refuses(journal, event, *, durable=False):
        if isinstance(event, LoadSampled):
            refused.append(event)
            raise StoreError("No space left on device.")
        append(journal, event, durable=durable)

    monkeypatch.setattr(JournalWriter, "append", refuses)
    folder = create(seeds=[0])
    with running(folder, "waits"):
        until(lambda: refused and training(folder, "gru-s0"))
        ask(folder.trial("gru-s0"), Request.STOP)
    assert conclusions(folder) == [(STOPPED, "stopped by a person")]


# Stops


def test_a_running_trial_stops_when_asked_and_the_others_go_on(create):
    folder = create()
    with running(folder, "meets another", "waits", "meets another"):
        until(lambda: training(folder, "gru-s1"))
        ask(folder.trial("gru-s1"), Request.STOP)
    assert conclusions(folder) == [
        (COMPLETED, ""),
        (STOPPED, "stopped by a person"),
        (COMPLETED, ""),
    ]
    assert {event.trial for event in records(folder, StopRequested)} <= {"gru-s1"}


def test_a_queued_trial_is_stopped_before_it_begins(create):
    folder = create(jobs=1)
    ask(folder.trial("gru-s1"), Request.STOP)
    supervisor(folder, *["completes"] * 3).run()
    assert statuses(folder) == [COMPLETED, STOPPED, COMPLETED]
    view = ExperimentReader(folder).read()
    assert view.trials[1].reason == "stopped by a person before it began"
    assert view.trials[1].process is None
    assert not folder.trial("gru-s1").console.exists()


def test_a_trial_that_ignores_everything_is_killed(create):
    folder = create(seeds=[0, 1])
    with running(folder, "ignores everything", "completes"):
        until(lambda: training(folder, "gru-s0"))
        ask(folder.trial("gru-s0"), Request.STOP)
    rungs = [(event.trial, event.rung) for event in records(folder, StopRequested)]
    assert rungs == [("gru-s0", rung) for rung in ("asked", "terminated", "killed")]
    assert conclusions(folder) == [
        (STOPPED, "stopped by a person (killed)"),
        (COMPLETED, ""),
    ]
    assert ExperimentReader(folder).read().trials[0].stop_rung == "killed"
    waits = [event.time for event in records(folder, StopRequested)]
    assert min(b - a for a, b in itertools.pairwise(waits)) >= 0.2


def test_a_trial_that_does_not_listen_is_terminated(create):
    folder = create(seeds=[0])
    with running(folder, "waits for ever"):
        until(lambda: training(folder, "gru-s0"))
        ask(folder.trial("gru-s0"), Request.STOP)
    assert conclusions(folder) == [(STOPPED, "stopped by a person (terminated)")]


def test_a_kill_is_done_at_once_whatever_rung_a_stop_has_reached(create):
    folder = create(seeds=[0, 1])
    started = Supervisor(folder, behaving("ignores everything", "ignores everything"))
    with running_supervisor(started):
        until(lambda: training(folder, "gru-s0", "gru-s1"))
        ask(folder.trial("gru-s0"), Request.KILL)
        ask(folder.trial("gru-s1"), Request.STOP)
        until(lambda: records(folder, StopRequested)[1:])
        ask(folder.trial("gru-s1"), Request.KILL)
    assert conclusions(folder) == [(STOPPED, "killed by a person")] * 2
    rungs = {name: [] for name in ("gru-s0", "gru-s1")}
    for event in records(folder, StopRequested):
        rungs[event.trial].append(event.rung)
    assert rungs == {"gru-s0": ["killed"], "gru-s1": ["asked", "killed"]}


# Pauses


def test_a_queued_trial_that_is_paused_does_not_begin_before_it_is_resumed(create):
    folder = create(jobs=1)
    ask(folder.trial("gru-s0"), Request.PAUSE)
    with running(folder, *["completes"] * 3):
        until(lambda: statuses(folder) == [Status.PAUSED, COMPLETED, COMPLETED])
        assert ExperimentReader(folder).read().status is Status.PAUSED
        assert ExperimentReader(folder).read().trials[0].attempt == 0
        ask(folder.trial("gru-s0"), Request.NONE)
    assert statuses(folder) == [COMPLETED] * 3
    assert [event.is_paused for event in records(folder, TrialQueued)] == [True, False]


def test_a_paused_trial_keeps_its_place(create):
    """Its process keeps its memory, and the others keep the pace they were timed at."""
    folder = create(jobs=1, seeds=[0, 1])
    ask(folder.trial("gru-s1"), Request.PAUSE)
    with running(folder, "pauses", "completes") as started:
        until(lambda: statuses(folder) == [Status.PAUSED, Status.PAUSED])
        ask(folder.trial("gru-s1"), Request.NONE)
        until(lambda: statuses(folder) == [Status.PAUSED, Status.QUEUED])
        ask(folder.trial("gru-s0"), Request.NONE)
        until(lambda: started._running == [])
    assert statuses(folder) == [COMPLETED, COMPLETED]


def test_a_paused_trial_is_stopped(create):
    folder = create(jobs=1, seeds=[0, 1])
    ask(folder.trial("gru-s1"), Request.PAUSE)
    with running(folder, "pauses", "completes"):
        until(lambda: statuses(folder) == [Status.PAUSED, Status.PAUSED])
        for name in ("gru-s0", "gru-s1"):
            ask(folder.trial(name), Request.STOP)
    assert conclusions(folder) == [
        (STOPPED, "stopped by a person"),
        (STOPPED, "stopped by a person before it began"),
    ]


# Another attempt


def first_then(first, then):
    """A worker command by which the first attempt at a trial differs from the next ones."""

    def command(folder):
        behaviour = then if folder.journal.exists() else first
        return fake_supervisor.command(behaviour)(folder)

    return command


def test_a_trial_is_tried_again_while_others_work(create):
    folder = create(seeds=[0, 1], jobs=2)
    command = {"gru-s0": first_then("exits", "completes"), "gru-s1": behaving("", "waits")}
    with running_supervisor(Supervisor(folder, lambda trial: command[trial.name](trial))):
        until(lambda: statuses(folder) == [FAILED, Status.RUNNING])
        ask_retry(folder.trial("gru-s0"))
        until(lambda: statuses(folder)[0] is COMPLETED)
        ask(folder.trial("gru-s1"), Request.STOP)
    trial = ExperimentReader(folder).read().trials[0]
    assert (trial.retries, trial.process is None) == (1, False)
    assert [(a.status, a.reason) for a in trial.attempts] == [
        (FAILED, "and a last line"),
        (COMPLETED, ""),
    ]
    assert [(e.trial, e.retries) for e in records(folder, TrialQueued)] == [("gru-s0", 1)]


@pytest.mark.parametrize("is_anew", [True, False])
def test_a_later_supervisor_tries_again_what_was_asked_and_nothing_else(create, is_anew):
    folder = create(jobs=3)
    supervisor(folder, *["exits"] * 3).run()
    names = ("gru-s0", "gru-s2")
    for name in names:
        checkpoint = folder.trial(name).checkpoint
        checkpoint.parent.mkdir()
        checkpoint.write_bytes(b"all that there is")
        ask_retry(folder.trial(name), is_anew=is_anew)
    supervisor(folder, *["completes"] * 3).run()
    assert statuses(folder) == [COMPLETED, FAILED, COMPLETED]
    assert {folder.trial(name).checkpoint.exists() for name in names} == {not is_anew}
    # As many at a time with as many threads, although there are fewer of them.
    first, second = records(folder, SupervisorStarted)
    assert (first.jobs, first.threads) == (second.jobs, second.threads)
    # What has been done once is not done again.
    supervisor(folder, *["completes"] * 3).run()
    assert [event.trial for event in records(folder, TrialQueued)] == list(names)


def test_a_trial_that_was_stopped_is_queued_and_can_be_stopped_again(create):
    folder = create(seeds=[0], jobs=1)
    ask(folder.trial("gru-s0"), Request.STOP)
    supervisor(folder, "completes").run()
    assert statuses(folder) == [STOPPED]
    ask_retry(folder.trial("gru-s0"))
    ask(folder.trial("gru-s0"), Request.STOP)
    supervisor(folder, "completes").run()
    assert conclusions(folder) == [(STOPPED, "stopped by a person before it began")]
    ask_retry(folder.trial("gru-s0"))
    supervisor(folder, "completes").run()
    assert statuses(folder) == [COMPLETED]
    assert ExperimentReader(folder).read().trials[0].retries == 2


@pytest.mark.parametrize("is_anew", [True, False])
def test_one_that_was_lost_is_tried_again_once(create, is_anew):
    folder = create(seeds=[0], jobs=1)
    with process(folder, "waits") as child:
        until(lambda: training(folder, "gru-s0"))
        child.kill()
        child.wait(30)
    reader = ExperimentReader(folder)
    os.kill(reader.read().trials[0].process.pid, signal.SIGKILL)
    until(lambda: reader.read().trials[0].status is LOST)
    checkpoint = folder.trial("gru-s0").checkpoint
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"all that there is")
    ask_retry(folder.trial("gru-s0"), is_anew=is_anew)
    supervisor(folder, "completes").run()
    assert statuses(folder) == [COMPLETED]
    assert [event.retries for event in records(folder, TrialQueued)] == [1]
    assert [event.status for event in records(folder, TrialEnded)] == [COMPLETED]
    assert checkpoint.exists() is not is_anew


def test_what_was_completed_meanwhile_is_not_tried_again(create):
    folder = create(seeds=[0], jobs=1)
    supervisor(folder, "completes").run()
    ask_retry(folder.trial("gru-s0"))
    supervisor(folder, "raises").run()
    assert statuses(folder) == [COMPLETED]
    assert records(folder, TrialQueued) == []


def test_a_worker_that_outlived_its_supervisor_is_not_doubled_by_another_attempt(create):
    folder = create(seeds=[0], jobs=1)
    with process(folder, "waits") as child:
        until(lambda: training(folder, "gru-s0"))
        child.kill()
        child.wait(30)
    ask_retry(folder.trial("gru-s0"))
    supervisor(folder, "completes").run()
    assert records(folder, TrialQueued) == []
    ask(folder.trial("gru-s0"), Request.STOP)
    until(lambda: statuses(folder) == [STOPPED])
    ask_retry(folder.trial("gru-s0"))
    supervisor(folder, "completes").run()
    assert statuses(folder) == [COMPLETED]


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"request": "fly"}'])
def test_a_damaged_request_is_told_once_and_ends_nothing(create, capfd, content):
    folder = create(seeds=[0, 1], jobs=1)
    for trial in ("gru-s0", "gru-s1"):
        folder.trial(trial).control.write_bytes(content)
    supervisor(folder, "completes", "completes").run()
    assert statuses(folder) == [COMPLETED, COMPLETED]
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 2
    assert all("control.json" in line for line in told)


@pytest.mark.parametrize("can_be_asked", [True, False])
def test_a_stop_reaches_a_trial_with_a_damaged_request(create, can_be_asked):
    """Where nothing can be asked, on a full disk too, the next rungs still work."""
    folder = create(seeds=[0])
    control = folder.trial("gru-s0").control
    control.write_bytes(b"[]") if can_be_asked else control.mkdir()
    with running(folder, "waits for ever") as started:
        until(lambda: training(folder, "gru-s0"))
        started.stop()
    assert statuses(folder) == [STOPPED]


def test_stopping_waits_for_no_baselines(create):
    folder = create()
    toy.Sums.asked.clear()
    stopped = supervisor(folder, "completes")
    stopped.stop()
    stopped.run()
    assert statuses(folder) == [STOPPED] * 3
    assert ExperimentReader(folder).read().baselines == ()
    assert toy.Sums.asked == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_supervisor_stops_everything(create, number):
    folder = create(jobs=2)
    with process(folder, "waits") as child:
        until(lambda: training(folder, "gru-s0", "gru-s1"))
        child.send_signal(number)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (0, "", "")
    assert conclusions(folder) == [
        (STOPPED, "stopped by a person"),
        (STOPPED, "stopped by a person"),
        (STOPPED, "stopped by a person before it began"),
    ]
    assert ExperimentReader(folder).read().status is STOPPED


# Deaths of supervisors, and their successors


def test_when_the_supervisor_is_killed_what_no_one_works_on_is_lost(create):
    folder = create(jobs=2)
    with process(folder, "waits") as child:
        until(lambda: training(folder, "gru-s0", "gru-s1"))
        child.kill()
        child.wait(30)
    reader = ExperimentReader(folder)
    assert statuses(folder) == [Status.RUNNING, Status.RUNNING, LOST]

    os.kill(reader.read().trials[0].process.pid, signal.SIGKILL)
    until(lambda: reader.read().trials[0].status is LOST)
    assert reader.read().status is Status.RUNNING

    # The worker that lives still listens, and its word counts.
    ask(folder.trial("gru-s1"), Request.STOP)
    until(lambda: reader.read().trials[1].status is STOPPED)
    assert statuses(folder) == [LOST, STOPPED, LOST]
    assert reader.read().status is LOST


def test_a_second_supervisor_is_refused_while_the_first_lives(create):
    folder = create(seeds=[0])
    with process(folder, "waits") as child:
        until(lambda: training(folder, "gru-s0"))
        before = records(folder, Event)
        with pytest.raises(StoreError, match=rf"^toy already has a supervisor \(pid {child.pid}\)"):
            supervisor(folder, "completes")
        with process(folder, "completes") as second:
            out, err = second.communicate(timeout=30)
        assert second.returncode == 2
        assert (out, err) == ("", f"toy already has a supervisor (pid {child.pid}).\n")
        later = records(folder, Event)[len(before) :]
        assert {type(event) for event in later} <= {LoadSampled}  # of the first
        child.terminate()
        child.wait(30)
    assert statuses(folder) == [STOPPED]


def test_a_later_supervisor_takes_up_what_was_lost_and_nothing_else(create):
    folder = create(jobs=2)
    with process(folder, "waits") as child:
        until(lambda: training(folder, "gru-s0", "gru-s1"))
        child.kill()
        child.wait(30)
    reader = ExperimentReader(folder)
    os.kill(reader.read().trials[0].process.pid, signal.SIGKILL)
    until(lambda: reader.read().trials[0].status is LOST)
    orphan = reader.read().trials[1].process

    supervisor(folder, *["completes"] * 3).run()
    assert statuses(folder) == [COMPLETED, Status.RUNNING, COMPLETED]
    assert {event.trial for event in records(folder, TrialQueued)} == {"gru-s0", "gru-s2"}
    # Two workers would spoil one journal.
    assert reader.read().trials[1].process == orphan
    ask(folder.trial("gru-s1"), Request.STOP)
    until(lambda: statuses(folder) == [COMPLETED, STOPPED, COMPLETED])


def test_a_later_supervisor_has_nothing_to_do_once_all_has_ended(create):
    folder = create(seeds=[0])
    supervisor(folder, "says it failed").run()
    before = folder.trial("gru-s0").journal.read_bytes()
    supervisor(folder, "completes").run()
    assert folder.trial("gru-s0").journal.read_bytes() == before
    assert statuses(folder) == [FAILED]


def test_a_word_of_an_earlier_attempt_is_not_taken_for_the_last(create):
    folder = create(seeds=[0])
    journal = JournalWriter(folder.trial("gru-s0").journal)
    journal.append(Started(process=msgspec.structs.replace(this_process(), created=0.0)))
    journal.append(StatusChanged(status=LOST, reason="the machine went down"))
    journal.close()
    supervisor(folder, "is killed").run()
    assert conclusions(folder) == [(FAILED, "killed by SIGKILL; it may have run out of memory")]


# Full disks


@pytest.mark.parametrize("room", [20, 150, 400])
def test_a_supervisor_on_a_full_disk_says_so_and_what_was_written_stays(create, room):
    """However far it comes, it ends with one line, and the workers keep their results."""
    folder = create()
    with process(folder, "completes", room) as child:
        out, err = child.communicate(timeout=30)
    assert child.returncode in (2, os.EX_IOERR)
    assert out == ""
    assert "Traceback" not in err
    (line,) = err.splitlines()
    assert line.startswith(f"Cannot use {folder.journal}: File too large.")
    reader = ExperimentReader(folder)

    def orphans_have_ended():
        return not any(t.process and not t.status.is_finished for t in reader.read().trials)

    until(orphans_have_ended)
    for trial in reader.read().trials:
        kinds = [type(event) for event in JournalReader(folder.trial(trial.name).journal).read()]
        assert kinds.count(Measured) in (0, 9)
        assert kinds.count(StatusChanged) in (0, 1)
