import pytest
import toy
from history import begun, ended, supervised, trained

from experiments import reader as reader_module
from experiments.errors import StoreError
from experiments.events import Process, SupervisorEnded, TrialEnded, encode
from experiments.journal import PIECE_BYTES
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder
from experiments.trial_fold import fold_trial

CONFIG = toy.experiment(models=["gru"])


@pytest.fixture
def folder(tmp_path):
    return ExperimentFolder.create(tmp_path, CONFIG, {})


@pytest.fixture
def alive(monkeypatch):
    """The processes that live; tests change it."""
    found = set()
    monkeypatch.setattr(reader_module, "is_alive", found.__contains__)
    return found


def write(path, events):
    with path.open("ab") as file:
        file.writelines(encode(event) for event in events)


def test_each_read_gives_all_there_is(folder, alive):
    alive.add(supervised().process)
    reader = ExperimentReader(folder)
    assert reader.read().status is Status.QUEUED
    write(folder.journal, [supervised()])
    write(folder.trial("gru-s0").journal, begun() + trained({1: 1.0}, "loss"))
    assert list(reader.read().trials[0].values("loss").value) == [1.0]
    write(folder.trial("gru-s0").journal, trained({2: 0.5}, "loss"))
    view = reader.read()
    assert list(view.trials[0].values("loss").value) == [1.0, 0.5]
    assert view.status is Status.RUNNING
    assert ExperimentReader(folder).read().trials[0].step == 2


@pytest.mark.parametrize("supervisor_lives", [True, False])
def test_the_same_view_comes_back_while_nothing_happens(folder, alive, supervisor_lives):
    if supervisor_lives:
        alive.add(supervised().process)
    reader = ExperimentReader(folder)
    write(folder.journal, [supervised()])
    write(folder.trial("gru-s0").journal, begun())
    view = reader.read()
    assert reader.read() is view
    write(folder.trial("gru-s1").journal, begun())
    assert reader.read() is not view


def test_a_death_is_seen_although_nothing_was_written(folder, alive):
    alive.add(supervised().process)
    reader = ExperimentReader(folder)
    write(folder.journal, [supervised()])
    assert reader.read().status is Status.RUNNING
    alive.clear()
    assert reader.read().status is Status.LOST


def test_last_words_written_after_the_read_are_heard(folder, monkeypatch):
    """Between the read and the question whether it lives, the supervisor may end in peace."""

    def ends_now(process):
        words = [
            TrialEnded(trial=trial.name, status=Status.FAILED, reason="killed")
            for trial in CONFIG.trials()
        ]
        write(folder.journal, [*words, SupervisorEnded()])
        return False

    write(folder.journal, [supervised()])
    monkeypatch.setattr(reader_module, "is_alive", ends_now)
    view = ExperimentReader(folder).read()
    assert {trial.status for trial in view.trials} == {Status.FAILED}


def test_each_process_is_asked_once_a_read(folder, monkeypatch):
    """Asked twice, a worker that ends between the questions would be lost with its last words."""
    asked = []

    def ask(process):
        asked.append(process)
        write(folder.trial("gru-s0").journal, trained({len(asked): 1.0}, "loss"))
        return False

    monkeypatch.setattr(reader_module, "is_alive", ask)
    write(folder.journal, [supervised()])
    write(folder.trial("gru-s0").journal, begun())
    ExperimentReader(folder).read()
    assert len(asked) == len(set(asked)) == 2


def test_what_was_lost_is_taken_up_by_a_later_supervisor(folder, alive):
    reader = ExperimentReader(folder)
    write(folder.journal, [supervised()])
    write(folder.trial("gru-s0").journal, begun() + ended())
    assert [trial.status for trial in reader.read().trials] == [Status.COMPLETED, Status.LOST]
    second = Process(pid=9, created=500.0, host="here")
    alive.add(second)
    write(folder.journal, [type(supervised())(time=500.0, process=second, jobs=1, threads=1)])
    # A reader that was there all along and one that comes now say the same.
    for view in (reader.read(), ExperimentReader(folder).read()):
        assert [trial.status for trial in view.trials] == [Status.COMPLETED, Status.QUEUED]


def test_a_damaged_line_costs_that_line_only(folder, alive):
    alive.add(supervised().process)
    write(folder.journal, [supervised()])
    journal = folder.trial("gru-s0").journal
    write(journal, begun())
    with journal.open("ab") as file:
        file.write(b'{"event": "meas\n')
    write(journal, trained({1: 1.0}, "loss"))
    trial = ExperimentReader(folder).read().trials[0]
    assert trial.step == 1
    assert len(trial.problems) == 1
    assert trial.problems[0].startswith("line 3 is damaged and was left out: ")


def test_a_journal_that_cannot_be_read_costs_no_record_of_another(folder, alive):
    alive.add(supervised().process)
    reader = ExperimentReader(folder)
    first, second = (folder.trial(f"gru-s{seed}").journal for seed in (0, 1))
    write(folder.journal, [supervised()])
    write(first, begun() + trained({1: 1.0}, "loss"))
    second.mkdir()
    for _ in range(2):
        with pytest.raises(StoreError):
            reader.read()
    second.rmdir()
    view = reader.read()
    assert view.trials[0].step == 1
    assert view.status is Status.RUNNING
    assert view.started == supervised().time
    assert reader.read() is view


def test_few_records_are_held_at_once(folder, alive, monkeypatch):
    held = []

    def counted(trial, events):
        held.append(len(events))
        return fold_trial(trial, events)

    monkeypatch.setattr(reader_module, "fold_trial", counted)
    records = trained(dict.fromkeys(range(1, 5001), 1.0), "loss")
    write(folder.trial("gru-s0").journal, begun() + records)
    assert ExperimentReader(folder).read().trials[0].step == 5000
    assert max(held) <= PIECE_BYTES // len(encode(records[0])) + 1 < 5000
