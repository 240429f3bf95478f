import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import toy
from waiting import until

from experiments import worker
from experiments.checkpoint import Checkpoint
from experiments.control import Request, ask
from experiments.errors import DivergedError, StoreError
from experiments.events import CheckpointSaved, Measured, Started, StatusChanged
from experiments.journal import JournalReader
from experiments.launch import launch
from experiments.process import is_alive, this_process
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder


@pytest.fixture
def folder(tmp_path):
    config = toy.experiment(models=["gru"], seeds=[0])
    return ExperimentFolder.create(tmp_path / "root", config, {}).trial("gru-s0")


@pytest.fixture
def work(folder, monkeypatch):
    """Does the work of a worker in this process, with a training of the test's own."""

    def run(train):
        monkeypatch.setattr(worker, "train", train)
        monkeypatch.setattr(sys, "argv", ["worker", str(folder.path)])
        return worker.main()

    return run


def journal(folder, kind):
    return [event for event in JournalReader(folder.journal).read() if isinstance(event, kind)]


def last(folder):
    (status,) = journal(folder, StatusChanged)
    return status.status, status.reason


def test_a_trial_is_trained_as_it_was_asked(work, folder, monkeypatch):
    monkeypatch.setenv(worker.THREADS_VARIABLE, "3")
    seen = []

    def train(config, record, listener, threads, checkpoints, folder):
        seen.append((config, threads, listener.must_end()))
        record(Measured(step=1, values={"train_loss": 1.0}))
        return True

    assert work(train) == 0
    assert seen == [(folder.read_config(), 3, False)]
    (started,) = journal(folder, Started)
    assert started.process == this_process()
    assert started.attempt == 1
    assert len(journal(folder, Measured)) == 1
    assert last(folder) == (Status.COMPLETED, "")


def test_each_time_is_another_attempt(work, folder):
    for _ in range(3):
        work(lambda *_, **__: True)
    assert [event.attempt for event in journal(folder, Started)] == [1, 2, 3]


def test_a_stop_asked_meanwhile_is_heard(work, folder):
    def train(config, record, listener, threads, checkpoints, folder):
        assert not listener.must_end()
        ask(folder, Request.STOP)
        return not listener.must_end()

    assert work(train) == 0
    assert last(folder) == (Status.STOPPED, "stopped by a person")


def test_an_attempt_goes_on_from_the_checkpoint_that_a_result_takes_away(work, folder):
    def train(config, record, listener, threads, checkpoints, folder):
        before = checkpoints.found.step if checkpoints.found else 0
        checkpoints.save(Checkpoint(before + 5, {}, {}))
        return before == 5

    assert work(train) == 0
    assert folder.checkpoint.exists()
    assert work(train) == 0
    assert not folder.checkpoint.exists()
    assert [event.step for event in journal(folder, Started)] == [0, 5]
    assert [event.step for event in journal(folder, CheckpointSaved)] == [5, 10]


def test_a_damaged_checkpoint_is_told_on_the_console(work, folder, capsys):
    folder.checkpoint.parent.mkdir()
    folder.checkpoint.write_bytes(b"")
    assert work(lambda *_, **__: True) == os.EX_IOERR
    assert capsys.readouterr().err.endswith("from the first step with keras-seq retry.\n")
    assert journal(folder, Started) == []


def test_one_that_is_pruned_says_why(work, folder):
    def train(config, record, listener, threads, checkpoints, folder):
        ask(folder, Request.PRUNE, "far behind")
        return not listener.must_end()

    assert work(train) == 0
    assert last(folder) == (Status.PRUNED, "far behind")


def test_one_that_had_done_all_before_it_heard_is_completed(work, folder):
    def train(config, record, listener, threads, checkpoints, folder):
        ask(folder, Request.PRUNE, "far behind")
        return True

    assert work(train) == 0
    assert last(folder) == (Status.COMPLETED, "")


def test_a_damaged_request_is_told_once_and_ends_no_training(work, folder, capsys):
    folder.control.write_bytes(b"{")

    def train(config, record, listener, threads, checkpoints, folder):
        return not any(listener.must_end() for _ in range(5))

    assert work(train) == 0
    assert last(folder)[0] is Status.COMPLETED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{folder.control} is damaged")


