"""Processes: who this one is, what it has held, and whether another still lives."""

import os
import platform
import re
import resource
import signal
import sys
from pathlib import Path

import psutil

from experiments.events import Process


def this_process() -> Process:
    """The identity of the calling process."""
    return Process(os.getpid(), psutil.Process().create_time(), platform.node())


def peak_memory_bytes() -> float:
    """The most memory of the machine, not of an accelerator, that this process has held."""
    if sys.platform == "linux":
        # Its own "high water mark": `ru_maxrss` begins with that of the process that started it.
        status = Path("/proc/self/status").read_text()
        held = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        if held is not None:
            return 1024.0 * int(held[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)  # macOS counts bytes


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


def ending(code: int, console: str) -> str:
    """How a process that gave no result came to its end, in the words of its console if any."""
    if code < 0:
        hint = "; it may have run out of memory" if -code == signal.SIGKILL else ""
        return f"killed by {_signal_name(-code)}{hint}"
    if code == 0:
        return "ended without a result"
    lines = console.strip().splitlines()
    return lines[-1] if lines else f"ended with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"
