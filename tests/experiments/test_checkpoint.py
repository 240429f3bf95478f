import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from experiments import checkpoint as module
from experiments.checkpoint import INTERVAL_SECONDS, SHARE, Checkpoint, CheckpointFile, remove
from experiments.errors import StoreError
from experiments.events import CheckpointSaved

FACTS = {"loss": math.nan, "best": math.inf, "steps": [1, 2], "nothing": None, "third": 1 / 3}


class Clock:
    """Time that passes when it is told to, and by `cost` while a file is written."""

    def __init__(self, monkeypatch=None, cost=0.0):
        self.now = 100.0
        if monkeypatch:

            def replace(*arguments, **options):
                self.now += cost
                return real(*arguments, **options)

            real = module.replace
            monkeypatch.setattr(module, "replace", replace)

    def __call__(self):
        return self.now


def at(step):
    return Checkpoint(step, {}, {"weights": [np.full(3, step, np.float32)]})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint" / "state.npz"


Arrays = arrays.arrays(
    st.sampled_from(["float32", "float64", "int64", "uint32", "bool"]),
    arrays.array_shapes(min_dims=0, min_side=0, max_side=4),
)


@given(groups=st.dictionaries(st.sampled_from("abc"), st.lists(Arrays, max_size=12)))
def test_what_is_saved_is_found(tmp_path_factory, groups):
    path = tmp_path_factory.mktemp("trial") / "checkpoint" / "state.npz"
    records = []
    CheckpointFile(path, records.append).save(Checkpoint(7, FACTS, groups))
    found = CheckpointFile(path, records.append).found
    assert (found.step, repr(found.facts)) == (7, repr(FACTS))
    assert found.arrays.keys() == groups.keys()
    for name, group in groups.items():
        for one, other in zip(found.arrays[name], group, strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert one.tobytes() == other.tobytes()
    (record,) = records
    assert (record.step, record.size) == (7, path.stat().st_size)


def test_nothing_is_found_where_nothing_was_saved_and_after_it_was_removed(path):
    checkpoints = CheckpointFile(path, lambda _: None)
    assert checkpoints.found is None
    remove(path)
    checkpoints.save(at(1))
    checkpoints.remove()
    assert CheckpointFile(path, lambda _: None).found is None


def test_the_file_is_the_old_one_or_the_new_one(path):
    checkpoints = CheckpointFile(path, lambda _: None)
    for step in (1, 5):
        checkpoints.save(at(step))
        assert CheckpointFile(path, lambda _: None).found.step == step
        assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_step_is_saved_once(path):
    records = []
    CheckpointFile(path, records.append).save(at(3))
    again = CheckpointFile(path, records.append)
    again.save(at(3))
    again.save(at(4))
    assert [record.step for record in records] == [3, 4]


@pytest.mark.parametrize("cost", [0.0, 0.01, 2.0])
def test_saving_takes_a_small_part_of_the_time_whatever_it_costs(path, monkeypatch, cost):
    clock = Clock(monkeypatch, cost)
    records = []
    checkpoints = CheckpointFile(path, records.append, clock=clock)
    assert not checkpoints.is_due()
    started = clock.now
    for step in range(1, 20_000):  # a second each
        clock.now += 1
        if checkpoints.is_due():
            checkpoints.save(at(step))
    assert {type(record) for record in records} == {CheckpointSaved}
    assert all(record.seconds == pytest.approx(cost) for record in records)
    spent = sum(record.seconds for record in records)
    assert spent <= SHARE * (clock.now - started) + cost
    steps = np.diff([0, *(record.step for record in records)])
    assert steps.min() >= INTERVAL_SECONDS - 1
    assert steps.max() <= max(INTERVAL_SECONDS, cost / SHARE) + cost + 1


def test_a_disk_without_room_ends_no_training_and_keeps_the_one_before(path, monkeypatch, capsys):
    records = []
    checkpoints = CheckpointFile(path, records.append, clock=Clock())
    checkpoints.save(at(1))

    def refuse(*_, **__):
        raise StoreError("Cannot use it: No space left on device.")

    monkeypatch.setattr(module, "replace", refuse)
    checkpoints.save(at(2))
    checkpoints.save(at(3))
    assert capsys.readouterr().err == "Cannot use it: No space left on device.\n"
    assert [record.step for record in records] == [1]
    assert CheckpointFile(path, records.append).found.step == 1


def test_a_folder_that_cannot_be_made_is_told(path, capsys):
    path.parent.write_text("")
    CheckpointFile(path, lambda _: None).save(at(1))
    assert capsys.readouterr().err.startswith(f"Cannot use {path.parent}: a file is where")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"PK nothing",
        lambda content: content[:-30],
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"groups", b"gruops"),
    ],
)
def test_a_damaged_file_is_said_in_one_line_with_the_way_out(path, damage):
    CheckpointFile(path, lambda _: None).save(at(1))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError) as refused:
        CheckpointFile(path, lambda _: None)
    assert str(refused.value).startswith(f"{path} is damaged: ")
    assert str(refused.value).endswith("Begin from the first step with keras-seq retry.")
    assert "\n" not in str(refused.value)


def test_pickled_objects_are_never_read(path):
    path.parent.mkdir()
    np.savez(path, document=np.array([SimpleNamespace(step=1)], dtype=object))
    with pytest.raises(StoreError, match="is damaged"):
        CheckpointFile(path, lambda _: None)


def test_one_of_a_newer_version_is_refused(path, monkeypatch):
    monkeypatch.setattr(module, "SCHEMA", 9)
    CheckpointFile(path, lambda _: None).save(at(1))
    monkeypatch.undo()
    with pytest.raises(StoreError, match=r"newer keras-seq \(schema 9, this one reads 1\)"):
        CheckpointFile(path, lambda _: None)
