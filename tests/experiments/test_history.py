from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import msgspec
import pytest

from experiments import history as module
from experiments.config import ExperimentConfig
from experiments.digest import Digest, digest
from experiments.events import Process, Started, StatusChanged, SupervisorEnded, SupervisorStarted
from experiments.history import History, read_all
from experiments.index import FILE, Index, stamp_of
from experiments.journal import JournalWriter
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder

ELSEWHERE = Process(pid=1, created=0.0, host="elsewhere")


@pytest.fixture
def reads(monkeypatch):
    """The names of the experiments whose journals are opened."""
    names = []

    class Reader(ExperimentReader):
        def __init__(self, folder):
            names.append(folder.name)
            super().__init__(folder)

    monkeypatch.setattr(module, "ExperimentReader", Reader)
    return names


def create(root, name, age=0):
    """An experiment of one trial of which nothing has happened."""
    document = {
        "name": name,
        "task": {"name": "adding"},
        "models": ["lstm"],
        "seeds": [0],
        "protocol": {"tune": False},
    }
    folder = ExperimentFolder.create(root, ExperimentConfig.from_document(document), {})
    os.utime(folder.config, (1e9 - age, 1e9 - age))
    return folder


def append(path, *events):
    with closing(JournalWriter(path)) as journal:
        for event in events:
            journal.append(event)


def finish(folder, began=1e9):
    trial = folder.trial("lstm-s0")
    append(trial.journal, Started(process=ELSEWHERE), StatusChanged(status=Status.COMPLETED))
    begun = SupervisorStarted(time=began, process=ELSEWHERE, jobs=1, threads=1)
    append(folder.journal, begun, SupervisorEnded())
    return folder


def finished(root, name, age=0):
    return finish(create(root, name, age), began=1e9 - age)


def names_and_statuses(entries):
    return [(e.name, str(e.digest.status) if e.digest else "") for e in entries]


def test_names_are_known_before_anything_is_read(tmp_path, reads):
    for age, name in enumerate(("new", "old", "older")):
        finished(tmp_path, name, age)
    history = History(tmp_path)
    assert names_and_statuses(history.look()) == [("new", ""), ("old", ""), ("older", "")]
    assert reads == []
    assert not history.read(seconds=-1, first=["older"])
    assert reads == ["older"]
    assert not history.read(seconds=-1)
    assert history.read()
    assert reads == ["older", "new", "old"]
    assert {status for _, status in names_and_statuses(history.look())} == {"completed"}


def test_the_newest_is_the_one_that_began_last(tmp_path, reads):
    """Whatever became of the files: copied, touched, put back from an archive."""
    for age, name in enumerate(("new", "old", "older")):
        finish(create(tmp_path, name, age=-age), began=1e9 - age)
    create(tmp_path, "queued", age=0.5)  # nothing has happened to it: its file tells
    history = History(tmp_path)
    assert [entry.name for entry in history.look()] == ["older", "old", "new", "queued"]
    history.read()
    newest_first = ["new", "queued", "old", "older"]
    assert [entry.name for entry in history.look()] == newest_first
    assert [entry.name for entry in history.look()] == newest_first
    # Whoever has an index knows at once.
    assert [entry.name for entry in History(tmp_path).look()] == newest_first


def test_what_is_at_rest_is_read_once_and_for_all(tmp_path, reads):
    finished(tmp_path, "one")
    finished(tmp_path, "two", age=1)
    before = read_all(tmp_path)
    assert reads == ["one", "two"]
    assert read_all(tmp_path) == before
    assert reads == ["one", "two"]


def test_what_is_at_work_is_followed(tmp_path, reads):
    folder = create(tmp_path, "one")
    history = History(tmp_path)
    history.look()
    history.read()
    (queued,) = history.look()
    history.read()
    assert history.look()[0] is queued
    append(folder.journal, SupervisorStarted(process=ELSEWHERE, jobs=1, threads=1))
    append(folder.trial("lstm-s0").journal, Started(process=ELSEWHERE))
    history.read()
    (running,) = history.look()
    assert (queued.digest.status, running.digest.status) == ("queued", "running")
    assert reads == ["one"]
    append(folder.trial("lstm-s0").journal, StatusChanged(status=Status.STOPPED))
    append(folder.journal, SupervisorEnded())
    history.read()
    assert history.look()[0].digest.status == "stopped"
    assert "one" in Index(tmp_path).read()


