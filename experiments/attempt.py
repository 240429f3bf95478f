"""One process's work on a trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.events import Started
from experiments.status import Status


@dataclass(frozen=True)
class Attempt:
    """An attempt to train a trial: from the first step, or on from a checkpoint."""

    number: int
    started: float
    """Seconds since the epoch; so is `ended`."""
    step: int = 0
    """The updates that it found made."""
    status: Status = Status.RUNNING
    reason: str = ""
    ended: float = math.nan

    def after(self, status: Status, reason: str, time: float) -> Attempt:
        """This attempt in another status."""
        ended = time if status.is_finished else math.nan
        return replace(self, status=status, reason=reason, ended=ended)


def one_more(attempts: Sequence[Attempt], event: Started) -> tuple[Attempt, ...]:
    """`attempts` and a new one. One whose end nobody told has been lost."""
    known = tuple(
        each if each.status.is_finished else each.after(Status.LOST, "", event.time)
        for each in attempts
    )
    return (*known, Attempt(event.attempt, event.time, event.step))


def with_end(
    attempts: Sequence[Attempt], time: float, status: Status, reason: str
) -> tuple[Attempt, ...]:
    """`attempts` after the supervisor has told at `time` how one of them ended."""
    at = max((i for i, each in enumerate(attempts) if each.started <= time), default=None)
    # What the worker said itself knows more than its exit code.
    if at is None or (attempts[at].status.is_finished and attempts[at].status is not Status.LOST):
        return tuple(attempts)
    told = attempts[at].after(status, reason, time)
    return (*attempts[:at], told, *attempts[at + 1 :])
