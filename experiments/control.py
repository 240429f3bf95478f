"""What is asked of a trial: a small file, replaced whole, read between two batches.

It holds what is wished, one field for each kind of wish, so that none overwrites another. What
came of them stands in the journals.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import structs

from experiments.budget import PositiveReal
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
    learning_rate: PositiveReal | None = None
    """To train with from now on; None is that of the budget."""
    checkpoints: int = 0
    """How often a checkpoint has been asked for."""
    retries: int = 0
    """How often another attempt has been asked for."""
    is_anew: bool = False
    """Whether the last of them shall begin from the first step, whatever checkpoint there is."""


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


def ask_checkpoint(folder: TrialFolder) -> None:
    """Ask the trial in `folder` to save what it would go on from."""
    with locked(folder.path):
        before = _readable(folder)
        _write(folder, structs.replace(before, checkpoints=before.checkpoints + 1))


def ask_rate(folder: TrialFolder, learning_rate: float) -> None:
    """Ask the trial in `folder` to train with another learning rate from now on."""
    with locked(folder.path):
        _write(folder, structs.replace(_readable(folder), learning_rate=learning_rate))


def ask_retry(
    folder: TrialFolder, *, is_anew: bool = False, learning_rate: float | None = None
) -> None:
    """Ask for another attempt at the trial in `folder`, which has ended.

    It goes on from the checkpoint, where there is one and unless `is_anew`, with the learning rate
    it had; from the first step it begins with that of the budget. `learning_rate` is another one.
    """
    with locked(folder.path):
        before = _readable(folder)
        kept = None if is_anew else before.learning_rate
        _write(
            folder,
            structs.replace(
                before,
                request=Request.NONE,
                reason="",
                learning_rate=kept if learning_rate is None else learning_rate,
                retries=before.retries + 1,
                is_anew=is_anew,
            ),
        )


def _readable(folder: TrialFolder) -> Control:
    """What is asked; nothing, where that is damaged: a new wish mends it."""
    try:
        return asked(folder)
    except StoreError:
        return Control()


def _write(folder: TrialFolder, control: Control) -> None:
    write_json(folder.control, msgspec.to_builtins(control))
