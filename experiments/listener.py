"""Hears, in the process of a trial, what is asked of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from experiments.control import KILLED, STOPPED, Control, Request
from experiments.errors import StoreError
from experiments.events import Event, StatusChanged
from experiments.status import Status

PAUSE_SECONDS = 0.2
"""Between two looks of one that is paused, which hears a stop, too."""


class Listener:
    """What is asked of a trial, read by `read` between two updates."""

    def __init__(
        self,
        read: Callable[[], Control],
        record: Callable[[Event], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._read = read
        self._record = record
        self._sleep = sleep
        self._heard = Control()
        self._has_told = False

    def hear(self) -> Control:
        """What is asked now. A damaged request is told once, and the one before it holds."""
        try:
            self._heard = self._read()
        except StoreError as error:
            if not self._has_told:
                print(error, file=sys.stderr)
                self._has_told = True
        return self._heard

    def wait(self) -> Control:
        """Wait for as long as a pause is asked: what is asked then. Both ends are recorded."""
        if self.hear().request is Request.PAUSE:
            self._record(StatusChanged(status=Status.PAUSED))
            while self.hear().request is Request.PAUSE:
                self._sleep(PAUSE_SECONDS)
            if not self._heard.request.is_end:
                self._record(StatusChanged(status=Status.RUNNING))
        return self._heard

    def must_end(self) -> bool:
        """Whether the trial shall end, once no pause is asked."""
        return self.wait().request.is_end

    @property
    def end(self) -> tuple[Status, str]:
        """The status, and its reason, of a trial that has heard that it shall end."""
        match self._heard.request:
            case Request.PRUNE:
                return Status.PRUNED, self._heard.reason
            case Request.KILL:
                return Status.STOPPED, KILLED
            case _:
                return Status.STOPPED, self._heard.reason or STOPPED
