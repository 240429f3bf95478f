"""Clock, load, terminal and folder, the same for every screen."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import staged

from tui import cli, follower, lister
from tui.widgets import heat_map, plot_canvas, time_line


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed time, load and terminal, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(time_line, "localtime", time.gmtime)
    for module in (plot_canvas, heat_map):
        monkeypatch.setattr(module, "output_encoding", lambda: "utf-8")
    monkeypatch.setattr(follower, "take_pulse", lambda: staged.PULSE)
    clock = SimpleNamespace(
        time=lambda: staged.PULSE.time, monotonic=time.monotonic, process_time=time.process_time
    )
    monkeypatch.setattr(follower, "time", clock)
    monkeypatch.setattr(follower, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(follower, "MOST_SHARE", float("inf"))
    monkeypatch.setattr(lister, "time", clock)
    monkeypatch.setattr(lister, "LIST_SECONDS", 0.01)
    monkeypatch.setattr(lister, "REST_SECONDS", 0.0)


@pytest.fixture
def no_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act again as soon as every widget has done what it was told.

    The pilot would wait until the whole process rests, which the reading thread never lets it.
    """

    async def rest(*_: float) -> None:
        await asyncio.sleep(0)

    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", rest)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> staged.Call:
    """Run a command line in this process: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["keras-seq", *map(str, arguments)])
        code = cli.main()
        out, err = capsys.readouterr()
        return code, out, err

    return run
