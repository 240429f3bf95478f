"""The files of an experiment: where they are, how small documents are written and read.

One writer per file. Small documents are replaced by a temporary file and a rename; for the others
see `journal`.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import tomli_w

from experiments.config import ExperimentConfig, TrialConfig, read_document
from experiments.errors import RequestError, StoreError, UnknownNameError
from experiments.events import Event
from experiments.journal import JournalWriter
from experiments.protocol import NO_PROTOCOL
from experiments.system_error import explained

_RERUN = re.compile(r"-r\d+$")


@dataclass(frozen=True)
class TrialFolder:
    """The files of one trial."""

    path: Path

    @property
    def name(self) -> str:
        """The trial's name."""
        return self.path.name

    @property
    def config(self) -> Path:
        """What to train; final once the trial has started."""
        return self.path / "config.json"

    @property
    def journal(self) -> Path:
        """The worker's journal."""
        return self.path / "events.jsonl"

    @property
    def control(self) -> Path:
        """What was asked of the trial."""
        return self.path / "control.json"

    @property
    def checkpoint(self) -> Path:
        """What training goes on from."""
        return self.path / "checkpoint" / "state.npz"

    @property
    def console(self) -> Path:
        """Everything the worker printed."""
        return self.path / "console.log"

    @property
    def arrays(self) -> Path:
        """The folder of what was recorded inside the network."""
        return self.path / "arrays"

    def recording(self, step: int) -> Path:
        """What was recorded after `step` updates."""
        return self.arrays / f"step-{step}.npz"

    def read_config(self) -> TrialConfig:
        """The trial's configuration."""
        document = read_json(self.config)
        try:
            return TrialConfig.from_document(document)
        except KeyError as error:
            raise StoreError(f"{self.config} is damaged: it lacks {error}.") from error

    def set_learning_rate(self, rate: float) -> None:
        """Write into the configuration what has been chosen; the rest stays as it is."""
        document = read_json(self.config)
        if document.get("budget", {}).get("learning_rate") != rate:
            budget = {**document.get("budget", {}), "learning_rate": rate}
            write_json(self.config, {**document, "budget": budget})


@dataclass(frozen=True)
class ExperimentFolder:
    """The files of one experiment."""

    path: Path

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.path.name

    @property
    def config(self) -> Path:
        """What was asked, complete; written once."""
        return self.path / "experiment.toml"

    @property
    def journal(self) -> Path:
        """The supervisor's journal."""
        return self.path / "supervisor.jsonl"

    @property
    def written(self) -> float:
        """When its `config` was written, seconds since the epoch; a copy is newer."""
        try:
            return self.config.stat().st_mtime
        except FileNotFoundError:
            return 0.0  # somebody deletes it at this moment

    @property
    def console(self) -> Path:
        """Everything the supervisor printed."""
        return self.path / "supervisor.log"

    def trial(self, name: str) -> TrialFolder:
        """The folder of the trial called `name`."""
        return TrialFolder(self.path / name)

    def read_config(self) -> ExperimentConfig:
        """The experiment's configuration."""
        # What was written before there was a protocol has nothing of it.
        before = {"protocol": asdict(NO_PROTOCOL)}
        return ExperimentConfig.from_document({**before, **read_document(self.config)})

    @classmethod
    def create(
        cls,
        root: Path,
        config: ExperimentConfig,
        facts: Mapping[str, Any],
        events: Sequence[Event] = (),
    ) -> Self:
        """Write a new experiment with all its trials; nothing is left behind on failure.

        `facts` (versions, revision) go into every trial's `config.json`, `events` into the
        supervisor's journal.
        """
        folder = cls(root / config.name)
        with explained(root):
            root.mkdir(parents=True, exist_ok=True)
        with explained(folder.path):
            try:
                folder.path.mkdir()
            except FileExistsError:
                raise RequestError(
                    f"An experiment named {config.name!r} exists in {root}. "
                    "Choose another name with --name."
                ) from None
            try:
                for trial in config.trials():
                    trial_folder = folder.trial(trial.name)
                    trial_folder.path.mkdir()
                    write_json(trial_folder.config, {**trial.document(), **facts})
                if events:
                    with closing(JournalWriter(folder.journal)) as journal:
                        for event in events:
                            journal.append(event, durable=True)
                # Last, because a folder counts as an experiment once this file is there.
                replace(folder.config, tomli_w.dumps(config.document()).encode())
            except BaseException:  # an interrupt, too, must leave nothing half written
                shutil.rmtree(folder.path, ignore_errors=True)
                raise
        return folder


def experiments(root: Path) -> list[ExperimentFolder]:
    """The experiments under `root`, the newest files first."""
    with explained(root):
        if not root.exists():
            return []
        found = [ExperimentFolder(path.parent) for path in root.glob("*/experiment.toml")]
        return sorted(found, key=lambda folder: (folder.written, folder.path), reverse=True)


def find_experiment(root: Path, name: str) -> ExperimentFolder:
    """The experiment called `name`; raises `UnknownNameError` with the nearest one."""
    known = experiments(root)
    for folder in known:
        if folder.name == name:
            return folder
    if not known:
        raise RequestError(f"There is no experiment in {root}. Start one: keras-seq run digits")
    raise UnknownNameError("experiment", name, [folder.name for folder in known])


def free_name(root: Path, name: str) -> str:
    """The next name under `root` for another run of `name`: `mine-r2`, `mine-r3` ..."""
    stem = _RERUN.sub("", name)
    return next(
        other
        for number in itertools.count(2)
        if not (root / (other := f"{stem}-r{number}")).exists()
    )


def read_json(path: Path) -> dict[str, Any]:
    """The document at `path`."""
    with explained(path):
        text = path.read_bytes()
    try:
        document = json.loads(text)
    except ValueError as error:
        raise StoreError(f"{path} is damaged: {error}.") from error
    if not isinstance(document, dict):
        raise StoreError(f"{path} is damaged: expected an object.")
    return document


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Replace the document at `path`."""
    replace(path, json.dumps(document, indent=1).encode() + b"\n")


def replace(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace a file so that readers see the old content or the new, never a part.

    `durable` waits until the new one is on the disk: then that holds when the machine stops, too.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with explained(path):
        try:
            with temporary.open("wb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a folder to oneself among all who ask for that, for as long as the block takes."""
    with explained(folder):
        file = os.open(folder, os.O_RDONLY)
        try:
            # Some network file systems lock no folders; there the last of two at once wins.
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)
