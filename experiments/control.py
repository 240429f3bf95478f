"""What is asked of a trial: a small file, replaced whole, read between two batches."""

from __future__ import annotations

from enum import StrEnum

from experiments.errors import StoreError
from experiments.events import SCHEMA
from experiments.store import TrialFolder, read_json, write_json


class Request(StrEnum):
    """What can be asked of a trial."""

    NONE = "none"
    STOP = "stop"
    """By a person."""
    PRUNE = "prune"
    """To end by the rule of `pruning`."""


def ask(folder: TrialFolder, request: Request, reason: str = "") -> None:
    """Ask `request` of the trial in `folder`, for `reason` where that is not obvious."""
    document = {"schema": SCHEMA, "request": request.value}
    write_json(folder.control, {**document, "reason": reason} if reason else document)


def asked(folder: TrialFolder) -> Request:
    """What was last asked of the trial in `folder`."""
    # One `stat` between two batches costs a microsecond; the file appears only on request.
    if not folder.control.exists():
        return Request.NONE
    word = read_json(folder.control).get("request", Request.NONE)
    try:
        return Request(word)
    except ValueError:
        raise StoreError(f"{folder.control} asks for something unknown: {word!r}.") from None


def reason_of(folder: TrialFolder) -> str:
    """Why it was asked, where that was told."""
    return str(read_json(folder.control).get("reason", ""))
