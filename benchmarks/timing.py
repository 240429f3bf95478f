"""Measuring two things side by side: in turn, so that a drifting machine slows both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """Seconds of two contenders, run in turn, and the ratio pair by pair."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratio(self) -> float:
        """The median of ours over theirs."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

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
    found = Pair([], [])
    for _ in range(repeats):
        found.ours.append(_seconds(ours))
        found.theirs.append(_seconds(theirs))
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
