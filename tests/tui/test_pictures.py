"""Pictures for the documents: what a terminal shows, and what is said where there is none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from docs import picture
from docs.terminal import Terminal, has_tmux
from experiments.process import is_alive
from experiments.reader import ExperimentReader
from experiments.store import ExperimentFolder

SIZE = (40, 10)
INK, BAND = "#010203", "#040506"
PROGRAM = """
import os, time
print("\\x1b[38;2;1;2;3m\\x1b[48;2;4;5;6m", "\\u28ff a band", os.environ["SAID"], "\\x1b[0m")
time.sleep(600)
"""

needs_tmux = pytest.mark.skipif(not has_tmux(), reason="tmux is not installed")


@needs_tmux
def test_a_picture_holds_what_a_program_drew(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", PROGRAM], tmp_path, SIZE, {"SAID": "aloud"}) as terminal:
        terminal.wait(lambda text: "aloud" in text)
        svg = terminal.svg("title")
    for part in (INK, BAND, "\u28ff", "aloud", ">title<"):
        assert part in svg
    # A line of the picture for each of the terminal.
    assert f"line-{SIZE[1] - 1})" in svg
    assert f"line-{SIZE[1]})" not in svg


@needs_tmux
def test_nothing_is_waited_for_once_the_program_has_ended(tmp_path: Path) -> None:
    with (
        Terminal([sys.executable, "-c", ""], tmp_path, SIZE, {}) as terminal,
        pytest.raises(subprocess.CalledProcessError),
    ):
        terminal.wait(lambda text: "never" in text)


@needs_tmux
def test_whoever_ends_it_ends_the_terminal_and_what_trains_there(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "docs.picture"], env=environment) as process:
        while not (journals := list(tmp_path.glob("*/runs/digits/supervisor.jsonl"))):
            assert process.poll() is None
            time.sleep(0.05)
        folder = ExperimentFolder(journals[0].parent)
        while (training := ExperimentReader(folder).read().process) is None:
            time.sleep(0.05)
        servers = tmux_servers(tmp_path)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert servers
    assert not tmux_servers(tmp_path)
    assert not is_alive(training)
    assert not list(tmp_path.glob("*/runs"))


def tmux_servers(folder: Path) -> list[int]:
    """Processes whose command line names a file under `folder`."""
    found = psutil.process_iter(["name", "cmdline"])
    return [
        process.pid
        for process in found
        if "tmux" in process.info["name"]
        and any(str(folder) in word for word in process.info["cmdline"] or ())
    ]


def test_without_tmux_the_others_are_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[str] = []
    drawn: list[Path] = []
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["picture"])
    monkeypatch.setattr(picture, "tour", drawn.append)
    monkeypatch.setattr(
        subprocess, "run", lambda words, **_: trained.append(words[words.index("--name") + 1])
    )
    picture.main()
    said = capsys.readouterr().err
    assert "needs tmux (Debian: apt install tmux)" in said
    assert said.count("\n") == 1
    assert trained == sorted(path.stem for path in picture.TOUR.glob("*.toml"))
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("━━━━─── 89%  ▶ running 4", False),
        ("━━━━─── 90%  ▶ running 4", True),
        ("━━━━─── 8%  ▶ running 4   cpu 100%  memory", False),
        ("waiting", False),
    ],
)
def test_enough_is_told_by_the_header(shown: str, expected: bool) -> None:
    assert picture.is_enough(shown) is expected
