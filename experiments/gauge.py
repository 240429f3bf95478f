"""What the process of a trial takes of the machine, seen from outside: a hang shows, too.

What it has started counts as well, such as processes that load the data of a person's own task.
"""

from __future__ import annotations

import time
from contextlib import suppress

import psutil

from experiments.events import LoadSampled

LOOK_SECONDS = 5.0
"""Between two looks at a process."""
CORES_CHANGE = 0.25
"""The part by which it must keep more or fewer cores busy before that is told again."""
LEAST_CORES = 0.1
"""A smaller difference is never told."""
MEMORY_CHANGE = 0.1
"""The part by which its memory must differ before that is told again."""


class Gauge:
    """Looks at a process that this one has just started, and tells when it takes more or less."""

    def __init__(self, trial: str, pid: int) -> None:
        self._trial = trial
        self._pid = pid
        self._seconds = 0.0
        """Of cores, that it had taken when it was looked at."""
        self._looked = time.monotonic()
        self._told: LoadSampled | None = None

    def look(self) -> LoadSampled | None:
        """What it takes, where it is time to look and where that is news."""
        waited = time.monotonic() - self._looked
        if waited < LOOK_SECONDS:
            return None
        try:
            seconds, memory = _taken(self._pid)
        except psutil.Error:
            return None  # it, or what it has started, ends at this moment
        if not memory:
            return None  # it has ended, and its parent has not asked yet how
        # What a process had taken whose parent is gone cannot be seen any more.
        cores = round(max(0.0, seconds - self._seconds) / waited, 2)
        self._seconds, self._looked = seconds, self._looked + waited
        found = LoadSampled(trial=self._trial, cores=cores, memory_bytes=memory)
        if self._told is not None and not _differs(self._told, found):
            return None
        self._told = found
        return found


def _taken(pid: int) -> tuple[float, int]:
    """Seconds of cores that a process and what it started have taken, and bytes that they hold."""
    process = psutil.Process(pid)
    seconds, memory = _seconds(process), process.memory_info().rss
    for child in process.children(recursive=True):
        seconds += _seconds(child)
        with suppress(psutil.ZombieProcess, psutil.AccessDenied):
            # That part which it does not share, with its parent most of all.
            memory += child.memory_full_info().uss
    return seconds, memory


def _seconds(process: psutil.Process) -> float:
    """Those of a process, and of its children that have ended."""
    return float(sum(process.cpu_times()[:4]))


def _differs(before: LoadSampled, now: LoadSampled) -> bool:
    cores, memory = abs(now.cores - before.cores), abs(now.memory_bytes - before.memory_bytes)
    return (
        cores > max(LEAST_CORES, CORES_CHANGE * before.cores)
        or memory > MEMORY_CHANGE * before.memory_bytes
    )
