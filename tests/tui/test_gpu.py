"""GPUs by a library that answers, refuses, and is not there."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fake_nvml import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    LIBRARY_NOT_FOUND,
    NO_PERMISSION,
    NOT_SUPPORTED,
    VERSION_MISMATCH,
    Device,
    FakeNvml,
    NVMLError,
)
from rich.text import Text
from staged import PULSE, ROOT, calm, staged, until

from tui import follower, gpu
from tui.app import KerasSeqApp
from tui.gpu import Gpu, read_gpus
from tui.pulse import take_pulse
from tui.widgets.header import Header

GIB = 1 << 30


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object], None]]:
    """Puts a library in the place of the real one; nobody remembers it afterwards."""

    def put(library: object) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", library)
        gpu.library.cache_clear()

    yield put
    gpu.library.cache_clear()


def test_every_gpu_tells_its_work_and_memory(install) -> None:
    install(FakeNvml(Device(84, 11 * GIB, 80 * GIB), Device(0, 0, 24 * GIB)))
    assert read_gpus() == (Gpu(84.0, 11 * GIB, 80 * GIB), Gpu(0.0, 0.0, 24 * GIB))


def test_the_pulse_has_the_gpus_of_now(install) -> None:
    library = FakeNvml(Device(10, GIB, 80 * GIB))
    install(library)
    assert take_pulse().gpus == (Gpu(10.0, GIB, 80 * GIB),)
    library.devices[0].gpu = 99
    assert take_pulse().gpus == (Gpu(99.0, GIB, 80 * GIB),)
    assert library.asked == ["init"]


@pytest.mark.parametrize("error", [DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, VERSION_MISMATCH])
def test_without_a_driver_there_is_no_gpu_and_nobody_asks_again(install, error: int) -> None:
    library = FakeNvml(Device(84, 11 * GIB, 80 * GIB), error=NVMLError(error))
    install(library)
    assert [take_pulse().gpus for _ in range(3)] == [(), (), ()]
    assert library.asked == ["init"]


def test_without_the_package_there_is_no_gpu(install) -> None:
    install(None)  # what makes Python say that there is no such module
    assert read_gpus() == ()


def test_a_machine_without_a_gpu(install) -> None:
    install(FakeNvml())
    assert read_gpus() == ()


@pytest.mark.parametrize("error", [NOT_SUPPORTED, NO_PERMISSION])
def test_what_a_gpu_does_not_tell_is_unknown(install, error: int) -> None:
    refused = NVMLError(error)
    install(FakeNvml(Device(refused, GIB, 80 * GIB), Device(7, refused)))
    divided, shared = read_gpus()
    assert math.isnan(divided.percent)
    assert (divided.memory_used, divided.memory_total) == (GIB, 80 * GIB)
    assert shared.percent == 7.0
    assert math.isnan(shared.memory_used)
    assert math.isnan(shared.memory_total)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_gpu_that_is_lost_keeps_its_place(install, at_once: bool) -> None:
    lost, good = NVMLError(GPU_IS_LOST), Device(84, 11 * GIB, 80 * GIB)
    install(FakeNvml(Device(lost, lost, handle=lost if at_once else None), good))
    first, second = read_gpus()
    assert all(map(math.isnan, (first.percent, first.memory_used, first.memory_total)))
    assert second.percent == 84.0


def test_the_fake_has_the_functions_of_the_library() -> None:
    pynvml = pytest.importorskip("pynvml")
    for name, function in inspect.getmembers(FakeNvml, inspect.isfunction):
        if name.startswith("nvml"):
            real = inspect.signature(getattr(pynvml, name)).parameters
            assert len(inspect.signature(function).parameters) - 1 <= len(real)
    error = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
    assert (error.value, isinstance(error, pynvml.NVMLError)) == (GPU_IS_LOST, True)
    numbers = (NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND)
    assert numbers == (
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
    )


def test_the_library_is_not_loaded_with_the_dashboard() -> None:
    code = "import sys, tui.app; print('pynvml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# On screen


def load(*gpus: Gpu) -> str:
    header = Header()
    header.set_reactive(Header.pulse, replace(PULSE, gpus=gpus))
    return Text("  ").join(header.load()).plain


LARGE = Gpu(84.0, 11.2 * GIB, 79.6 * GIB)


@pytest.mark.parametrize(
    ("gpus", "said"),
    [
        ([], "cpu  42%  memory 6.0 of 16.0 GiB"),
        ([LARGE], "cpu  42%  gpu  84%  memory 6.0 of 16.0 GiB  gpu memory 11.2 of 79.6 GiB"),
        (
            [LARGE, replace(LARGE, percent=100.0, memory_used=0.0)],
            "cpu  42%  gpu  84% 100%  memory 6.0 of 16.0 GiB  gpu memory 11.2 0.0 of 79.6 GiB",
        ),
        (
            [LARGE, Gpu(0.0, GIB, 24 * GIB)],
            "cpu  42%  gpu  84%   0%  memory 6.0 of 16.0 GiB  gpu memory 11.2/79.6 1.0/24.0 GiB",
        ),
        (
            [LARGE, Gpu()],
            "cpu  42%  gpu  84%    -  memory 6.0 of 16.0 GiB  gpu memory 11.2 - of 79.6 GiB",
        ),
        ([Gpu()], "cpu  42%  gpu    -  memory 6.0 of 16.0 GiB  gpu memory -"),
    ],
)
def test_the_load_names_every_gpu(gpus: list[Gpu], said: str) -> None:
    assert load(*gpus) == said


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((80, 24), ""),
        ((120, 40), "cpu  42%  gpu  84%\n"),
        ((240, 70), "gpu  84%  memory 6.0 of 16.0 GiB  gpu memory 11.2 of 79.6 GiB\n"),
    ],
)
async def test_the_strip_shows_what_fits(monkeypatch, size: tuple[int, int], said: str) -> None:
    monkeypatch.setattr(follower, "take_pulse", lambda: replace(PULSE, gpus=(LARGE,)))
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        line = (await calm(pilot)).splitlines()[1] + "\n"
        assert line.endswith(said)
        assert ("gpu" in line) is bool(said)
