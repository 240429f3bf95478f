"""`keras-seq claim`: experiments that are complete become verdicts, and are not run again."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.claims.claim import request
from experiments.claims.undertaking import Undertaking
from experiments.config import ExperimentConfig
from experiments.events import (
    BaselineMeasured,
    Built,
    Measured,
    Started,
    StatusChanged,
    SupervisorEnded,
    SupervisorStarted,
)
from experiments.journal import JournalWriter
from experiments.process import this_process
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder
from tui import claims, cli

Call = Callable[..., tuple[int, str, str]]
# The causal LSTM cannot look ahead.
ACCURACIES = {
    "lookahead": {"lstm": 0.125, "bidirectional_lstm": 0.997},
    "lookback": {"lstm": 0.996, "bidirectional_lstm": 0.998},
}


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """Run `keras-seq claim` in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: object) -> tuple[int, str, str]:
        command = ["keras-seq", "claim", *map(str, arguments), "--root", str(tmp_path / "runs")]
        monkeypatch.setattr(sys, "argv", command)
        code = cli.main()
        out, err = capsys.readouterr()
        return code, out, err

    return run


def finished(root: Path, name: str, failed: str = "") -> ExperimentFolder:
    """An experiment of claim d with its outcome, written by hand."""
    config: ExperimentConfig = request(name, quick=True)
    folder = ExperimentFolder.create(root, config, {})
    supervisor = JournalWriter(folder.journal)
    supervisor.append(SupervisorStarted(time=100.0, process=this_process(), jobs=2, threads=1))
    for trial in config.trials():
        journal = JournalWriter(folder.trial(trial.name).journal)
        journal.append(Started(time=101.0, process=this_process()))
        journal.append(Built(time=102.0, num_parameters=9, backend="b", device="d", threads=1))
        value = ACCURACIES[name][trial.model.label] + 0.001 * trial.seed
        journal.append(Measured(time=103.0, step=10, values={"test_accuracy": value}))
        status = Status.FAILED if trial.name == failed else Status.COMPLETED
        journal.append(StatusChanged(time=104.0, status=status))
    for seed in config.seeds:
        values = {"test_accuracy": 0.125}
        supervisor.append(BaselineMeasured(name="uniform", seed=seed, values=values))
    supervisor.append(SupervisorEnded(time=105.0))
    return folder


@pytest.fixture
def complete(tmp_path: Path) -> None:
    for name in ACCURACIES:
        finished(tmp_path / "runs", name)


@pytest.mark.usefixtures("complete")
def test_a_claim_prints_its_rule_its_evidence_and_its_verdict(call: Call) -> None:
    code, out, err = call("d", "--quick")
    assert code == 0
    assert err.splitlines() == [
        "1/2 claim-lookahead-quick: reused",
        "2/2 claim-lookback-quick: reused",
    ]
    assert "Claim d: A bidirectional RNN uses past and future." in out
    assert "Supported when all of this holds" in out
    assert re.search(r"The bidirectional LSTM knows the future +│ 0\.998 │ .* │ +3 │ +yes │", out)
    assert re.search(r"The causal LSTM knows as much if it may wait +│ 0\.997", out)
    assert "the limits of the claim" in out
    assert out.rstrip().endswith("Verdict on d: supported")


def test_all_ends_with_a_verdict_on_each(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of experiments that have not begun, none says anything."""

    def undertaken(root: Path, config: ExperimentConfig) -> Undertaking:
        return Undertaking("reused", ExperimentFolder.create(tmp_path / "runs", config, {}))

    monkeypatch.setattr(claims, "undertake", undertaken)
    code, out, err = call("all", "--quick")
    assert code == 1
    names = re.findall(r"\d+/17 claim-(\w+)-quick", err)
    assert len(names) == len(set(names)) == 17
    verdicts = out.rpartition("Verdicts\n")[2]
    assert re.findall(r"│ ([a-f]) │ .* │ underpowered │", verdicts) == list("abcdef")


@pytest.mark.parametrize(
    ("asked", "called"),
    [("f a", "af"), ("c c", "c"), ("all", "abcdef"), ("b all", "abcdef"), ("d", "d")],
)
def test_claims_are_called_by_their_letters_once_and_in_order(asked: str, called: str) -> None:
    assert "".join(claim.letter for claim in claims.claims_called(asked.split())) == called


@pytest.mark.usefixtures("complete")
def test_json_is_one_document(call: Call) -> None:
    code, out, _ = call("d", "--quick", "--json")
    assert code == 0
    document = json.loads(out)
    assert document["quick"] is True
    (told,) = document["claims"]
    assert (told["claim"], told["verdict"], told["reasons"]) == ("d", "supported", [])
    assert [one["side"] for one in told["conditions"]] == ["for", "for"]
    assert told["conditions"][0]["mean"] == pytest.approx(0.998)
    assert told["refuting"][0]["n"] == 3


@pytest.mark.usefixtures("complete")
def test_a_page_says_what_it_was_made_of(call: Call, tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    assert call("d", "--quick", "--write", page)[0] == 0
    text = page.read_text()
    assert "**These are quick runs**" in text
    assert "| d | A bidirectional RNN uses past and future. | supported |" in text
    assert "`keras-seq claim d --quick` repeats it." in text
    assert "claim-lookahead-quick (completed, 0:05)" in text
    assert "cores" in text
    # Widths of small networks are coarse.
    assert (
        "Of unequal size: lookahead: bidirectional_lstm has 6,856 parameters, 2.88 % more" in text
    )
    assert "keras 3." in text
    assert "| The bidirectional LSTM knows the future | 0.998 | [" in text


@pytest.mark.parametrize(("failed", "expected"), [("lstm-s0", 1), ("", 0)])
def test_trials_that_failed_are_told_by_the_exit_code(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failed: str, expected: int
) -> None:
    """What is left of the experiment is judged all the same."""

    def undertaken(root: Path, config: ExperimentConfig) -> Undertaking:
        name = config.name.removeprefix("claim-").removesuffix("-quick")
        return Undertaking("begun", finished(tmp_path / "runs", name, failed))

    monkeypatch.setattr(claims, "undertake", undertaken)
    code, out, _ = call("d", "--quick")
    assert code == expected
    assert "Verdict on d: supported" in out


def test_an_interrupt_says_that_the_command_goes_on(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = finished(tmp_path / "runs", "lookahead")
    view = ExperimentReader(folder).read()
    monkeypatch.setattr(claims, "undertake", lambda *_: Undertaking("resumed", folder))
    monkeypatch.setattr(claims, "watch", lambda *_: (view, True))
    code, out, err = call("d", "--quick")
    assert (code, out) == (130, "")
    assert "the same command goes on where this one stopped" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["z"], "Unknown claim 'z'. Known: a, all, b, c, d, e, f."),
        (["a", "z"], "Unknown claim 'z'. Known: a, all, b, c, d, e, f."),
        ([], "Missing argument"),
        (["d", "--jobs", "0"], "jobs: expected int >= 1. Received: 0."),
        (["d", "--quik"], "No such option: --quik"),
        (["d", "--write", "/no/such/folder/page.md"], "--write: expected a file in a folder that"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_written(
    call: Call, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "runs").exists()
