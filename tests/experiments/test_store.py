import io
import json
import os
from pathlib import Path

import pytest
import tomli_w
import toy
from one_line import one_line

from experiments.config import read_document
from experiments.errors import KerasSeqError, RequestError, StoreError, UnknownNameError
from experiments.protocol import NO_PROTOCOL
from experiments.root import ROOT_VARIABLE, default_root
from experiments.store import (
    ExperimentFolder,
    TrialFolder,
    experiments,
    find_experiment,
    read_json,
    replace,
    write_json,
)

FACTS = {"versions": {"python": "3"}, "git_revision": None}


# Small documents


def test_a_document_is_replaced_whole_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "control.json"
    for request in ("none", "stop"):
        write_json(path, {"request": request})
    assert read_json(path) == {"request": "stop"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_document_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    path = tmp_path / "control.json"
    write_json(path, {"request": "none"})

    def full(*_):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError) as refused:
        replace(path, b"{}")
    assert one_line(refused).startswith(f"Cannot use {path}: No space left on device.")
    assert read_json(path) == {"request": "none"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"null", b"\xff", b'{"a": 1} x'])
def test_a_damaged_document_is_named(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        read_json(path)
    assert one_line(refused).startswith(f"{path} is damaged: ")


# Experiments


def test_an_experiment_is_written_complete(tmp_path):
    config = toy.experiment()
    folder = ExperimentFolder.create(tmp_path / "new" / "root", config, FACTS)
    assert folder.path == tmp_path / "new" / "root" / "toy"
    assert folder.name == "toy"
    assert folder.read_config() == config
    for trial in config.trials():
        trial_folder = folder.trial(trial.name)
        assert trial_folder.read_config() == trial
        document = json.loads(trial_folder.config.read_text())
        assert document.items() >= FACTS.items()
        assert document["schema"] == 1
    # Every small file carries a schema.
    assert "schema = 1" in folder.config.read_text()


def test_an_existing_name_is_refused_and_its_files_are_left_alone(tmp_path):
    folder = ExperimentFolder.create(tmp_path, toy.experiment(), FACTS)
    before = folder.config.read_bytes()
    with pytest.raises(RequestError) as refused:
        ExperimentFolder.create(tmp_path, toy.experiment(seeds=[7]), FACTS)
    assert one_line(refused) == (
        f"An experiment named 'toy' exists in {tmp_path}. Choose another name with --name."
    )
    assert folder.config.read_bytes() == before


@pytest.mark.parametrize("written_files", range(6))
def test_an_experiment_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch, written_files):
    left = written_files
    opened = Path.open

    class Full(io.FileIO):
        def write(self, content):
            super().write(content[:3])
            raise OSError(28, "No space left on device", self.name)

    def until_full(path, mode="r", **options):
        nonlocal left
        if mode != "wb":
            return opened(path, mode, **options)
        left -= 1
        return opened(path, mode, **options) if left >= 0 else Full(path, "w")

    monkeypatch.setattr(Path, "open", until_full)
    # Four trials and the experiment's own file: the sixth write never happens.
    if written_files == 5:
        ExperimentFolder.create(tmp_path, toy.experiment(), FACTS)
        return
    with pytest.raises(StoreError) as refused:
        ExperimentFolder.create(tmp_path, toy.experiment(), FACTS)
    assert "No space left on device" in one_line(refused)
    assert list(tmp_path.iterdir()) == []
    assert experiments(tmp_path) == []


@pytest.mark.parametrize("inside", [False, True])
def test_a_root_with_a_file_in_the_way(tmp_path, inside):
    file = tmp_path / "file"
    file.write_text("mine")
    root = file / "runs" if inside else file
    with pytest.raises(StoreError) as refused:
        ExperimentFolder.create(root, toy.experiment(), FACTS)
    message = one_line(refused)
    assert message.startswith(f"Cannot use {file}")
    assert "a file is where a folder is needed" in message
    assert "--root" in message
    assert file.read_text() == "mine"


