"""The dashboard in a terminal that nobody sees, as a person would start it."""

from __future__ import annotations

import fcntl
import math
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import psutil

QUESTION, ANSWER = b"\x1b[c", b"\x1b[?62;22c"
"""What every terminal is asked, and says: that it is one, without pictures."""
COMMAND = str(Path(sys.executable).with_name("keras-seq"))


class Dashboard:
    """A process of `keras-seq` in a pseudo-terminal, whose output is read and thrown away.

    Args:
        arguments: Of the command.
        width: Columns of the terminal.
        height: Rows of the terminal.
    """

    def __init__(self, *arguments: str, width: int = 160, height: int = 50) -> None:
        self.paint_seconds = math.nan
        """From the command to its first picture; see `wait_for_paint`."""
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(follower)
        self._ended = threading.Event()
        self._painted = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        seen, is_asked = b"", False
        while not self._ended.is_set():
            ready, _, _ = select.select([self._leader], [], [], 0.2)
            try:
                read = os.read(self._leader, 1 << 16) if ready else b""
            except OSError:  # the terminal's last process is gone
                return
            if ready and not read:
                return
            if self._painted.is_set():
                continue
            seen += read
            if not is_asked and QUESTION in seen:
                os.write(self._leader, ANSWER)
                is_asked = True
            # The footer's words: then the whole screen was composed.
            if b"Quit" in seen:
                self.paint_seconds = time.perf_counter() - self._started
                self._painted.set()

    def wait_for_paint(self, deadline: float) -> bool:
        """Until the whole screen was on the terminal; whether it was within `deadline` seconds."""
        return self._painted.wait(deadline)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._leader, keys.encode())

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def peak_memory_bytes(self) -> int:
        """The most that it has held so far."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
        return int(peak) * 1024

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._ended.set()
        self._reader.join()
        os.close(self._leader)
