"""What the process of a trial takes of the machine, seen from outside: a hang shows, too."""

from __future__ import annotations

import time

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
            process = psutil.Process(self._pid)
            times, memory = process.cpu_times(), process.memory_info().rss
        except psutil.Error:
            return None  # it has ended
        if not memory:
            return None  # it has ended, too, and its parent has not asked yet how
        seconds = times.user + times.system
        cores = round((seconds - self._seconds) / waited, 2)
        self._seconds, self._looked = seconds, self._looked + waited
        found = LoadSampled(trial=self._trial, cores=cores, memory_bytes=memory)
        if self._told is not None and not _differs(self._told, found):
            return None
        self._told = found
        return found


def _differs(before: LoadSampled, now: LoadSampled) -> bool:
    cores, memory = abs(now.cores - before.cores), abs(now.memory_bytes - before.memory_bytes)
    return (
        cores > max(LEAST_CORES, CORES_CHANGE * before.cores)
        or memory > MEMORY_CHANGE * before.memory_bytes
    )
