"""A dashboard whose terminal is gone."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

import pytest
from waiting import until

TIMEOUT_SECONDS = 60


@pytest.fixture
def terminal():
    """Both ends of a terminal of 80 by 24, which sends no signal when it is gone."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    yield ours, theirs
    os.close(theirs)


def test_a_session_ends_with_its_terminal(terminal, tmp_path):
    """Textual would ask for keys again and again, which takes a core."""
    ours, theirs = terminal
    shown = bytearray()

    def read():
        while b"There is no experiment yet" not in shown:
            shown.extend(os.read(ours, 1 << 16))

    session = subprocess.Popen(
        [sys.executable, "-P", "-m", "tui.cli", "--root", str(tmp_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    try:
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(TIMEOUT_SECONDS)
        assert not reader.is_alive(), shown
        assert session.poll() is None, shown
        os.close(ours)
        until(lambda: session.poll() is not None, seconds=TIMEOUT_SECONDS)
    finally:
        session.kill()
        session.wait()
