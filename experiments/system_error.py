"""Errors of the system in words for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.errors import StoreError
from experiments.root import ROOT_VARIABLE


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say what an error of the system means for the work on `path`: as a `StoreError`."""
    try:
        yield
    except OSError as error:
        raise store_error(path, error) from error


def store_error(path: Path, error: OSError) -> StoreError:
    """What to say of `error`, met at work on `path`."""
    reason = error.strerror or str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        reason = "a file is where a folder is needed"
    return StoreError(
        f"Cannot use {error.filename or path}: {reason}. "
        f"Free it, or choose another folder with --root or ${ROOT_VARIABLE}."
    )
