"""NVIDIA's management library without a GPU: it answers and refuses as its reference says."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace


class NVMLError(Exception):
    """What every function raises, with the number of the error."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.value = value


UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION = 1, 2, 3, 4
DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, GPU_IS_LOST, VERSION_MISMATCH = 9, 12, 15, 18


@dataclass
class Device:
    """A GPU; an error in the place of a value is what asking for it raises."""

    gpu: int | NVMLError = 0
    used: int | NVMLError = 0
    total: int = 0
    handle: NVMLError | None = None


class FakeNvml:
    """Stands for the module `pynvml`."""

    NVMLError = NVMLError

    def __init__(self, *devices: Device, error: NVMLError | None = None) -> None:
        self.devices = list(devices)
        self.asked: list[str] = []
        self._error = error
        self._is_ready = False

    def nvmlInit(self) -> None:
        self.asked.append("init")
        if self._error is not None:
            raise self._error
        self._is_ready = True

    def nvmlDeviceGetCount(self) -> int:
        self._require_init()
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Device:
        self._require_init()
        if not 0 <= index < len(self.devices):
            raise NVMLError(INVALID_ARGUMENT)
        device = self.devices[index]
        if device.handle is not None:
            raise device.handle
        return device

    def nvmlDeviceGetUtilizationRates(self, device: Device) -> SimpleNamespace:
        self._require_init()
        return SimpleNamespace(gpu=_value(device.gpu), memory=0)

    def nvmlDeviceGetMemoryInfo(self, device: Device) -> SimpleNamespace:
        self._require_init()
        used = _value(device.used)
        return SimpleNamespace(total=device.total, free=device.total - used, used=used)

    def _require_init(self) -> None:
        if not self._is_ready:
            raise NVMLError(UNINITIALIZED)


def _value(value: int | NVMLError) -> int:
    if isinstance(value, NVMLError):
        raise value
    return value
