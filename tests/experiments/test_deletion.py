from __future__ import annotations

from contextlib import closing

import pytest
from test_history import ELSEWHERE, append, create, finished

from experiments.deletion import delete
from experiments.errors import RequestError, StoreError
from experiments.events import Process, Started, SupervisorEnded, SupervisorStarted
from experiments.journal import JournalWriter
from experiments.process import this_process
from experiments.store import experiments, free_name


@pytest.fixture
def gone() -> Process:
    """A process of this machine that has ended, or never was."""
    return Process(pid=2**22 + 1, created=1.0, host=this_process().host)


def test_all_its_files_go_and_no_others(tmp_path):
    folder = finished(tmp_path, "one")
    finished(tmp_path, "two")
    delete(folder)
    assert not folder.path.exists()
    assert [kept.name for kept in experiments(tmp_path)] == ["two"]


def test_one_whose_processes_are_gone(tmp_path, gone):
    folder = create(tmp_path, "one")
    append(folder.journal, SupervisorStarted(process=gone, jobs=1, threads=1))
    append(folder.trial("lstm-s0").journal, Started(process=gone))
    delete(folder)
    assert not folder.path.exists()


@pytest.mark.parametrize("process", [this_process(), ELSEWHERE])
def test_not_while_its_supervisor_may_live(tmp_path, process):
    folder = create(tmp_path, "one")
    append(folder.journal, SupervisorStarted(process=process, jobs=1, threads=1))
    with pytest.raises(RequestError, match=f"one is at work .supervisor, pid {process.pid} on"):
        delete(folder)
    assert experiments(tmp_path) == [folder]


def test_not_while_a_worker_outlives_its_supervisor(tmp_path, gone):
    folder = create(tmp_path, "one")
    begun = SupervisorStarted(process=gone, jobs=1, threads=1)
    append(folder.journal, begun, SupervisorEnded())
    append(folder.trial("lstm-s0").journal, Started(process=this_process()))
    with pytest.raises(RequestError, match="Stop it first: keras-seq stop one"):
        delete(folder)


def test_not_while_its_journal_is_locked(tmp_path):
    """A supervisor that has begun, and not yet said so."""
    folder = finished(tmp_path, "one")
    with closing(JournalWriter(folder.journal)), pytest.raises(StoreError, match="being written"):
        delete(folder)
    assert experiments(tmp_path) == [folder]


def test_what_cannot_be_read_can_be_deleted(tmp_path):
    folder = create(tmp_path, "one")
    folder.config.write_text("name = ")
    delete(folder)
    assert experiments(tmp_path) == []


def test_what_is_not_there_is_said(tmp_path):
    folder = create(tmp_path, "one")
    delete(folder)
    with pytest.raises(StoreError, match=r"Cannot delete .*one: No such file"):
        delete(folder)


def test_names_of_reruns(tmp_path):
    assert free_name(tmp_path, "mine") == "mine-r2"
    create(tmp_path, "mine-r2")
    assert free_name(tmp_path, "mine") == "mine-r3"
    assert free_name(tmp_path, "mine-r2") == "mine-r3"
    assert free_name(tmp_path, "mine-r") == "mine-r-r2"
