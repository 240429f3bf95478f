"""An experiment that may be there already: found, taken up again, or begun."""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

from experiments.config import ExperimentConfig
from experiments.errors import KerasSeqError
from experiments.launch import launch, supervise
from experiments.process import is_alive
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder

How = Literal["reused", "joined", "resumed", "begun"]


@dataclass(frozen=True)
class Undertaking:
    """An experiment that is complete or at work."""

    how: How
    """`reused` when complete before, `joined` while another command has it at work, `resumed`
    where its supervisor was gone, `begun` now."""
    folder: ExperimentFolder
    supervisor: subprocess.Popen[bytes] | None = None
    """Where we started it."""


def undertake(root: Path, config: ExperimentConfig) -> Undertaking:
    """See to it that `config` is carried out under `root`, once.

    An experiment of this name, or of this name and a number, with the same configuration is used
    where it is complete or can be completed. Where a trial of it failed or was stopped, or where
    the configuration is another, the experiment begins under the next free number.
    """
    names = (f"{config.name}-{number}" if number > 1 else config.name for number in count(1))
    for name in names:
        folder = ExperimentFolder(root.absolute() / name)
        if not folder.path.exists():
            break
        view = _view(folder)
        if view is None or _question(view.config) != _question(config):
            continue
        if view.status is Status.COMPLETED and not math.isnan(view.ended):
            return Undertaking("reused", folder)
        if not _can_be_completed(view):
            continue
        if _is_supervised(view):
            return Undertaking("joined", folder)
        return Undertaking("resumed", folder, supervise(folder).supervisor)
    launched = launch(root, replace(config, name=name))
    return Undertaking("begun", launched.folder, launched.supervisor)


def _view(folder: ExperimentFolder) -> ExperimentView | None:
    try:
        return ExperimentReader(folder).read()
    except KerasSeqError:
        return None  # not ours to judge, and its name is taken


def _question(config: ExperimentConfig) -> ExperimentConfig:
    """What is asked, whatever its name and however many trials run at a time."""
    return replace(config, name="", jobs=None)


def _can_be_completed(view: ExperimentView) -> bool:
    return all(
        trial.status in (Status.COMPLETED, Status.LOST) or not trial.status.is_finished
        for trial in view.trials
    )


def _is_supervised(view: ExperimentView) -> bool:
    return view.process is not None and math.isnan(view.ended) and is_alive(view.process)
