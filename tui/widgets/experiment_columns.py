"""What the list of experiments says of each, and what it can be sorted by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments.digest import Digest
from experiments.history import Entry
from tui import wording
from tui.formatting import duration, number

UNREAD = "…"


@dataclass(frozen=True)
class Column:
    """A heading, the cell beneath it for an experiment that was read, and what it is sorted by."""

    heading: str
    cell: Callable[[Digest, float], str]
    """Of the digest and the time."""
    key: Callable[[Digest], Any]
    """None sorts last either way."""
    right: bool = False
    gives_way: int = 0
    """The higher, the sooner it makes room; 0 never."""
    falling: bool = False
    """Whether the highest comes first, when it is sorted by the first time."""


# The name stands before these. The models come last, because they take what is left.
COLUMNS = (
    Column("status", lambda d, _: wording.mark(d.status), lambda d: str(d.status)),
    Column("task", lambda d, _: d.task, lambda d: d.task, gives_way=1),
    Column(
        "trials",
        lambda d, _: f"{d.completed}/{d.trials}",
        lambda d: d.trials,
        True,
        6,
        falling=True,
    ),
    Column("seeds", lambda d, _: str(d.seeds), lambda d: d.seeds, True, 8, falling=True),
    Column("done", lambda d, _: f"{d.progress:.0%}", lambda d: d.progress, True, 5, falling=True),
    Column(
        "started",
        lambda d, now: "not yet" if d.started is None else wording.age(now - d.started),
        lambda d: d.started,
        gives_way=3,
        falling=True,
    ),
    Column(
        "took", lambda d, _: duration(_nan(d.duration)), lambda d: d.duration, True, 7, falling=True
    ),
    Column("best", lambda d, _: d.best or "", lambda d: d.best, gives_way=2),
    Column("value", lambda d, _: number(_nan(d.value)), lambda d: d.value, True, 4, falling=True),
    Column("models", lambda d, _: ", ".join(d.models), lambda d: len(d.models), gives_way=9),
)
NAME = "experiment"
HEADINGS = (NAME, *(column.heading for column in COLUMNS))


@dataclass(frozen=True)
class Order:
    """By what the list is sorted; without a heading the newest come first."""

    heading: str = ""
    falling: bool = True

    def next(self) -> Order:
        """By the next column, then the newest first again."""
        known = ("", *HEADINGS)
        return self.by(known[(known.index(self.heading) + 1) % len(known)])

    def by(self, heading: str) -> Order:
        """By a column; the other way round where it is that one already."""
        if heading == self.heading:
            return Order(heading, not self.falling)
        column = next((c for c in COLUMNS if c.heading == heading), None)
        return Order(heading, column.falling if column else not heading)

    def sorted(self, entries: list[Entry]) -> list[Entry]:
        """The entries, which come newest first, in this order; what is unknown is last."""
        if not self.heading:
            return entries if self.falling else entries[::-1]

        def key(entry: Entry) -> Any:
            if self.heading == NAME:
                return entry.name
            column = next(c for c in COLUMNS if c.heading == self.heading)
            return column.key(entry.digest) if entry.digest else None

        keyed = [(key(entry), entry) for entry in entries]
        known = [pair for pair in keyed if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=self.falling)
        return [entry for _, entry in known] + [entry for value, entry in keyed if value is None]


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value
