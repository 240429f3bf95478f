"""What a person asks of a trial: a small file, replaced whole, read between two batches."""

from __future__ import annotations

from enum import StrEnum

from experiments.errors import StoreError
from experiments.events import SCHEMA
from experiments.store import TrialFolder, read_json, write_json


class Request(StrEnum):
    """What can be asked of a trial."""

    NONE = "none"
    STOP = "stop"


def ask(folder: TrialFolder, request: Request) -> None:
    """Ask `request` of the trial in `folder`."""
    write_json(folder.control, {"schema": SCHEMA, "request": request.value})


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
