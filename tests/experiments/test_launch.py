import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import toy

from experiments import launch as module
from experiments.errors import RequestError, StoreError
from experiments.launch import facts, launch, versions
from experiments.store import experiments, read_json


@pytest.fixture
def popen(monkeypatch):
    """Notes how processes would be started."""
    started = []

    def start(command, **options):
        started.append((command, options))

    monkeypatch.setattr(module.subprocess, "Popen", start)
    monkeypatch.setattr(module, "facts", lambda: {"git_revision": "abc"})
    return started


def test_the_supervisor_is_started_away_from_the_caller(tmp_path, monkeypatch, popen):
    monkeypatch.chdir(tmp_path)
    launched = launch(Path("runs"), toy.experiment())
    ((command, options),) = popen
    # -P keeps folders named like our packages off the import path; the folder is absolute.
    assert command[1:] == ["-P", "-m", "experiments.supervisor", str(tmp_path / "runs" / "toy")]
    assert options["start_new_session"] is True
    assert options["stdin"] == subprocess.DEVNULL
    assert launched.folder.read_config() == toy.experiment()
    assert read_json(launched.folder.trial("gru-s0").config)["git_revision"] == "abc"


def test_an_existing_experiment_gets_no_second_supervisor(tmp_path, popen):
    launch(tmp_path, toy.experiment())
    with pytest.raises(RequestError, match="exists"):
        launch(tmp_path, toy.experiment())
    assert len(popen) == 1


def test_a_supervisor_that_cannot_be_started(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(module.subprocess, "Popen", fail)
    monkeypatch.setattr(module, "facts", dict)
    with pytest.raises(StoreError) as refused:
        launch(tmp_path, toy.experiment())
    assert str(refused.value) == (
        f"{tmp_path / 'toy'} is written, but its supervisor could not be started: "
        "Resource temporarily unavailable."
    )
    assert len(experiments(tmp_path)) == 1


def test_versions_are_those_of_what_is_installed():
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["keras"].startswith("3.")
    assert "keras-seq" in found


def git(*arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_revision_tells_changes_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert facts()["git_revision"] is None
    git("init", "-q")
    assert facts()["git_revision"] is None  # no commit yet
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-q", "-m", "first")
    assert re.fullmatch("[0-9a-f]{40}", facts()["git_revision"])
    (tmp_path / "a.py").write_text("2")
    assert re.fullmatch(r"[0-9a-f]{40}\+changes", facts()["git_revision"])


def test_without_git_there_is_no_revision(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert facts()["git_revision"] is None
