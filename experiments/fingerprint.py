"""A short name for data, by which two people can tell that they had the same."""

from __future__ import annotations

import hashlib

import numpy as np

from experiments.tasks.task import Batch

DIGITS = 16
"""64 bits: two different splits share them by chance once in 18 billion billion."""


class Fingerprint:
    """The hash of batches, one after the other: of each array's type, shape and elements.

    >>> from experiments.tasks.task import Batch
    >>> Fingerprint().add(Batch(np.arange(3, dtype="int32"), np.zeros(3))).text
    'cc3eb75fb560e677'
    """

    def __init__(self) -> None:
        self.sequences = 0
        """How many have been added."""
        self._hash = hashlib.sha256()

    def add(self, batch: Batch) -> Fingerprint:
        """Go on with `batch`; returns this object."""
        self.sequences += len(batch.inputs)
        for array in batch:
            # The same on machines of either byte order.
            array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            self._hash.update(f"{array.dtype.str}{array.shape}".encode())
            self._hash.update(array.tobytes())
        return self

    @property
    def text(self) -> str:
        """The first digits of the SHA-256, hexadecimal."""
        return self._hash.hexdigest()[:DIGITS]
