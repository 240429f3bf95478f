"""Measuring two things side by side: in turn, so that a drifting machine slows both alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Pair:
    """Seconds of two contenders, run in turn, and the ratio pair by pair."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratio(self) -> float:
        """The median of ours over theirs."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def interval(self) -> tuple[float, float]:
        """Where that median lies, at 95 % by the signs alone; below 6 pairs it may be anywhere."""
        ratios = sorted(a / b for a, b in zip(self.ours, self.theirs, strict=True))
        n = len(ratios)
        # As many at each end as are left out by chance in 1 of 40 at most, each ratio being as
        # likely above the median as below.
        outside = 0
        while sum(math.comb(n, k) for k in range(outside + 1)) / 2**n <= 0.025:
            outside += 1
        if outside == 0:
            return -math.inf, math.inf
        return ratios[outside - 1], ratios[n - outside]

    def row(self, name: str) -> tuple[str, ...]:
        """Name, both medians in seconds, ratio with its range."""
        ratios = [a / b for a, b in zip(self.ours, self.theirs, strict=True)]
        return (
            name,
            f"{statistics.median(self.ours):.2f}",
            f"{statistics.median(self.theirs):.2f}",
            f"{self.ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        )


def pairs(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> Pair:
    """Run both in turn `repeats` times; callables that return a float are taken at their word."""
    found = in_turn(lambda: _seconds(ours), lambda: _seconds(theirs), repeats)
    return Pair([a for a, _ in found], [b for _, b in found])


def in_turn(ours: Callable[[], T], theirs: Callable[[], T], repeats: int) -> list[tuple[T, T]]:
    """What both return, `repeats` times; who goes first takes turns, too."""
    found = []
    for turn in range(repeats):
        if turn % 2:
            second, first = theirs(), ours()
        else:
            first, second = ours(), theirs()
        found.append((first, second))
    return found


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    result = action()
    return result if isinstance(result, float) else time.perf_counter() - started


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table: readable on the terminal and in RESULTS.md."""
    print(f"### {title}\n")
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()
