"""The process behind one tab of `keras-seq serve`: the dashboard, talking to the server.

`python -P -X utf8 -m tui.browser_session --server PID ROOT [--experiment NAME] [--read-only]`, with
Textual's driver for browsers named in the environment. It is a client of the experiments' files
like any dashboard: where it ends, training goes on. It ends with its server.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from pathlib import Path

from experiments.errors import KerasSeqError
from tui.keymap import own_keymap
from tui.session import session

LOOK_SECONDS = 2.0
"""How often it is made sure that the server is there."""


def command(root: Path, experiment: str | None, *, read_only: bool) -> list[str]:
    """How the process is started."""
    words = [sys.executable, "-P", "-X", "utf8", "-m", "tui.browser_session"]
    words += ["--server", str(os.getpid()), str(root.absolute())]
    if experiment is not None:
        words += ["--experiment", experiment]
    return [*words, "--read-only"] if read_only else words


def _end_after(server: int) -> None:
    # A server that is gone closes the input, of which Textual's driver makes nothing.
    while os.getppid() == server:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LOOK_SECONDS)
    os._exit(1)  # it waits for somebody to read what it draws


def main() -> int:
    """Show the dashboard until its tab is closed."""
    parser = ArgumentParser(prog="tui.browser_session")
    parser.add_argument("--server", type=int, required=True)
    parser.add_argument("root", type=Path)
    parser.add_argument("--experiment")
    parser.add_argument("--read-only", action="store_true")
    asked = parser.parse_args()
    threading.Thread(target=_end_after, args=(asked.server,), daemon=True).start()
    os.environ["TERM"] = "xterm-256color"  # the page's terminal, wherever the server was started
    try:
        session(asked.root, asked.experiment, own_keymap(), read_only=asked.read_only).run()
    except KerasSeqError as error:
        print(f"keras-seq: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
