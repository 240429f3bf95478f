"""A trial at work in a process of its own, seen from the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from experiments.control import KILLED, STOPPED, Control, Request, ask
from experiments.errors import StoreError
from experiments.events import Started, StatusChanged
from experiments.gauge import Gauge
from experiments.journal import JournalReader
from experiments.process import ending
from experiments.status import Status
from experiments.store import TrialFolder


class RunningTrial:
    """A trial's process: started, made to end, and what is to be said of its end."""

    def __init__(
        self, folder: TrialFolder, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Start it; raises `OSError`."""
        self.folder = folder
        self._rung = ""
        self._since = 0.0
        self._end = Control()
        with folder.console.open("ab") as console:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.gauge = Gauge(folder.name, self._process.pid)
        """What it takes of the machine."""

    def code(self) -> int | None:
        """The exit code of its process, once it has one."""
        return self._process.poll()

    def climb(self, control: Control, asked_seconds: float, terminated_seconds: float) -> str:
        """Go up the stop ladder where it is time to: the rung that was stepped on, or nothing.

        Ask, terminate, kill, each when the one before had its time; kill at once where that is
        what is asked for. An end that was begun is gone on with, whatever is asked meanwhile.
        """
        if control.request is Request.KILL or not self._end.request.is_end:
            self._end = control
        if not self._end.request.is_end or self._rung == "killed":
            return ""
        waited = time.monotonic() - self._since
        if self._end.request is Request.KILL:
            self._step("killed", signal.SIGKILL)
        elif not self._rung:
            self._ask()
            self._step("asked")
        elif self._rung == "asked" and waited > asked_seconds:
            self._step("terminated", signal.SIGTERM)
        elif self._rung == "terminated" and waited > terminated_seconds:
            self._step("killed", signal.SIGKILL)
        else:
            return ""
        return self._rung

    def conclusion(self, code: int) -> tuple[Status, str]:
        """The status, and its reason, now that its process has ended with this exit code."""
        said = _last_status(self.folder)
        if said is not None:
            return said.status, said.reason
        if self._rung and code != 0:
            match self._end.request:
                case Request.PRUNE:
                    return Status.PRUNED, f"{self._end.reason} ({self._rung})"
                case Request.KILL:
                    return Status.STOPPED, KILLED
                case _:
                    return Status.STOPPED, f"{self._end.reason or STOPPED} ({self._rung})"
        return Status.FAILED, _last_words(self.folder, code)

    def _ask(self) -> None:
        try:
            ask(self.folder, self._end.request, self._end.reason)
        except StoreError as error:
            # On a full disk the next rungs still work.
            print(error, file=sys.stderr)

    def _step(self, rung: str, number: signal.Signals | None = None) -> None:
        if number is not None:
            with suppress(ProcessLookupError):  # it may end at this moment
                os.killpg(self._process.pid, number)
        self._rung, self._since = rung, time.monotonic()


def _last_status(folder: TrialFolder) -> StatusChanged | None:
    """The final status that the worker of the last attempt recorded itself."""
    said = None
    try:
        for event in JournalReader(folder.journal).read():
            if isinstance(event, Started):
                said = None
            elif isinstance(event, StatusChanged) and event.status.is_finished:
                said = event
    except StoreError as error:
        print(error, file=sys.stderr)
    return said


def _last_words(folder: TrialFolder, code: int) -> str:
    try:
        console = folder.console.read_text(errors="replace")
    except OSError:
        console = ""
    return ending(code, console)
