"""Processes: who this one is, and whether another still lives."""

import os
import platform

import psutil

from experiments.events import Process


def this_process() -> Process:
    """The identity of the calling process."""
    return Process(os.getpid(), psutil.Process().create_time(), platform.node())


def is_alive(process: Process) -> bool:
    """Whether `process` still runs: same number and same start, so no later process passes for it.

    A process on another host cannot be asked; it counts as alive.
    """
    if process.host != platform.node():
        return True
    try:
        found = psutil.Process(process.pid)
        # Start times are rounded to clock ticks; a number is not reused within a second.
        same = abs(found.create_time() - process.created) < 1
        return bool(same and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
