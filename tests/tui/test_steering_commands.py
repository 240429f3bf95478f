"""Commands that steer trials: what they ask of whom, and what they say."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from staged import ROOT, Stage, config, staged

from experiments import steering
from experiments.control import Control, Request, asked
from experiments.events import StatusChanged
from experiments.status import Status
from tui import cli

pytestmark = pytest.mark.usefixtures("frozen")

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command line in this process: exit code, stdout, stderr."""
    monkeypatch.setattr(steering, "_supervised", lambda *_: None)
    monkeypatch.setattr("experiments.backend.check_backend", lambda *_: "none")
    monkeypatch.setattr("experiments.backend.configured_backend", lambda: "none")

    def run(command: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["keras-seq", *command.split(), "--root", str(ROOT)])
        code = cli.main()
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def stage() -> Stage:
    """`gru-s2` and `lstm-s2` run, the latter is being stopped; `simple_rnn-s0` failed, two wait."""
    stage = staged()
    stage.half_way()
    return stage


def wishes(stage: Stage) -> dict[str, Control]:
    names = [trial.name for trial in stage.folder.read_config().trials()]
    found = {name: asked(stage.folder.trial(name)) for name in names}
    return {name: control for name, control in found.items() if control != Control()}


PAUSE, STOP, KILL = (Control(request=r) for r in (Request.PAUSE, Request.STOP, Request.KILL))
HALF = config().budget.learning_rate / 2
WAITING = ("simple_rnn-s1", "simple_rnn-s2")


@pytest.mark.parametrize(
    ("command", "verb", "expected"),
    [
        ("pause staged", "pause", dict.fromkeys(["gru-s2", *WAITING], PAUSE)),
        ("pause staged gru-s2", "pause", {"gru-s2": PAUSE}),
        ("pause staged simple_rnn", "pause", dict.fromkeys(WAITING, PAUSE)),
        ("stop staged gru", "stop", {"gru-s2": STOP}),
        ("stop --kill staged lstm-s2", "kill", {"lstm-s2": KILL}),
        ("checkpoint staged gru", "save a checkpoint", {"gru-s2": Control(checkpoints=1)}),
        (
            "rate staged gru-s2 0.5",
            "change the learning rate",
            {"gru-s2": Control(learning_rate=0.5)},
        ),
        (
            "retry staged",
            "retry",
            {"simple_rnn-s0": Control(retries=1, is_anew=True)},
        ),
        (
            "retry staged simple_rnn --from-checkpoint --learning-rate x0.5",
            "retry",
            {"simple_rnn-s0": Control(retries=1, learning_rate=HALF)},
        ),
        ("resume staged simple_rnn-s0", "resume", {"simple_rnn-s0": Control(retries=1)}),
    ],
)
def test_what_is_asked_of_whom(
    stage: Stage, call: Call, command: str, verb: str, expected: dict[str, Control]
) -> None:
    code, out, err = call(command)
    assert (code, err) == (0, "")
    assert wishes(stage) == expected
    said, _, names = out.rstrip("\n").partition(": ")
    assert said == f"Asked to {verb}"
    assert set(names.split(", ")) == expected.keys()


def test_what_is_paused_is_resumed(stage: Stage, call: Call) -> None:
    call("pause staged gru")
    stage.write("gru-s2", [StatusChanged(status=Status.PAUSED)])
    assert call("resume staged")[1] == "Asked to resume: gru-s2\n"
    assert wishes(stage) == {}


@pytest.mark.parametrize(
    ("command", "is_told"), [("retry staged", True), ("pause staged gru-s2", False)]
)
def test_another_backend_is_not_taken_silently(
    stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch, command: str, is_told: bool
) -> None:
    monkeypatch.setattr("experiments.backend.configured_backend", lambda: "jax")
    _, _, err = call(command)
    said = "staged has begun on none, and goes on with it instead of jax.\n"
    assert err == (said if is_told else "")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("resume staged", "Nothing to resume: no trial is paused, stopped or lost."),
        ("pause staged gru-s0", "Nothing to pause: gru-s0 is completed."),
        ("retry staged gru-s2", "Nothing to retry: gru-s2 is running."),
        ("checkpoint staged simple_rnn", "Nothing to save: no trial is at work."),
        ("rate staged gru-s0 0.1", "Nothing to change: gru-s0 is completed."),
    ],
)
def test_nothing_to_do_is_said(stage: Stage, call: Call, command: str, said: str) -> None:
    assert call(command) == (0, f"{said}\n", "")
    assert wishes(stage) == {}


@pytest.mark.parametrize(
    "command", ["stop", "stop --kill", "pause", "resume", "retry", "checkpoint"]
)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("stagd", "Unknown experiment 'stagd'. Did you mean 'staged'?"),
        ("staged gru-s7", "Unknown trial or model of staged 'gru-s7'. Did you mean 'gru-s2'?"),
        ("staged lst", "Unknown trial or model of staged 'lst'. Did you mean 'lstm'?"),
    ],
)
def test_an_unknown_name_is_one_line_and_exit_2(
    stage: Stage, call: Call, command: str, arguments: str, message: str
) -> None:
    assert call(f"{command} {arguments}") == (2, "", f"keras-seq: {message}\n")
    assert wishes(stage) == {}


@pytest.mark.parametrize(
    "command", ["rate staged gru-s2 fast", "retry staged --learning-rate fast"]
)
def test_what_is_no_learning_rate_is_refused(stage: Stage, call: Call, command: str) -> None:
    code, out, err = call(command)
    assert (code, out) == (2, "")
    assert err == (
        "keras-seq: learning rate: expected a number above 0 such as 0.001, or a factor such as "
        "x0.5. Received: 'fast'.\n"
    )
    assert wishes(stage) == {}
