"""`experiments` and `tui` are common names: folders of a person's own never stand in for ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.config import ExperimentConfig
from experiments.store import ExperimentFolder

pytestmark = pytest.mark.slow

SMALL = ("length=6", "test_size=20", "validation_size=20")
KERAS_SEQ = Path(sys.executable).with_name("keras-seq")


@pytest.fixture
def decoys(tmp_path):
    """A folder with packages of our names, and of names that we import."""
    for name in ("experiments", "tui", "keras_seq", "keras", "msgspec", "typer"):
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").write_text("raise SystemExit('a decoy was imported')\n")
    (tmp_path / "signal.py").write_text("raise SystemExit('a decoy was imported')\n")
    return tmp_path


def run(folder, *command, **environment):
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.skipif(not KERAS_SEQ.exists(), reason="the console script is not installed")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["--help"], "keras-seq"), (["list", "tasks"], "adding"), (["list", "models"], "gru")],
)
def test_the_console_script_is_ours(decoys, arguments, expected):
    done = run(decoys, KERAS_SEQ, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout


@pytest.mark.parametrize("module", ["experiments.supervisor", "experiments.worker"])
def test_the_processes_are_ours(decoys, module):
    """They say what is wrong with a folder that is none; a decoy would say so itself."""
    done = run(decoys, sys.executable, "-P", "-m", module, decoys / "nothing")
    assert done.returncode != 0
    assert "decoy" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "nothing" in done.stderr


def test_without_minus_p_the_decoys_would_come_first(decoys):
    done = run(decoys, sys.executable, "-m", "experiments.supervisor", decoys / "nothing")
    assert "a decoy was imported" in done.stderr


def test_a_supervisor_works_among_decoys(decoys):
    """Its workers are started from the same folder; a stop asked beforehand keeps this short."""
    document = {"name": "e", "task": {"name": "adding"}, "models": ["gru"], "seeds": [0]}
    config = ExperimentConfig.from_document(document)
    folder = ExperimentFolder.create(decoys / "runs", config, {})
    folder.trial("gru-s0").control.write_text('{"schema": 1, "request": "stop"}')
    done = run(decoys, sys.executable, "-P", "-m", "experiments.supervisor", folder.path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert '"stopped"' in folder.journal.read_text()


@pytest.mark.slow
@pytest.mark.skipif(not KERAS_SEQ.exists(), reason="the console script is not installed")
def test_an_experiment_from_the_command_line_among_decoys(decoys):
    done = run(
        decoys,
        KERAS_SEQ,
        *["run", "adding", "--models", "lstm,gru", "--seeds", "2", "--steps", "3", "--json"],
        *[
            "--set",
            "task.length=6",
            "--set",
            "task.test_size=20",
            "--set",
            "task.validation_size=20",
        ],
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    assert done.returncode == 0, done.stderr
    assert "decoy" not in done.stderr
    document = json.loads(done.stdout)
    assert document["status"] == "completed"
    assert len(document["trials"]) == 4
    for trial in document["trials"]:
        assert trial["status"] == "completed"
        assert trial["metrics"]["test_mse"] > 0
        assert trial["error"] is None
    (root,) = decoys.glob("runs/*")
    assert root.name == document["experiment"]