def test_a_name_too_long_for_the_file_system(tmp_path):
    with pytest.raises(StoreError) as refused:
        ExperimentFolder.create(tmp_path, toy.experiment(name="n" * 300), FACTS)
    assert "File name too long" in one_line(refused)


def test_experiments_are_listed_newest_first(tmp_path):
    for age, name in enumerate(["c", "a", "b"]):
        folder = ExperimentFolder.create(tmp_path, toy.experiment(name=name), FACTS)
        os.utime(folder.config, (1000 - age, 1000 - age))
    (tmp_path / "not-an-experiment").mkdir()
    (tmp_path / "half-written" / "gru-s0").mkdir(parents=True)
    assert [folder.name for folder in experiments(tmp_path)] == ["c", "a", "b"]


def test_no_root_no_experiments(tmp_path):
    assert experiments(tmp_path / "nowhere") == []


def test_an_experiment_is_found_by_its_name(tmp_path):
    for name in ("first", "second"):
        ExperimentFolder.create(tmp_path, toy.experiment(name=name), FACTS)
    assert find_experiment(tmp_path, "second") == ExperimentFolder(tmp_path / "second")
    with pytest.raises(UnknownNameError) as refused:
        find_experiment(tmp_path, "secnod")
    assert one_line(refused) == "Unknown experiment 'secnod'. Did you mean 'second'?"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/", "first/", "x" * 300, "a\x00b", "../root/first", "ä"]
)
def test_a_name_that_is_no_experiment_is_answered_in_one_line(tmp_path, name):
    root = tmp_path / "root"
    ExperimentFolder.create(root, toy.experiment(name="first"), FACTS)
    with pytest.raises(UnknownNameError) as refused:
        find_experiment(root, name)
    assert one_line(refused).startswith(f"Unknown experiment {name!r}. ")


def test_where_there_is_none_the_message_says_how_to_start_one(tmp_path):
    with pytest.raises(RequestError) as refused:
        find_experiment(tmp_path, "any")
    assert one_line(refused) == (
        f"There is no experiment in {tmp_path}. Start one: keras-seq run digits"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "is damaged: it lacks"),
        (b"{", "is damaged:"),
        (b"[]", "is damaged: expected an object."),
        (b'{"experiment": "x", "task": {"name": "adding"}}', "is damaged: it lacks 'model'."),
    ],
)
def test_a_damaged_trial_is_said_plainly(tmp_path, content, message):
    folder = TrialFolder(tmp_path)
    folder.config.write_bytes(content)
    with pytest.raises(KerasSeqError) as refused:
        folder.read_config()
    assert message in one_line(refused)
    assert str(folder.config) in str(refused.value)


def test_the_root_is_the_variable_s_or_runs(monkeypatch):
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    assert default_root() == Path("runs")
    monkeypatch.setenv(ROOT_VARIABLE, "/data/mine")
    assert default_root() == Path("/data/mine")
    monkeypatch.setenv(ROOT_VARIABLE, "")
    assert default_root() == Path("runs")


def test_what_was_written_before_there_was_a_protocol_has_nothing_of_it(tmp_path):
    folder = ExperimentFolder.create(tmp_path, toy.experiment(), {})
    document = read_document(folder.config)
    del document["protocol"]
    folder.config.write_text(tomli_w.dumps(document))
    config = folder.read_config()
    assert config.protocol == NO_PROTOCOL
    assert [trial.name for trial in config.trials()] == ["gru-s0", "lstm-s0", "gru-s1", "lstm-s1"]


def test_a_learning_rate_is_changed_and_nothing_else(tmp_path):
    folder = ExperimentFolder.create(tmp_path, toy.experiment(), {"git_revision": "abc"})
    trial = folder.trial("gru-s0")
    before = read_json(trial.config)
    trial.set_learning_rate(0.25)
    after = read_json(trial.config)
    assert after["budget"].pop("learning_rate") == 0.25
    assert before["budget"].pop("learning_rate") == 0.001
    assert after == before
    changed = trial.config.stat().st_mtime_ns
    trial.set_learning_rate(0.25)
    assert trial.config.stat().st_mtime_ns == changed
