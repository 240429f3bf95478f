"""What can go wrong on purpose: every error whose message is written for a person."""

import difflib
from collections.abc import Iterable


class KerasSeqError(Exception):
    """Base of the errors that are shown as one line, without a traceback."""


class RequestError(KerasSeqError):
    """The request cannot be carried out as it was put."""


class UnknownNameError(RequestError):
    """A name that nothing answers to; the message offers the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        # Cutoff 0.5 still offers `lstm` for `lstn` and offers nothing for noise.
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known) or 'none'}."
        super().__init__(f"Unknown {kind} {name!r}. {hint}")


class StoreError(KerasSeqError):
    """Files that cannot be written or read."""


class DivergedError(KerasSeqError):
    """Training left the finite numbers."""
