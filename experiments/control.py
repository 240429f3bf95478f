"""What is asked of a trial: a small file, replaced whole, read between two batches.

It holds what is wished, one field for each kind of wish, so that none overwrites another. What
came of them stands in the journals.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import structs

from experiments.errors import StoreError
from experiments.events import SCHEMA
from experiments.store import TrialFolder, locked, read_json, write_json

STOPPED = "stopped by a person"
KILLED = "killed by a person"


class Request(StrEnum):
    """What a trial can be asked to do, the weaker before the stronger."""

    NONE = "none"
    """To work."""
    PAUSE = "pause"
    """To wait where it is, or not to begin."""
    PRUNE = "prune"
    """To end by the rule of `pruning`."""
    STOP = "stop"
    """To end after its step, by a person."""
    KILL = "kill"
    """To end at once, by a person."""

    @property
    def is_end(self) -> bool:
        """Whether the trial shall end."""
        return self in (Request.PRUNE, Request.STOP, Request.KILL)


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """All that is asked of a trial."""

    schema: int = SCHEMA
    request: Request = Request.NONE
    reason: str = ""
    """Why, where that is not obvious."""


def asked(folder: TrialFolder) -> Control:
    """What is asked of the trial in `folder`."""
    # One `stat` between two batches costs a microsecond; the file appears only on request.
    if not folder.control.exists():
        return Control()
    document = read_json(folder.control)
    try:
        return msgspec.convert(document, Control)
    except msgspec.ValidationError as error:
        raise StoreError(f"{folder.control} asks for something unknown: {error}.") from None


def ask(folder: TrialFolder, request: Request, reason: str = "") -> None:
    """Ask `request` of the trial in `folder`, for `reason` where that is not obvious.

    An end that was asked for is taken back by nothing weaker.
    """
    order = list(Request)
    with locked(folder.path):
        before = _readable(folder)
        if not before.request.is_end or order.index(request) >= order.index(before.request):
            _write(folder, structs.replace(before, request=request, reason=reason))


def _readable(folder: TrialFolder) -> Control:
    """What is asked; nothing, where that is damaged: a new wish mends it."""
    try:
        return asked(folder)
    except StoreError:
        return Control()


def _write(folder: TrialFolder, control: Control) -> None:
    document = msgspec.to_builtins(control)
    write_json(folder.control, {key: value for key, value in document.items() if value != ""})
