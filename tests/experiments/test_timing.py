"""What is asked of the stopwatch when an experiment is launched, and what becomes of its answer."""

import json
import sys
from functools import partial

import pytest
import toy

from experiments import launch as launching
from experiments import timing
from experiments.conduct import warnings
from experiments.config import ExperimentConfig
from experiments.errors import RequestError
from experiments.launch import launch
from experiments.reader import ExperimentReader
from experiments.report import summary
from experiments.store import experiments
from experiments.timing import timed


def fake(how):
    return [sys.executable, str(toy.FOLDER / "fake_stopwatch.py"), how]


def config(*models, **changes):
    return toy.experiment(
        models=list(models or ("gru", "lstm")), protocol={"match": "time"}, **changes
    )


def test_only_what_nobody_gave_is_solved():
    asked = config("gru", "lstm", {"name": "gru", "label": "own", "units": 5}, "toy:Linear")
    assert asked.untimed == ("gru",)
    equal = toy.experiment(models=["gru", "lstm"])
    assert asked.models[:2] == equal.models  # parameters are what to begin with


def test_the_first_is_the_reference_where_there_is_no_lstm():
    assert config("gru", "simple_rnn", "peephole_lstm").untimed == ("simple_rnn", "peephole_lstm")


@pytest.mark.parametrize("match", ["parameters", "flops", "none"])
def test_nothing_is_timed_where_something_else_is_matched(match):
    assert toy.experiment(protocol={"match": match}).untimed == ()


def test_widths_that_were_found_are_written_and_not_solved_again():
    said = []
    found, seconds = timed(config(jobs=1), said.append, fake("answers"))
    assert [choice.model.units for choice in found.models] == [7, 64]
    assert found.untimed == ()
    assert ExperimentConfig.from_document(found.document()) == found
    assert found.protocol.match == "time"
    assert seconds.seconds == {"gru": 0.01, "lstm": 0.02}
    assert said == [
        f"threads {seconds.threads}",
        "warning: a training step of gru took 10 ms, 50 % less than of lstm with 20 ms",
    ]


def test_threads_are_those_of_a_trial():
    _, one = timed(config(jobs=1), print, fake("answers"))
    _, many = timed(config(jobs=1000, seeds=list(range(1000))), print, fake("answers"))
    assert one.threads >= many.threads == 1


@pytest.mark.parametrize(
    ("how", "story"),
    [
        ("fails", "models.gru: out of memory"),
        ("killed", "killed by SIGKILL; it may have run out of memory"),
        ("silent", "ended without a result"),
    ],
)
def test_a_failure_is_told_in_one_line(how, story):
    with pytest.raises(RequestError) as refused:
        timed(config(), print, fake(how))
    assert str(refused.value) == (
        f"Training steps could not be timed: {story}. "
        "Match something else, such as --match parameters."
    )


def test_a_process_that_cannot_be_started(tmp_path):
    with pytest.raises(RequestError, match="could not be timed: No such file or directory"):
        timed(config(), print, [str(tmp_path / "nothing")])


def test_an_interrupt_ends_the_measuring():
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        timed(config(), interrupt, fake("hangs"))  # would wait for ever


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Experiments are launched with a stopwatch that answers at once, and nobody works on them."""
    monkeypatch.setattr(timing, "timed", partial(timed, command=fake("answers")))
    monkeypatch.setattr(launching.subprocess, "Popen", start(launching.subprocess.Popen))
    monkeypatch.setattr(launching, "facts", dict)
    return tmp_path


def start(popen):
    def started(command, **options):
        return None if "experiments.supervisor" in command else popen(command, **options)

    return started


def test_launch_times_first_and_keeps_what_it_found(root):
    said = []
    launched = launch(root, config(), said.append)
    view = ExperimentReader(launched.folder).read()
    assert [choice.model.units for choice in view.config.models] == [7, 64]
    assert view.timed.seconds == {"gru": 0.01, "lstm": 0.02}
    assert view.process is None  # no supervisor has begun
    assert warnings(view) == [
        "a training step of gru took 10 ms, 50 % less than of lstm with 20 ms"
    ]
    told = json.loads(json.dumps(summary(view)))["timed"]
    assert told["seconds"] == [
        {"model": "gru", "seconds": 0.01},
        {"model": "lstm", "seconds": 0.02},
    ]
    assert (told["threads"], told["backend"]) == (view.timed.threads, "none")
    assert len(said) == 2


def test_launch_times_nothing_where_nobody_asked(root):
    view = ExperimentReader(launch(root, toy.experiment()).folder).read()
    assert view.timed is None
    assert summary(view)["timed"] is None


def test_where_timing_fails_nothing_is_written(root, monkeypatch):
    monkeypatch.setattr(timing, "timed", partial(timed, command=fake("fails")))
    with pytest.raises(RequestError, match="could not be timed"):
        launch(root, config())
    assert experiments(root) == []
