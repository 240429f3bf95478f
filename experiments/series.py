"""A measurement over training."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MAPPED_BYTES = 1 << 16


class Series:
    """Values of one measurement with the step and the time of each; append-only, immutable.

    `extended` returns a new series that shares the old one's buffer while it is the newest, so
    that following a growing journal costs the new points only and an older view never changes.
    """

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def step(self) -> NDArray[np.float64]:
        """Updates before each measurement."""
        return self._buffer.rows[0, : self._length]

    @property
    def time(self) -> NDArray[np.float64]:
        """Seconds since the epoch."""
        return self._buffer.rows[1, : self._length]

    @property
    def value(self) -> NDArray[np.float64]:
        """What was measured, NaN and infinity included."""
        return self._buffer.rows[2, : self._length]

    @property
    def last(self) -> float:
        """The newest value, NaN when there is none."""
        return float(self.value[-1]) if self._length else float("nan")

    def continues(self, other: Series) -> bool:
        """Whether this is `other`, or `other` with more points behind it."""
        return self._buffer is other._buffer and len(self) >= len(other)

    def extended(self, points: Sequence[tuple[float, float, float]]) -> Series:
        """This series with `(step, time, value)` points behind it."""
        longer = Series()
        longer._buffer = self._buffer.branch(self._length)
        longer._buffer.append(points)
        longer._length = self._length + len(points)
        return longer

    def until(self, step: float) -> Series:
        """The measurements after at most `step` updates."""
        kept = self._buffer.rows[:, : self._length]
        shorter = Series()
        return shorter.extended(kept[:, kept[0] <= step].T.tolist())


class _Buffer:
    """Rows of step, time and value with room to grow."""

    def __init__(self) -> None:
        self.rows = _rows(16)
        self.used = 0

    def branch(self, length: int) -> _Buffer:
        """This buffer when `length` is all that is used, else a copy of its first columns."""
        if length == self.used:
            return self
        copy = _Buffer()
        copy.rows = _rows(length)
        copy.rows[:] = self.rows[:, :length]
        copy.used = length
        return copy

    def append(self, points: Sequence[tuple[float, float, float]]) -> None:
        needed = self.used + len(points)
        if needed > self.rows.shape[1]:
            grown = _rows(max(needed, 2 * self.rows.shape[1]))
            grown[:, : self.used] = self.rows[:, : self.used]
            # Views handed out earlier keep the old rows, which no longer change.
            self.rows = grown
        if points:
            self.rows[:, self.used : needed] = np.asarray(points, dtype=np.float64).T
        self.used = needed


def _rows(length: int) -> NDArray[np.float64]:
    """Room for three rows."""
    if 24 * length < _MAPPED_BYTES:
        return np.empty((3, length))
    # Pages of its own: what was never written takes no memory, and what has been outgrown goes
    # back to the system at once, which a heap shared by threads may keep.
    pages = mmap.mmap(-1, 24 * length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages).reshape(3, length)
