"""The command line: what it prints, what it refuses, how it ends."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from staged import Call

from experiments.control import Request, asked
from experiments.errors import RequestError
from experiments.events import (
    Alerted,
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
from experiments.request import experiment_request
from experiments.status import Status
from experiments.store import ExperimentFolder
from tui import cli, command_line

UNTUNED = ("protocol.tune=false",)
KERAS_SEQ = str(Path(sys.executable).with_name("keras-seq"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "runs"


def finished(root: Path, *, name: str = "first", failed: str = "") -> ExperimentFolder:
    """A finished experiment of two models and two seeds, written by hand."""
    config = experiment_request(
        "adding", models="lstm,gru", seeds=2, steps=10, name=name, assignments=UNTUNED
    )
    folder = ExperimentFolder.create(root, config, {})
    supervisor = JournalWriter(folder.journal)
    supervisor.append(SupervisorStarted(time=100.0, process=this_process(), jobs=2, threads=1))
    for number, trial in enumerate(config.trials()):
        journal = JournalWriter(folder.trial(trial.name).journal)
        journal.append(Started(time=101.0, process=this_process()))
        journal.append(Built(time=102.0, num_parameters=9, backend="b", device="d", threads=1))
        value = 0.01 * (number + 1)
        journal.append(Measured(time=103.0, step=10, values={"validation_mse": value}))
        if trial.name == failed:
            journal.append(StatusChanged(time=104.0, status=Status.FAILED, reason="a NaN"))
            continue
        journal.append(Measured(time=103.0, step=10, values={"test_mse": value}))
        journal.append(StatusChanged(time=104.0, status=Status.COMPLETED))
    for seed in (0, 1):
        values = {"test_mse": 0.167, "test_loss": float("inf")}
        supervisor.append(BaselineMeasured(name="constant", seed=seed, values=values))
    supervisor.append(SupervisorEnded(time=105.0))
    supervisor.close()
    return folder


def queued(root: Path) -> ExperimentFolder:
    """An experiment that no supervisor has taken up."""
    config = experiment_request("adding", models="lstm,gru", seeds=1, name="waiting")
    return ExperimentFolder.create(root, config, {})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ruin"], "Did you mean 'run'?"),
        (["run"], "Missing argument"),
        (["run", "ading"], "Unknown task 'ading'. Did you mean 'adding'?"),
        (["run", "adding", "--models", "lstn"], "Unknown model 'lstn'. Did you mean 'lstm'?"),
        (["run", "adding", "--models", ","], "models: expected at least one."),
        (["run", "adding", "--modles", "lstm"], "No such option: --modles"),
        (["run", "adding", "--seeds", "-1"], "--seeds: expected 1 to 1000. Received: -1."),
        (["run", "adding", "--seeds", "0"], "--seeds: expected 1 to 1000. Received: 0."),
        (["run", "adding", "--seeds", "x"], "Invalid value for '--seeds'"),
        (["run", "adding", "--steps", "0"], "budget.steps: expected int >= 1. Received: 0."),
        (["run", "adding", "--jobs", "0"], "jobs: expected int >= 1. Received: 0."),
        (["run", "adding", "--match", "flop"], "protocol.match 'flop'. Did you mean 'flops'?"),
        (["run", "adding", "--name", "a/b"], "name: expected letters"),
        (["run", "adding", "--set", "task.length=0"], "task.length: expected int >= 2."),
        (["run", "adding", "--set", "task.lenght=9"], "Did you mean 'length'?"),
        (["run", "adding", "--set", "tusk.length=9"], "Did you mean 'task'?"),
        (["run", "adding", "--set", "length"], "--set: expected SECTION.KEY=VALUE"),
        (["run", "none.toml"], "Cannot read none.toml: No such file or directory."),
        (["list", "taks"], "Did you mean 'tasks'?"),
        (["show", "nothing"], "There is no experiment in"),
        (["attach", "nothing"], "There is no experiment in"),
        (["stop", "nothing"], "There is no experiment in"),
        ([], "The dashboard needs a terminal."),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_2(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("KERAS_SEQ_ROOT", str(root))
    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not root.exists()


def test_an_unwritable_root_is_refused(tmp_path: Path, call: Call) -> None:
    file = tmp_path / "file"
    file.write_text("")
    code, _, err = call("run", "adding", "--headless", "--root", file / "runs")
    assert code == 2
    assert "a file is where a folder is needed" in err
    assert "--root" in err


def test_a_missing_backend_is_refused_before_anything_is_written(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jaxx")
    code, _, err = call("run", "adding", "--root", root)
    assert code == 2
    assert "Did you mean 'jax'?" in err
    assert not root.exists()


def test_unequal_capacity_is_said_on_stderr(
    call: Call, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise RequestError("no backend here")

    monkeypatch.setattr("tui.commands.run.check_backend", refuse)
    command = ["run", "adding", "--models", "lstm,gru", "--root", root]
    code, out, err = call(*command, "--set", "models.gru.units=50")
    assert (code, out) == (2, "")
    assert err.splitlines()[0].startswith("warning: gru has 8,151 parameters, ")
    assert "warning" not in call(*command)[2]


def test_an_existing_name_is_refused(root: Path, call: Call) -> None:
    finished(root)
    code, _, err = call("run", "adding", "--name", "first", "--headless", "--root", root)
    assert code == 2
    assert "Choose another name with --name." in err


def test_debug_shows_the_traceback(root: Path, call: Call) -> None:
    with pytest.raises(Exception, match="Unknown task"):
        call("--debug", "run", "ading", "--root", root)


def test_a_fault_of_ours_is_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("beyond repair")

    monkeypatch.setattr(command_line, "run_command", fail)
    code, _, err = call("list")
    assert code == 2
    assert err == "keras-seq: RuntimeError: beyond repair (--debug shows where)\n"


def test_without_the_tool_the_extra_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tui.command_line", None)
    monkeypatch.setattr(cli, "_APP_PACKAGES", ("tui.command_line",))
    code, _, err = call("list")
    assert code == 2
    assert 'pip install "keras-seq[app,tensorflow]"' in err


def test_list_without_experiments_says_how_to_start_one(root: Path, call: Call) -> None:
    assert call("list", "--root", root) == (
        0,
        f"No experiment in {root}. Start one: keras-seq run digits\n",
        "",
    )


def test_list_experiments(root: Path, call: Call) -> None:
    finished(root)
    queued(root)
    code, out, _ = call("list", "--root", root, "--json")
    assert code == 0
    rows = {row["experiment"]: row for row in json.loads(out)}
    assert rows["first"]["status"] == "completed"
    assert rows["first"]["completed"] == "4/4"
    assert rows["waiting"]["status"] == "queued"
    assert rows["waiting"]["models"] == "lstm, gru"
    _, table, _ = call("list", "--root", root)
    assert re.search(r"first\s+completed\s+adding\s+lstm, gru\s+4/4", table)


def test_an_unreadable_experiment_spoils_no_list(root: Path, call: Call) -> None:
    finished(root)
    finished(root, name="second").config.write_text("no TOML at all")
    code, out, _ = call("list", "--root", root, "--json")
    assert code == 0
    rows = {row["experiment"]: row for row in json.loads(out)}
    assert rows["first"]["status"] == "completed"
    assert rows["second"]["status"] == "unreadable"
    assert "is not TOML" in rows["second"]["models"]


@pytest.mark.parametrize(("what", "name"), [("tasks", "digits"), ("models", "peephole_lstm")])
def test_list_the_catalog(call: Call, what: str, name: str) -> None:
    code, out, _ = call("list", what, "--json")
    assert code == 0
    assert name in [row[what[:-1]] for row in json.loads(out)]
    assert name in call("list", what)[1]


def test_show(root: Path, call: Call) -> None:
    finished(root)
    code, out, _ = call("show", "first", "--root", root)
    assert code == 0
    rows = re.findall(r"│\s+(\d|) │ (\S+)\s+│\s+([\d.]+) │", out)
    # Means of the test values by hand: seeds 0 and 1 of lstm are trials 1 and 3, of gru 2 and 4.
    assert rows == [("1", "lstm", "0.020"), ("2", "gru", "0.030"), ("", "constant", "0.167")]
    # Two equal differences prove nothing.
    assert re.search(r"lstm - gru │ +0.010 │ .* │ underpowered: 2 common seeds │", out)
    assert "underpowered, 2 seeds in common cannot tell lstm from gru" in out
    assert re.search(r"│ lstm +│ +9 │", out)  # parameters, among the costs


def test_show_by_length(root: Path, call: Call) -> None:
    config = experiment_request(
        "reverse", models="seq2seq,transformer", seeds=2, name="words", assignments=UNTUNED
    )
    folder = ExperimentFolder.create(root, config, {})
    for number, trial in enumerate(config.trials()):
        journal = JournalWriter(folder.trial(trial.name).journal)
        journal.append(Started(time=101.0, process=this_process()))
        values = {"test_exact_match_4_12": 0.1 * number, "extrapolation_exact_match_31_40": 0.25}
        journal.append(Measured(time=103.0, step=10, values=values))
        journal.append(StatusChanged(time=104.0, status=Status.COMPLETED))
    _, out, _ = call("show", "words", "--root", root)
    assert "test exact_match by length" in out
    assert re.search(r"model\s+┃\s+4-12\s+┃\s+31-40\*", out)
    # Trials go seed by seed: seq2seq has numbers 0 and 2, transformer 1 and 3.
    rows = re.findall(r"│ (\S+)\s+│\s+(0\.\d+) │\s+(0\.\d+) │", out)
    assert rows[-2:] == [("seq2seq", "0.100", "0.250"), ("transformer", "0.200", "0.250")]


def test_show_a_failure(root: Path, call: Call) -> None:
    finished(root, failed="lstm-s1")
    _, out, _ = call("show", "first", "--root", root)
    assert re.search(r"│ ! │ lstm .*1/2 .*1 of 2", out)
    assert "failed: lstm-s1: a NaN" in out


def test_show_a_damaged_journal(root: Path, call: Call) -> None:
    folder = finished(root)
    with folder.trial("gru-s0").journal.open("ab") as journal:
        journal.write(b"\x00\x01 not a record\n")
    code, out, _ = call("show", "first", "--root", root)
    assert code == 0
    assert "warning: gru-s0's journal: line 7 is damaged and was left out" in out
    assert "0.030" in out


def test_json_is_one_document_without_nan(root: Path, call: Call) -> None:
    finished(root, failed="lstm-s1")
    _, out, err = call("show", "first", "--root", root, "--json")
    assert err == ""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(out, parse_constant=refuse)
    assert set(document) == {
        "experiment", "status", "task", "trials", "leaderboard", "baselines", "order",
        "comparisons", "protocol", "switched_off", "tuning", "causality", "data", "warnings",
        "by_length", "timed", "pretraining", "equal", "alerts", "backend",
    }  # fmt: skip
    assert document["status"] == "failed"
    failed = document["trials"][2]
    assert (failed["model"], failed["seed"], failed["error"]) == ("lstm", 1, "a NaN")
    assert set(failed) >= {"model", "seed", "status", "num_parameters", "seconds", "metrics"}
    assert document["trials"][0]["metrics"] == {"validation_mse": 0.01, "test_mse": 0.01}
    # The complete model stands first; the other has one seed, so no interval.
    assert [row["model"] for row in document["leaderboard"]] == ["gru", "lstm"]
    assert document["leaderboard"][1]["low"] is None
    (baseline,) = document["baselines"]
    assert baseline["metrics"]["test_mse"]["mean"] == pytest.approx(0.167)
    assert baseline["metrics"]["test_loss"]["mean"] is None
    (comparison,) = document["comparisons"]
    assert {comparison["a"], comparison["b"]} == {"lstm", "gru"}


@pytest.mark.parametrize(
    ("trial", "stopped"), [(None, {"lstm-s0", "gru-s0"}), ("gru-s0", {"gru-s0"})]
)
def test_stop_asks_the_open_trials(
    root: Path, call: Call, trial: str | None, stopped: set[str]
) -> None:
    folder = queued(root)
    code, out, _ = call("stop", "waiting", *([trial] if trial else []), "--root", root)
    assert code == 0
    assert set(re.findall(r"\w+-s\d", out)) == stopped
    asked_to = {
        name for name in ("lstm-s0", "gru-s0") if asked(folder.trial(name)).request is Request.STOP
    }
    assert asked_to == stopped


def test_stop_of_a_finished_experiment_does_nothing(root: Path, call: Call) -> None:
    folder = finished(root)
    assert call("stop", "first", "--root", root)[:2] == (0, "Nothing to stop: all is finished.\n")
    assert not folder.trial("lstm-s0").control.exists()


def test_stop_of_an_unknown_trial_names_the_nearest(root: Path, call: Call) -> None:
    finished(root)
    code, _, err = call("stop", "first", "lstm-s9", "--root", root)
    assert code == 2
    assert "Did you mean 'lstm-s" in err


@pytest.mark.parametrize(("failed", "code"), [("", 0), ("gru-s0", 1)])
def test_attach_to_a_finished_experiment(root: Path, call: Call, failed: str, code: int) -> None:
    finished(root, failed=failed)
    found, out, _ = call("attach", "first", "--root", root)
    assert found == code
    assert "lstm" in out


def test_help_names_every_command(call: Call) -> None:
    code, out, _ = call("--help")
    assert code == 0
    steering = ("stop", "pause", "resume", "retry", "checkpoint", "rate")
    for command in (
        "run",
        "claim",
        "list",
        "show",
        "attach",
        *steering,
        "delete",
        "keys",
        "doctor",
    ):
        assert re.search(rf"^  {command} +\S", out, re.MULTILINE)


RUN = ("run", "adding", "--models", "lstm", "--seeds", "1", "--set", "task.length=4")


@pytest.mark.slow
def test_run_trains_and_prints_json_only(root: Path) -> None:
    command = [KERAS_SEQ, *RUN, "--steps", "3", "--json", "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["status"] == "completed"
    assert document["trials"][0]["metrics"]["test_mse"] > 0
    assert {row["name"] for row in document["baselines"]} == {"constant", "one marker"}


@pytest.mark.slow
def test_an_interrupted_run_stops_its_trials_and_ends_with_130(root: Path) -> None:
    command = [KERAS_SEQ, *RUN, "--steps", "1000000", "--name", "long", "--root", str(root)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background job of a shell ignores interrupts, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            assert process.stderr is not None
            assert re.match(r"lstm-lr\S+ running", process.stderr.readline())
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "long: stopped" in out


@pytest.mark.slow
def test_doctor_finds_the_backend(root: Path, call: Call) -> None:
    code, out, _ = call("doctor", "--json", "--root", root)
    findings = json.loads(out)
    assert code == 0
    assert findings["backend"] in ("tensorflow", "jax", "torch")
    assert findings["devices"]
    assert findings["problems"] == []
    assert {"python", "keras", "keras-seq"} <= set(findings["versions"])


def test_doctor_names_what_stands_in_the_way(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "nothing")
    file = tmp_path / "file"
    file.write_text("")
    code, out, _ = call("doctor", "--root", file / "runs")
    assert code == 1
    assert "KERAS_BACKEND" in out
    assert "Cannot write in" in out
    assert "pixels no, half blocks:" in out


def test_what_the_rules_find_is_told_on_stderr(root: Path, call: Call) -> None:
    folder = finished(root)
    journal = JournalWriter(folder.journal)
    for message in ("first finding", "second finding"):
        journal.append(
            Alerted(
                time=103.0,
                trial="lstm-s1",
                attempt=1,
                rule="nan",
                action="stop",
                message=message,
                step=3,
            )
        )
    code, out, err = call("attach", "first", "--root", root, "--headless")
    assert code == 0
    told = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert [line.endswith("finding; asked to stop") for line in told] == [True, True]
    assert "lstm-s1 at step 3, nan: first finding" in told[0]
    # The outcome tells the newest first.
    assert out.index("second finding") < out.index("first finding")


@pytest.mark.parametrize("command", [["show", "first"], ["attach", "first", "--headless"]])
def test_the_outcome_lists_what_the_rules_found(root: Path, call: Call, command) -> None:
    journal = JournalWriter(finished(root).journal)
    found = [("nan", "checkpoint", "train_loss is nan", 3), ("stall", "notify", "no step", 4)]
    for rule, action, message, step in found:
        journal.append(
            Alerted(
                time=103.0, trial="lstm-s1", attempt=1, rule=rule, action=action, message=message,
                step=step,
            )
        )  # fmt: skip
    _, out, _ = call(*command, "--root", root)
    lines = [line for line in out.splitlines() if line.startswith("warning: ")]
    assert lines[0].endswith("lstm-s1 at step 4, stall: no step")
    assert lines[1].endswith("lstm-s1 at step 3, nan: train_loss is nan; asked for a checkpoint")
    _, out, _ = call("show", "first", "--json", "--root", root)
    told = json.loads(out)["alerts"]
    assert [(a["rule"], a["action"], a["message"], a["step"]) for a in told] == found
