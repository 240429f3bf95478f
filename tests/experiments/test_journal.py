"""Journals: what is written is read, once and whole, whatever happens in between."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_line import one_line

from experiments import journal as journal_module
from experiments.errors import StoreError
from experiments.events import Damaged, Measured, Opened, StatusChanged, encode
from experiments.journal import JournalReader, JournalWriter
from experiments.root import ROOT_VARIABLE
from experiments.status import Status


def record(step):
    return Measured(time=float(step), step=step, values={"loss": 1 / (step + 1)})


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "events.jsonl"


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


@given(
    cuts=st.lists(st.integers(0, 400)), torn=st.integers(0, 60), piece=st.sampled_from([1, 50, 999])
)
def test_a_reader_sees_whole_records_once_however_the_file_grows(
    tmp_path_factory, cuts, torn, piece
):
    path = tmp_path_factory.mktemp("journal") / "events.jsonl"
    expected = [record(step) for step in range(5)]
    whole = b"".join(encode(event) for event in expected)
    content = whole + encode(record(5))[:torn]
    reader, read, before = JournalReader(path), [], 0
    for cut in [*sorted(cuts), len(content)]:
        with path.open("ab") as file:
            file.write(content[before:cut])
        before = max(before, min(cut, len(content)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journal_module, "PIECE_BYTES", piece)
            read += reader.read()
    assert read == expected


def test_a_long_journal_is_read_in_pieces(journal):
    size = len(encode(record(1)))
    count = 5 * journal_module.PIECE_BYTES // size
    journal.write_bytes(b"".join(encode(record(step)) for step in range(count)))
    pieces = list(JournalReader(journal).pieces())
    assert [event.step for piece in pieces for event in piece] == list(range(count))
    assert max(sum(len(encode(event)) for event in piece) for piece in pieces) <= (
        journal_module.PIECE_BYTES + size + 20
    )


def test_what_was_handed_out_does_not_come_again(journal, monkeypatch):
    monkeypatch.setattr(journal_module, "PIECE_BYTES", 1)
    journal.write_bytes(encode(record(1)) + b"oops\n" + encode(Opened(schema=99)))
    reader = JournalReader(journal)
    handed_out = []
    for _ in range(2):
        pieces = reader.pieces()
        with pytest.raises(StoreError, match="written by a newer keras-seq"):
            handed_out.extend(event for piece in pieces for event in piece)
    assert [type(event) for event in handed_out] == [Measured, Damaged]
    assert handed_out[1].line == 2


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
from experiments import journal as journal_module
from experiments.errors import StoreError
from experiments.events import Measured
from experiments.journal import JournalWriter

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


def test_a_status_survives_its_writer_s_kill(tmp_path):
    """Durable records are on the disk before the call returns, so nothing is buffered."""
    path = tmp_path / "events.jsonl"
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from experiments.events import StatusChanged\nfrom experiments.status import Status\n"
        "from experiments.journal import JournalWriter\n"
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
