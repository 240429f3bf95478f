"""An experiment is carried out once, however often it is asked for."""

import pytest
import toy

from experiments import launch as launching
from experiments.claims.undertaking import undertake
from experiments.events import (
    Process,
    Started,
    StatusChanged,
    SupervisorEnded,
    SupervisorStarted,
    TrialEnded,
)
from experiments.journal import JournalWriter
from experiments.process import this_process
from experiments.status import Status
from experiments.store import ExperimentFolder

GONE = Process(pid=2**22 + 1, created=1.0, host=this_process().host)


@pytest.fixture
def started(monkeypatch):
    """The folders that supervisors would be started on."""
    folders = []

    def start(command, **_):
        folders.append(command[-1].rpartition("/")[2])
        return "supervisor"

    monkeypatch.setattr(launching.subprocess, "Popen", start)
    monkeypatch.setattr(launching, "facts", dict)
    return folders


def history(root, config, statuses=(), *, supervisor=GONE, ended=True):
    """The experiment as it would be left behind: the first trials with these ends."""
    folder = ExperimentFolder.create(root, config, {})
    with_supervisor = JournalWriter(folder.journal)
    with_supervisor.append(SupervisorStarted(process=supervisor, jobs=1, threads=1))
    for trial, status in zip(config.trials(), statuses, strict=False):
        journal = JournalWriter(folder.trial(trial.name).journal)
        journal.append(Started(process=GONE))
        journal.append(StatusChanged(status=status))
        journal.close()
        with_supervisor.append(TrialEnded(trial=trial.name, status=status))
    if ended:
        with_supervisor.append(SupervisorEnded())
    with_supervisor.close()
    return folder


DONE = (Status.COMPLETED,) * 4


def test_what_is_not_there_begins(tmp_path, started):
    found = undertake(tmp_path, toy.experiment())
    assert (found.how, found.folder.name, found.supervisor) == ("begun", "toy", "supervisor")
    assert started == ["toy"]
    assert found.folder.read_config() == toy.experiment()


def test_what_is_complete_is_used_again(tmp_path, started):
    history(tmp_path, toy.experiment(), DONE)
    found = undertake(tmp_path, toy.experiment(jobs=3))  # as many at a time as one likes
    assert (found.how, found.folder.name, found.supervisor) == ("reused", "toy", None)
    assert started == []


@pytest.mark.parametrize("statuses", [(), DONE[:2], DONE])
def test_what_its_supervisor_left_open_goes_on(tmp_path, started, statuses):
    """Also where trials are complete and null baselines are not."""
    history(tmp_path, toy.experiment(), statuses, ended=False)
    found = undertake(tmp_path, toy.experiment())
    assert (found.how, found.folder.name) == ("resumed", "toy")
    assert started == ["toy"]


def test_what_is_at_work_is_joined(tmp_path, started):
    history(tmp_path, toy.experiment(), DONE[:1], supervisor=this_process(), ended=False)
    found = undertake(tmp_path, toy.experiment())
    assert (found.how, found.folder.name, found.supervisor) == ("joined", "toy", None)
    assert started == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.STOPPED])
def test_what_did_not_complete_begins_anew(tmp_path, started, status):
    history(tmp_path, toy.experiment(), (*DONE[:3], status))
    found = undertake(tmp_path, toy.experiment())
    assert (found.how, found.folder.name) == ("begun", "toy-2")
    assert started == ["toy-2"]


def test_another_question_of_the_same_name_is_left_alone(tmp_path, started):
    history(tmp_path, toy.experiment(seeds=[0]), DONE[:2])
    (tmp_path / "toy-2").mkdir()  # no experiment at all
    history(tmp_path, toy.experiment(name="toy-3"), DONE)
    found = undertake(tmp_path, toy.experiment())
    assert (found.how, found.folder.name) == ("reused", "toy-3")
    assert undertake(tmp_path, toy.experiment(seeds=[5])).folder.name == "toy-4"
    assert started == ["toy-4"]
