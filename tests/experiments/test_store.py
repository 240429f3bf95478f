import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
import toy
from hypothesis import given
from hypothesis import strategies as st

from experiments.config import read_document
from experiments.errors import KerasSeqError, RequestError, StoreError, UnknownNameError
from experiments.events import Damaged, Measured, Opened, StatusChanged, encode
from experiments.protocol import NO_PROTOCOL
from experiments.status import Status
from experiments.store import (
    ROOT_VARIABLE,
    ExperimentFolder,
    JournalReader,
    JournalWriter,
    TrialFolder,
    default_root,
    experiments,
    find_experiment,
    read_json,
    replace,
    write_json,
)

FACTS = {"versions": {"python": "3"}, "git_revision": None}


def record(step):
    return Measured(time=float(step), step=step, values={"loss": 1 / (step + 1)})


def one_line(raised):
    message = str(raised.value)
    assert "\n" not in message
    for noise in ("Traceback", "Errno", "Error("):
        assert noise not in message
    return message


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "events.jsonl"


# Journals


def test_a_journal_begins_with_its_schema(journal):
    writer = JournalWriter(journal)
    writer.append(record(1), durable=True)
    writer.close()
    first, second = JournalReader(journal).read()
    assert isinstance(first, Opened)
    assert first.schema == 1
    assert second == record(1)


def test_a_journal_that_goes_on_is_not_opened_twice(journal):
    for step in (1, 2):
        writer = JournalWriter(journal)
        writer.append(record(step))
        writer.close()
    assert [type(event) for event in JournalReader(journal).read()] == [Opened, Measured, Measured]


def test_a_journal_that_is_not_there_yet_is_empty(journal):
    reader = JournalReader(journal)
    assert reader.read() == []
    JournalWriter(journal).close()
    assert len(reader.read()) == 1
    assert reader.read() == []


@given(cuts=st.lists(st.integers(0, 400)), torn=st.integers(0, 60))
def test_a_reader_sees_whole_records_once_however_the_file_grows(tmp_path_factory, cuts, torn):
    path = tmp_path_factory.mktemp("journal") / "events.jsonl"
    expected = [record(step) for step in range(5)]
    whole = b"".join(encode(event) for event in expected)
    content = whole + encode(record(5))[:torn]
    reader, read, before = JournalReader(path), [], 0
    for cut in [*sorted(cuts), len(content)]:
        with path.open("ab") as file:
            file.write(content[before:cut])
        before = max(before, min(cut, len(content)))
        read += reader.read()
    assert read == expected


@given(torn=st.binary(min_size=1, max_size=30))
def test_a_writer_that_resumes_spoils_no_record(tmp_path_factory, torn):
    path = tmp_path_factory.mktemp("journal") / "events.jsonl"
    path.write_bytes(encode(record(1)) + torn)
    writer = JournalWriter(path)
    writer.append(record(2))
    writer.append(record(3))
    writer.close()
    read = [event for event in JournalReader(path).read() if not isinstance(event, Damaged)]
    assert read == [record(1), record(2), record(3)]


@pytest.mark.parametrize("damage", [b"{", b'{"event": "me', b"\x00\xff", b"17", b"a\rb", b"[]"])
def test_a_damaged_line_is_named_and_the_others_are_read(journal, damage):
    content = [encode(Opened(schema=1)), encode(record(1)), damage + b"\n", encode(record(2))]
    journal.write_bytes(b"".join(content) + damage + b"\n")
    _, first, damaged, second, last = JournalReader(journal).read()
    assert (first, second) == (record(1), record(2))
    assert isinstance(damaged, Damaged)
    assert isinstance(last, Damaged)
    assert (damaged.line, last.line) == (3, 5)
    assert damaged.problem
    assert "\n" not in damaged.problem


