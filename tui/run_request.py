"""What a form says, in the words of the command line."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from experiments.config import ExperimentConfig
from experiments.errors import RequestError
from experiments.request import experiment_request


@dataclass(frozen=True)
class RunRequest:
    """A run as it is asked for."""

    task: str
    models: tuple[str, ...] | None
    """None leaves the choice to the preset."""
    seeds: str
    name: str
    jobs: str
    assignments: tuple[str, ...]

    def config(self) -> ExperimentConfig:
        """The experiment; raises `RequestError`."""
        return experiment_request(
            self.task,
            models=None if self.models is None else ",".join(self.models),
            seeds=_integer("seeds", self.seeds),
            assignments=self.assignments,
            jobs=_integer("jobs", self.jobs),
            name=self.name or None,
        )

    def command(self) -> str:
        """The command that does the same."""
        words = ["keras-seq", "run", self.task]
        if self.models is not None:
            words += ["--models", ",".join(self.models)]
        if self.seeds:
            words += ["--seeds", self.seeds]
        if self.jobs:
            words += ["--jobs", self.jobs]
        if self.name:
            words += ["--name", self.name]
        for assignment in self.assignments:
            words += ["--set", assignment]
        return shlex.join(words)


def _integer(what: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise RequestError(f"{what}: expected int. Received: {text!r}.") from None
