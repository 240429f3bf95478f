"""How busy the GPUs of this machine are, as NVIDIA's management library (NVML) tells it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Gpu:
    """A GPU at one moment; NaN for what it does not tell."""

    percent: float = math.nan
    """Of the last moments, those in which it worked."""
    memory_used: float = math.nan
    """Bytes, as `memory_total`."""
    memory_total: float = math.nan


def read_gpus() -> tuple[Gpu, ...]:
    """Every GPU in the library's order; none where there is no library. Raises nothing.

    A GPU that has fallen off the bus keeps its place and tells nothing.
    """
    nvml = library()
    if nvml is None:
        return ()
    count = _answer(nvml, nvml.nvmlDeviceGetCount)
    return tuple(_read(nvml, index) for index in range(count or 0))


@cache
def library() -> Any | None:
    """The library, ready to be asked; None for good where it, its driver or its package is missing.

    Whoever has no GPU pays for the question once.
    """
    try:
        import pynvml  # 50 ms
    except ModuleNotFoundError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _read(nvml: Any, index: int) -> Gpu:
    device = _answer(nvml, lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    if device is None:
        return Gpu()
    # One that is divided tells nothing of its work, one that shares the machine's memory none.
    work = _answer(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(device))
    memory = _answer(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(device))
    return Gpu(
        percent=math.nan if work is None else float(work.gpu),
        memory_used=math.nan if memory is None else float(memory.used),
        memory_total=math.nan if memory is None else float(memory.total),
    )


def _answer(nvml: Any, ask: Callable[[], Answer]) -> Answer | None:
    try:
        return ask()
    except nvml.NVMLError:
        return None
