"""Starts an experiment: writes its folder, then leaves a supervisor at work on it."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.config import ExperimentConfig
from experiments.errors import StoreError
from experiments.events import Event
from experiments.store import ExperimentFolder
from experiments.tell import Tell

PACKAGES = ("keras-seq", "keras", "numpy", "tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Launched:
    """An experiment at work."""

    folder: ExperimentFolder
    supervisor: subprocess.Popen[bytes]


def launch(root: Path, config: ExperimentConfig, tell: Tell = lambda _: None) -> Launched:
    """Create the experiment under `root` and start its supervisor, which outlives the caller.

    Where steps shall take as long, they are timed first, of which `tell` is told.
    """
    events: list[Event] = []
    if config.protocol.match == "time":
        from experiments.timing import timed  # with the supervisor's modules 0.1 s, needed by few

        config, found = timed(config, tell)
        events = [found]
    return supervise(ExperimentFolder.create(root.absolute(), config, facts(), events))


def supervise(folder: ExperimentFolder) -> Launched:
    """Start a supervisor on what is open in an experiment, which has none."""
    try:
        with folder.console.open("ab") as console:
            supervisor = subprocess.Popen(
                [sys.executable, "-P", "-m", "experiments.supervisor", str(folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise StoreError(
            f"{folder.path} is written, but its supervisor could not be started: {error.strerror}."
        ) from error
    return Launched(folder, supervisor)


def facts() -> dict[str, Any]:
    """What a result depends on besides its configuration: versions and the source's revision."""
    return {"versions": versions(), "git_revision": _git_revision()}


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that matter, where installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _git_revision() -> str | None:
    """The revision checked out in the current folder, with `+changes` where files differ."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
