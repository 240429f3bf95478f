"""Clock, load, terminal and folder, the same for every screen."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import staged

from tui import follower, lister
from tui.widgets import line_plot


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixed time, load and terminal, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(line_plot, "output_encoding", lambda: "utf-8")
    monkeypatch.setattr(follower, "take_pulse", lambda: staged.PULSE)
    clock = SimpleNamespace(time=lambda: staged.PULSE.time, monotonic=time.monotonic)
    monkeypatch.setattr(follower, "time", clock)
    monkeypatch.setattr(follower, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(lister, "time", clock)
    monkeypatch.setattr(lister, "LIST_SECONDS", 0.01)
    monkeypatch.setattr(lister, "REST_SECONDS", 0.0)
