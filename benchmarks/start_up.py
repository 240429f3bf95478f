"""From the command to the first paint of the dashboard, and to the first training step.

The dashboard runs in a pseudo-terminal of 160 by 50, as a person would start it.
"""

from __future__ import annotations

import fcntl
import math
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from benchmarks.timing import print_table
from experiments.launch import launch
from experiments.reader import ExperimentReader
from experiments.request import experiment_request

REPEATS = 5
DEADLINE = 60.0
QUESTION, ANSWER = b"\x1b[c", b"\x1b[?62;22c"
"""What every terminal is asked, and says: that it is one, without pictures."""
COMMAND = [str(Path(sys.executable).with_name("keras-seq"))]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paints = [_first_paint(root) for _ in range(REPEATS)]
        steps = [_first_step(root, number) for number in range(REPEATS)]
    print_table(
        "Start-up (seconds)",
        ("from the command to", "median", "range", "at most"),
        [
            _row("first paint of the dashboard", paints, "0.4"),
            _row("first training step of make run's comparison", steps, "5"),
        ],
    )


def _row(name: str, seconds: list[float], limit: str) -> tuple[str, ...]:
    return (
        name,
        f"{statistics.median(seconds):.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        limit,
    )


def _first_paint(root: Path) -> float:
    """Until the footer's words arrive at the terminal: then the whole screen was composed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "--root", str(root)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    seen, has_answered = b"", False
    try:
        while b"Quit" not in seen and b"quit" not in seen:
            ready, _, _ = select.select([leader], [], [], DEADLINE)
            if not ready:
                return math.nan
            seen += os.read(leader, 65536)
            if not has_answered and QUESTION in seen:
                os.write(leader, ANSWER)
                has_answered = True
        return time.perf_counter() - started
    finally:
        process.kill()
        process.wait()
        os.close(leader)
        os.close(follower)


def _first_step(root: Path, number: int) -> float:
    started = time.perf_counter()
    config = experiment_request(
        "digits", steps=20, protocol={"tune": False}, name=f"start-{number}"
    )
    launched = launch(root, config)
    reader = ExperimentReader(launched.folder)
    try:
        while not any(trial.step for trial in reader.read().trials):
            if time.perf_counter() - started > DEADLINE:
                return math.nan
            time.sleep(0.01)
        return time.perf_counter() - started
    finally:
        launched.supervisor.terminate()
        launched.supervisor.wait()


if __name__ == "__main__":
    main()