def test_a_later_supervisor_is_noticed(tmp_path, reads):
    folder = finished(tmp_path, "one")
    history = History(tmp_path)
    history.look()
    history.read()
    append(folder.trial("lstm-s0").journal, Started(process=ELSEWHERE, attempt=2))
    append(folder.journal, SupervisorStarted(process=ELSEWHERE, jobs=1, threads=1))
    assert history.look()[0].digest.status == "completed"
    history.read()
    assert history.look()[0].digest.status == "running"
    assert read_all(tmp_path)[0].digest.status == "running"


def test_the_digest_is_that_of_the_view(tmp_path):
    folder = finished(tmp_path, "one")
    assert read_all(tmp_path)[0].digest == digest(ExperimentReader(folder).read())
    assert read_all(tmp_path)[0].digest == digest(ExperimentReader(folder).read())


def test_what_cannot_be_read_says_why_until_it_is_mended(tmp_path, reads):
    folder = finished(tmp_path, "one")
    text = folder.config.read_text()
    folder.config.write_text("name = ")
    history = History(tmp_path)
    history.look()
    assert history.read()
    (entry,) = history.look()
    assert "is not TOML" in entry.problem
    assert entry.values["status"] == "unreadable"
    history.read()
    assert reads == ["one"]
    assert Index(tmp_path).read() == {}
    folder.config.write_text(text)
    history.look()
    history.read()
    assert history.look()[0].digest.status == "completed"


def test_what_is_gone_is_forgotten(tmp_path):
    folder = finished(tmp_path, "one")
    finished(tmp_path, "two")
    history = History(tmp_path)
    history.look()
    history.read()
    folder.config.unlink()
    assert names_and_statuses(history.look()) == [("two", "completed")]
    assert Index(tmp_path).read().keys() == {"two"}


@pytest.mark.parametrize("damage", ["", "no database", "other version", "other columns"])
def test_the_index_may_be_lost_or_damaged(tmp_path, damage):
    finished(tmp_path, "one")
    before = read_all(tmp_path)
    path = tmp_path / FILE
    if not damage:
        path.unlink()
    elif damage == "no database":
        path.write_bytes(b"nothing of that kind" * 100)
    else:
        with closing(sqlite3.connect(path)) as file, file:
            if damage == "other version":
                file.execute("PRAGMA user_version = 1")
                file.execute("UPDATE digests SET digest = '{}'")
            else:
                file.execute("UPDATE digests SET digest = 'no json'")
    assert Index(tmp_path).read() == {}
    assert read_all(tmp_path) == before
    assert Index(tmp_path).read().keys() == {"one"}


def test_without_a_place_for_an_index_there_is_none(tmp_path, reads):
    finished(tmp_path, "one")
    (tmp_path / FILE).mkdir()
    assert names_and_statuses(read_all(tmp_path)) == [("one", "completed")]
    assert names_and_statuses(read_all(tmp_path)) == [("one", "completed")]
    assert reads == ["one", "one"]


def test_a_stamp_changes_with_the_files(tmp_path):
    folder = finished(tmp_path, "one")
    before = stamp_of(folder)
    assert stamp_of(folder) == before
    append(folder.journal, SupervisorEnded())
    assert stamp_of(folder) != before


def test_no_root_is_an_empty_history_and_no_file_is_made(tmp_path):
    assert read_all(tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    assert read_all(tmp_path / "file") == ()


def test_kept_digests_are_plain(tmp_path):
    finished(tmp_path, "one")
    read_all(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        ((text,),) = file.execute("SELECT digest FROM digests").fetchall()
    assert msgspec.json.decode(text, type=Digest).status is Status.COMPLETED


def test_whoever_only_watches_writes_no_index(tmp_path):
    finished(tmp_path, "one")
    history = History(tmp_path, writes_index=False)
    history.look()
    history.read()
    assert names_and_statuses(history.look()) == [("one", "completed")]
    assert not (tmp_path / FILE).exists()
