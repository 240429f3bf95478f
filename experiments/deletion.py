"""Takes an experiment away, unless something still writes into it."""

from __future__ import annotations

import math
import shutil
from contextlib import closing

from experiments.errors import KerasSeqError, RequestError, StoreError
from experiments.journal import JournalWriter
from experiments.process import is_alive
from experiments.reader import ExperimentReader
from experiments.store import ExperimentFolder


def delete(folder: ExperimentFolder) -> None:
    """Remove all files of an experiment; raises `RequestError` while it runs."""
    _refuse_at_work(folder)
    try:
        if folder.journal.exists():
            # A supervisor that begins at this moment has the journal's lock, or finds it taken.
            with closing(JournalWriter(folder.journal)):
                _remove(folder)
        else:
            _remove(folder)
    except OSError as error:
        raise StoreError(
            f"Cannot delete {error.filename or folder.path}: {error.strerror or error}."
        ) from error


def _remove(folder: ExperimentFolder) -> None:
    # First, because what is left is no experiment without it, however far the rest comes.
    folder.config.unlink(missing_ok=True)
    shutil.rmtree(folder.path)


def _refuse_at_work(folder: ExperimentFolder) -> None:
    try:
        view = ExperimentReader(folder).read()
    except KerasSeqError:
        return  # it cannot be read, so nothing can run it either
    processes = {"supervisor": view.process if math.isnan(view.ended) else None}
    processes |= {t.name: t.process for t in view.trials if not t.status.is_finished}
    for what, process in processes.items():
        if process is not None and is_alive(process):
            raise RequestError(
                f"{folder.name} is at work ({what}, pid {process.pid} on {process.host}). "
                f"Stop it first: keras-seq stop {folder.name}. "
                f"If that host is gone, remove {folder.path} yourself."
            )