@pytest.mark.parametrize(
    ("error", "reason", "traced"),
    [
        (DivergedError("the loss became nan at step 3"), "the loss became nan at step 3", False),
        (ValueError("shapes differ:\n(3,)\n(4,)"), "ValueError: shapes differ:", True),
        (MemoryError(), "MemoryError: no message", True),
        (FileNotFoundError(2, "No such file", "\udcff"), "FileNotFoundError: ", True),
    ],
)
def test_whatever_a_training_raises_is_its_trial_s_reason(
    work, folder, capfd, error, reason, traced
):
    def train(*_, **__):
        raise error

    assert work(train) == 1
    status, told = last(folder)
    assert status is Status.FAILED
    assert told.startswith(reason)
    assert "\n" not in told
    assert ("Traceback" in capfd.readouterr().err) is traced


def test_a_journal_that_cannot_be_written_is_told_on_the_console(work, folder, capsys):
    def train(*_, **__):
        raise StoreError("Cannot use it: No space left on device.")

    assert work(train) == os.EX_IOERR
    assert capsys.readouterr().err == "Cannot use it: No space left on device.\n"
    assert journal(folder, StatusChanged) == []


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("tensorflwo", "Unknown KERAS_BACKEND 'tensorflwo'. Did you mean 'tensorflow'?"),
        ("", None),
    ],
)
def test_the_backend_is_the_one_that_was_chosen(work, folder, monkeypatch, backend, reason):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    work(lambda *_, **__: True)
    assert last(folder) == ((Status.FAILED, reason) if reason else (Status.COMPLETED, ""))


# As processes


def command(folder):
    return subprocess.run(
        [sys.executable, "-P", "-m", "experiments.worker", str(folder.path)],
        env={**os.environ, "PYTHONPATH": toy.SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_worker_on_a_full_disk_ends_with_one_line(folder):
    # A pipe that nobody fills stands for an empty journal; /dev/full itself never ends.
    script = (
        "import os, sys; from pathlib import Path; from experiments import journal, worker;"
        "journal.JournalReader.read = lambda self: []; sys.exit(worker.main())"
    )
    folder.journal.symlink_to("/dev/full")
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, str(folder.path)],
        env={**os.environ, "PYTHONPATH": toy.SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (os.EX_IOERR, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Cannot use {folder.journal}: No space left on device.")


def test_a_journal_in_whose_place_is_a_folder(folder):
    folder.journal.mkdir()
    done = command(folder)
    assert (done.returncode, done.stdout) == (os.EX_IOERR, "")
    assert done.stderr.startswith(f"Cannot use {folder.journal}: Is a directory.")
    assert len(done.stderr.splitlines()) == 1


def test_a_trial_whose_configuration_is_damaged(folder):
    folder.config.write_bytes(b'{"experiment": ')
    done = command(folder)
    assert (done.returncode, done.stdout) == (os.EX_IOERR, "")
    assert done.stderr.startswith(f"{folder.config} is damaged: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_experiment_with_the_real_workers(tmp_path, monkeypatch):
    """Launched as the command line does it: one completes, one cannot be built, one diverges."""
    monkeypatch.setenv("PYTHONPATH", toy.SOURCES)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    models = ["toy:Linear", "toy:Stopping", "toy:Exploding"]
    config = toy.experiment(models=models, seeds=[0], jobs=3)
    launched = launch(tmp_path / "root", config)
    # It is no child of this session: it outlives the terminal it was started from.
    assert os.getsid(launched.supervisor.pid) == launched.supervisor.pid
    assert launched.supervisor.wait(100) == 0
    reader = ExperimentReader(launched.folder)
    linear, stopping, exploding = reader.read().trials
    assert (linear.status, linear.reason) == (Status.COMPLETED, "")
    assert (linear.num_parameters, linear.backend, linear.step) == (4, "tensorflow", 8)
    assert linear.metrics().keys() == {"validation_loss", "validation_mse", "test_loss", "test_mse"}
    assert linear.threads == reader.read().threads
    assert stopping.status is Status.FAILED
    assert stopping.reason == "MemoryError: the network is too large"
    assert "Traceback" in launched.folder.trial(stopping.name).console.read_text()
    assert exploding.status is Status.FAILED
    assert exploding.reason.startswith("the loss became nan at step 1;")
    assert math.isnan(exploding.values("train_loss").last)
    assert launched.folder.console.read_text() == ""
    document = json.loads(launched.folder.trial(linear.name).config.read_text())
    assert document["versions"]["keras"]
    until(lambda: not is_alive(linear.process))