def test_lines_are_counted_across_reads_and_empty_ones_count(journal):
    reader = JournalReader(journal)
    journal.write_bytes(encode(record(1)) + b"\n")
    assert reader.read() == [record(1)]
    with journal.open("ab") as file:
        file.write(b"oops\n")
    assert [event.line for event in reader.read()] == [3]


def test_a_journal_from_the_future_is_refused_each_time(journal):
    journal.write_bytes(encode(Opened(schema=99)) + encode(record(1)))
    reader = JournalReader(journal)
    for _ in range(2):
        with pytest.raises(StoreError) as refused:
            reader.read()
        assert one_line(refused) == (
            f"{journal} was written by a newer keras-seq (schema 99, this one reads 1). "
            "Upgrade keras-seq."
        )


def test_a_journal_that_cannot_be_read(journal):
    journal.mkdir()
    with pytest.raises(StoreError) as refused:
        JournalReader(journal).read()
    assert one_line(refused).startswith(f"Cannot use {journal}: Is a directory.")


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_one_line(journal):
    journal.symlink_to("/dev/full")
    before = open_files()
    with pytest.raises(StoreError) as refused:
        JournalWriter(journal)
    assert one_line(refused) == (
        f"Cannot use {journal}: No space left on device. "
        f"Free it, or choose another folder with --root or ${ROOT_VARIABLE}."
    )
    assert open_files() == before


FILLING = """
import resource, sys
from pathlib import Path
from experiments.errors import StoreError
from experiments.events import Measured
from experiments.store import JournalWriter

writer = JournalWriter(Path(sys.argv[1]))
# A disk with room for 1,000 bytes takes a part of a record without any error.
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
step = 0
try:
    while True:
        writer.append(Measured(step=step, values={"loss": 1.0}))
        step += 1
except StoreError as error:
    print(error)
try:
    writer.append(Measured(step=-1, values={}))
except StoreError:
    pass
# Somebody makes room.
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.append(Measured(step=1000, values={}))
print(step)
"""


def test_a_disk_that_fills_up_takes_no_record_silently_and_spoils_none(journal):
    done = subprocess.run(
        [sys.executable, "-P", "-c", FILLING, str(journal)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    story, taken = done.stdout.splitlines()
    assert story.startswith(f"Cannot use {journal}: File too large.")
    events = JournalReader(journal).read()
    steps = [event.step for event in events if isinstance(event, Measured)]
    # Every record that was taken is there, and so is the one written once there was room.
    assert steps == [*range(int(taken)), 1000]
    assert sum(isinstance(event, Damaged) for event in events) <= 1


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


def test_a_status_survives_its_writer_s_kill(tmp_path):
    """Durable records are on the disk before the call returns, so nothing is buffered."""
    path = tmp_path / "events.jsonl"
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from experiments.events import StatusChanged\nfrom experiments.status import Status\n"
        "from experiments.store import JournalWriter\n"
        "w = JournalWriter(Path(sys.argv[1]))\n"
        "w.append(StatusChanged(status=Status.COMPLETED), durable=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    code = subprocess.run([sys.executable, "-P", "-c", script, str(path)], timeout=60).returncode
    assert code == -9
    *_, last = JournalReader(path).read()
    assert isinstance(last, StatusChanged)
    assert last.status is Status.COMPLETED


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first = JournalWriter(path)
    with pytest.raises(StoreError, match="is being written by another process"):
        JournalWriter(path)
    first.close()
    JournalWriter(path).close()
    assert len(JournalReader(path).read()) == 1


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


def test_a_journal_that_did_not_grow_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    writer = JournalWriter(path)
    writer.append(Measured(step=1, values={"train_loss": 1.0}))
    with path.open("ab") as file:
        file.write(b"torn")
    reader = JournalReader(path)
    assert len(reader.read()) == 2
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", None)
        assert reader.read() == []
    with path.open("ab") as file:
        file.write(b"\n")
    (damaged,) = reader.read()
    assert isinstance(damaged, Damaged)
    writer.close()
