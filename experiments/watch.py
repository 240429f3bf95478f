"""Watches the trials of an experiment while they train, by the rules of `alert_rules`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from experiments.alert_rules import Circumstances, found
from experiments.alerts import Alerts
from experiments.control import Request, ask, ask_checkpoint
from experiments.errors import StoreError
from experiments.events import Alerted
from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.store import ExperimentFolder
from experiments.trial_view import TrialView

LOOK_SECONDS = 2.0
CGROUP = Path("/sys/fs/cgroup")


class Watch:
    """Finds what the rules find, each once for every attempt at a trial."""

    def __init__(self, alerts: Alerts, view: ExperimentView) -> None:
        self._alerts = alerts
        self._told = {(event.trial, event.attempt, event.rule) for event in view.alerts}

    def look(self, view: ExperimentView, now: float) -> Iterator[Alerted]:
        """What is new."""
        at_work = [trial for trial in view.trials if trial.status is Status.RUNNING]
        largest = max(at_work, key=_memory_held, default=None)
        used, total = memory()
        for trial in at_work:
            known = Circumstances(self._alerts, now, used, total, trial is largest)
            for rule, said in found(trial, known).items():
                if (trial.name, trial.attempt, rule) in self._told:
                    continue
                self._told.add((trial.name, trial.attempt, rule))
                yield Alerted(
                    trial=trial.name,
                    attempt=trial.attempt,
                    rule=rule,
                    action=self._alerts.action(rule),
                    message=said,
                    step=trial.step,
                )


def _memory_held(trial: TrialView) -> int:
    return trial.load.memory_bytes if trial.load else 0


def carry_out(folder: ExperimentFolder, event: Alerted) -> None:
    """Ask of the trial what the rule is to do; a full disk keeps no trial from going on."""
    trial = folder.trial(event.trial)
    try:
        if event.action == "stop":
            ask(trial, Request.STOP, f"alerts.{event.rule}: {event.message}")
        elif event.action == "checkpoint":
            ask_checkpoint(trial)
    except StoreError as error:
        print(error, file=sys.stderr)


def memory(cgroup: Path = CGROUP) -> tuple[float, float]:
    """Bytes in use and in all: of the machine, or of the control group whose limit is nearer."""
    machine = psutil.virtual_memory()
    used, total = float(machine.total - machine.available), float(machine.total)
    limit = _number(cgroup / "memory.max")
    if limit < total:
        # What the kernel keeps of files gives way when memory is asked for.
        cached = _number(cgroup / "memory.stat", "inactive_file")
        held = _number(cgroup / "memory.current") - (0.0 if math.isnan(cached) else cached)
        if held / limit > used / total:
            return held, limit
    return used, total


def _number(path: Path, key: str = "") -> float:
    """The number in a file of the kernel, behind `key` where it has several; NaN without one."""
    try:
        words = path.read_text().split()
        return float(words[words.index(key) + 1 if key else 0])
    except (OSError, ValueError, IndexError):
        return math.nan  # no such limit: another system, or `max`
