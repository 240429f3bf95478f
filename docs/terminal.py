"""A terminal that nobody sees, in tmux: a program runs in it, and what it shows is read."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.text import Text

LOOK_SECONDS = 0.5


def has_tmux() -> bool:
    """Whether there can be such a terminal."""
    return shutil.which("tmux") is not None


class Terminal:
    """Runs a program until the context ends.

    Args:
        command: The program with its arguments.
        folder: Where it runs.
        size: Columns and rows.
        environment: Variables that it has besides ours.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        size: tuple[int, int],
        environment: Mapping[str, str],
    ) -> None:
        self._command, self._folder, self._size = command, folder, size
        self._environment = {**environment, "COLORTERM": "truecolor"}

    def _tmux(self, *words: str, is_over: bool = False) -> str:
        # A server of its own, without anybody's settings.
        server = ("tmux", "-S", str(self._folder / "tmux"), "-f", os.devnull)
        done = subprocess.run([*server, *words], check=not is_over, capture_output=True, text=True)
        return done.stdout

    def __enter__(self) -> Self:
        columns, rows = map(str, self._size)
        variables = [f"-e{name}={value}" for name, value in self._environment.items()]
        self._tmux(
            *("start-server", ";", "set", "-g", "status", "off", ";"),
            *("set", "-g", "default-terminal", "tmux-256color", ";"),
            *("new-session", "-d", "-x", columns, "-y", rows, "-c", str(self._folder)),
            *(*variables, shlex.join(self._command)),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server", is_over=True)

    def wait(self, is_there: Callable[[str], bool]) -> None:
        """Return once its text is as wanted.

        Raises `subprocess.CalledProcessError` where the program ends before.
        """
        while not is_there(self._tmux("capture-pane", "-p")):
            time.sleep(LOOK_SECONDS)

    def svg(self, title: str) -> str:
        """A picture of what it shows."""
        shown = self._tmux("capture-pane", "-p", "-e", "-N").removesuffix("\n")
        console = Console(
            record=True,
            file=io.StringIO(),
            width=self._size[0],
            force_terminal=True,
            color_system="truecolor",
            legacy_windows=False,
        )
        console.print(Text.from_ansi(shown), no_wrap=True, crop=True)
        return console.export_svg(title=title)
