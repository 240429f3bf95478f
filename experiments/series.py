"""Measurements over training."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MAPPED_BYTES = 1 << 16
_LARGEST = np.iinfo(np.int32).max


class Series:
    """Values of one measurement with the step and the time of each; append-only, immutable.

    `extended` makes longer ones. They share the buffers of the shorter ones while these are the
    newest, so that following a growing journal costs the new points only and an older view never
    changes.
    """

    def __init__(self, step: _Column, time: _Column, value: _Column, length: int) -> None:
        self._step, self._time, self._value = step, time, value
        self._length = length

    def __len__(self) -> int:
        return self._length

    @property
    def step(self) -> NDArray[Any]:
        """Updates before each measurement: whole numbers, of 32 bits where these are enough."""
        return self._step.numbers[: self._length]

    @property
    def time(self) -> NDArray[np.float64]:
        """Seconds since the epoch."""
        return self._time.numbers[: self._length]

    @property
    def value(self) -> NDArray[np.float64]:
        """What was measured, NaN and infinity included."""
        return self._value.numbers[: self._length]

    @property
    def last(self) -> float:
        """The newest value, NaN when there is none."""
        return float(self.value[-1]) if self._length else float("nan")

    def continues(self, other: Series) -> bool:
        """Whether this is `other`, or `other` with more points behind it."""
        return self._value is other._value and len(self) >= len(other)


def extended(
    series: Mapping[str, Series], records: Iterable[tuple[int, float, Mapping[str, float]]]
) -> dict[str, Series]:
    """`series`, by key, with the values of more records behind them.

    Those that come in the same records share one copy of their steps and times.

    Args:
        series: What there is already.
        records: Step, time and values by key of each.
    """
    moments: list[tuple[int, float]] = []
    points: dict[str, tuple[list[int], list[float]]] = {}
    for row, (step, time, measured) in enumerate(records):
        moments.append((step, time))
        for key, value in measured.items():
            if key not in points:
                points[key] = [], []
            rows, values = points[key]
            rows.append(row)
            values.append(value)
    shared: dict[tuple[object, ...], tuple[_Column, _Column]] = {}
    longer = dict(series)
    for key, (rows, values) in points.items():
        before = series.get(key, EMPTY)
        length = len(before)
        together = (before._step, length, tuple(rows))
        if together not in shared:
            steps, times = zip(*(moments[row] for row in rows), strict=True)
            shared[together] = (
                before._step.extended(length, steps),
                before._time.extended(length, times),
            )
        column = before._value.extended(length, values)
        longer[key] = Series(*shared[together], column, length + len(rows))
    return longer


def up_to(series: Mapping[str, Series], step: float) -> dict[str, Series]:
    """What of each was measured after at most `step` updates."""
    shared: dict[tuple[object, ...], tuple[NDArray[np.bool_], _Column, _Column]] = {}
    shorter = {}
    for key, before in series.items():
        together = (before._step, len(before))
        if together not in shared:
            kept = before.step <= step
            steps = EMPTY._step.extended(0, before.step[kept])
            times = EMPTY._time.extended(0, before.time[kept])
            shared[together] = kept, steps, times
        kept, steps, times = shared[together]
        values = EMPTY._value.extended(0, before.value[kept])
        shorter[key] = Series(steps, times, values, int(kept.sum()))
    return shorter


class _Column:
    """Numbers with room to grow; several series may hold a beginning of them."""

    def __init__(self, kind: type[np.generic], room: int = 16) -> None:
        self.numbers = _room(kind, room)
        self._used = 0

    def extended(self, length: int, numbers: ArrayLike) -> _Column:
        """Its first `length` numbers with others behind them: itself where it has no more."""
        new = np.asarray(numbers, np.float64)
        column = self
        if length == 0 or length < self._used:
            column = _Column(self.numbers.dtype.type, max(16, length + new.size))
            column._append(self.numbers[:length])
        column._append(new)
        return column

    def _append(self, new: NDArray[Any]) -> None:
        kind, needed = self.numbers.dtype.type, self._used + new.size
        if kind is np.int32 and not bool((np.abs(new) <= _LARGEST).all()):
            kind = np.float64
        if needed > self.numbers.size or kind is not self.numbers.dtype.type:
            grown = _room(kind, max(needed, 2 * self.numbers.size))
            grown[: self._used] = self.numbers[: self._used]
            # Views handed out earlier keep the old numbers, which no longer change.
            self.numbers = grown
        self.numbers[self._used : needed] = new
        self._used = needed


def _room(kind: type[np.generic], length: int) -> NDArray[Any]:
    """Room for so many numbers."""
    size = np.dtype(kind).itemsize * length
    if size < _MAPPED_BYTES:
        return np.empty(length, kind)
    # Pages of its own: what was never written takes no memory, and what has been outgrown goes
    # back to the system at once, which a heap shared by threads may keep.
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, kind)


EMPTY = Series(_Column(np.int32), _Column(np.float64), _Column(np.float64), 0)
"""One without measurements."""
