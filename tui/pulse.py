"""The time and the machine's load."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tui.gpu import Gpu, read_gpus


@dataclass(frozen=True)
class Pulse:
    """The time and how busy this machine is."""

    time: float
    """Seconds since the epoch."""
    cpu_percent: float
    memory_used: int
    memory_total: int
    gpus: tuple[Gpu, ...] = ()


def take_pulse() -> Pulse:
    """Read the clock and the machine's load since the last call."""
    import psutil  # 15-30 ms

    memory = psutil.virtual_memory()
    return Pulse(
        time=time.time(),
        cpu_percent=psutil.cpu_percent(None),
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        gpus=read_gpus(),
    )
