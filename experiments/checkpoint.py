"""What a training goes on from: all of its state in one file, complete or absent, without pickle.

Whoever goes on from it makes the same updates, bit by bit, on the same machine: batches are drawn
by seed and step, and everything else that changes in training is kept.
"""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.errors import StoreError
from experiments.events import SCHEMA, CheckpointSaved, Event
from experiments.store import replace
from experiments.system_error import explained
from experiments.tasks.task import Array

INTERVAL_SECONDS = 60.0
"""From one checkpoint to the next, at least: so much work is lost at most where saving is quick."""
SHARE = 0.005
"""Of the time of a training that saving may take, beyond what a person asks for."""


@dataclass(frozen=True)
class Checkpoint:
    """A training after `step` updates."""

    step: int
    facts: Mapping[str, Any]
    """Plain data, NaN and infinity included."""
    arrays: Mapping[str, Sequence[Array]]


class CheckpointFile:
    """The checkpoint of a trial: read once, then replaced now and then by its worker."""

    def __init__(
        self,
        path: Path,
        record: Callable[[Event], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read what is there; raises `StoreError` where that is damaged."""
        self.found = _read(path)
        """What an attempt before this one has left, if anything."""
        self._path = path
        self._record = record
        self._clock = clock
        self._step = self.found.step if self.found else 0
        self._next = clock() + INTERVAL_SECONDS
        self._has_told = False

    def is_due(self) -> bool:
        """Whether enough time has passed since the last one."""
        return self._clock() >= self._next

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the file, unless it holds this step; record that.

        Where it cannot be written, the one before stays, and training goes on; that is told once.
        """
        if checkpoint.step == self._step:
            return
        started = self._clock()
        content = _encoded(checkpoint)
        try:
            with explained(self._path.parent):
                self._path.parent.mkdir(exist_ok=True)
            replace(self._path, content, durable=True)
        except StoreError as error:
            if not self._has_told:
                print(error, file=sys.stderr)
                self._has_told = True
        else:
            self._step = checkpoint.step
            seconds = self._clock() - started
            self._record(CheckpointSaved(step=checkpoint.step, seconds=seconds, size=len(content)))
        now = self._clock()
        self._next = now + max(INTERVAL_SECONDS, (now - started) / SHARE)

    def remove(self) -> None:
        """Take it away: nothing is left to go on with."""
        remove(self._path)


def remove(path: Path) -> None:
    """Take a checkpoint away, if there is one."""
    with explained(path):
        path.unlink(missing_ok=True)


def _encoded(checkpoint: Checkpoint) -> bytes:
    arrays = {
        f"{name}.{number}": array
        for name, group in checkpoint.arrays.items()
        for number, array in enumerate(group)
    }
    document = {
        "schema": SCHEMA,
        "step": checkpoint.step,
        "facts": checkpoint.facts,
        "groups": {name: len(group) for name, group in checkpoint.arrays.items()},
    }
    content = io.BytesIO()
    text = np.frombuffer(json.dumps(document).encode(), np.uint8)
    np.savez(content, allow_pickle=False, document=text, **arrays)
    return content.getvalue()


def _read(path: Path) -> Checkpoint | None:
    if not path.exists():
        return None
    try:
        with explained(path), path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            document = json.loads(found["document"].tobytes())
            if document["schema"] > SCHEMA:
                raise StoreError(
                    f"{path} was written by a newer keras-seq (schema {document['schema']}, this "
                    f"one reads {SCHEMA}). Upgrade keras-seq."
                )
            arrays = {
                name: [found[f"{name}.{number}"] for number in range(count)]
                for name, count in document["groups"].items()
            }
            return Checkpoint(document["step"], document["facts"], arrays)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"{path} is damaged: {error}. Begin from the first step with keras-seq retry."
        ) from error
