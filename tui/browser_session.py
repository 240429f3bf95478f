"""The process behind one tab of `keras-seq serve`: the dashboard, talking to the server.

`python -P -X utf8 -m tui.browser_session ROOT [--experiment NAME] [--read-only]`, with Textual's
driver for browsers named in the environment. It is a client of the experiments' files like any
dashboard: where it ends, training goes on.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path

from experiments.errors import KerasSeqError
from tui.keymap import own_keymap
from tui.session import session


def command(root: Path, experiment: str | None, *, read_only: bool) -> list[str]:
    """How the process is started."""
    words = [sys.executable, "-P", "-X", "utf8", "-m", "tui.browser_session", str(root.absolute())]
    if experiment is not None:
        words += ["--experiment", experiment]
    return [*words, "--read-only"] if read_only else words


def main() -> int:
    """Show the dashboard until its tab is closed."""
    parser = ArgumentParser(prog="tui.browser_session")
    parser.add_argument("root", type=Path)
    parser.add_argument("--experiment")
    parser.add_argument("--read-only", action="store_true")
    asked = parser.parse_args()
    os.environ["TERM"] = "xterm-256color"  # the page's terminal, wherever the server was started
    try:
        session(asked.root, asked.experiment, own_keymap(), read_only=asked.read_only).run()
    except KerasSeqError as error:
        print(f"keras-seq: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
