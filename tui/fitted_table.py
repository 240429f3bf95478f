"""A table as wide as its place: columns that matter less are left out where all do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, Group, JustifyMethod
from rich.table import Table
from rich.text import Text

_LEAST_TEXT = 16
"""Words in a narrower column are hard to read."""
_FRAME = 3
"""A border and a blank on both sides."""


@dataclass(frozen=True)
class Column:
    """A heading with the cells beneath it."""

    heading: str
    cells: Sequence[str]
    justify: JustifyMethod = "right"
    gives_way: int = 0
    """The higher, the sooner it is left out; 0 never."""
    wraps: bool = False
    """Whether a cell may take more lines; numbers may not."""

    @property
    def least_width(self) -> int:
        """What it needs to be read."""
        texts = [self.heading, *self.cells]
        whole = max(map(cell_len, texts))
        if not self.wraps:
            return whole
        words = max(cell_len(word) for text in texts for word in text.split() or [""])
        return max(words, min(whole, _LEAST_TEXT))


def fitted_table(
    out: Console,
    title: str,
    caption: str,
    columns: Sequence[Column],
    muted: Sequence[bool] = (),
) -> Group:
    """The columns for which `out` has room; rows of which `muted` holds stand back.

    What is left out is in the JSON, and in a wider terminal. The caption is no wider than `out`,
    but may be wider than the table.
    """
    shown = list(columns)
    while sum(column.least_width + _FRAME for column in shown) + 1 > out.width:
        optional = [column for column in shown if column.gives_way]
        if not optional:
            break
        shown.remove(max(optional, key=lambda column: column.gives_way))
    table = Table(title=title, title_justify="left")
    for column in shown:
        table.add_column(
            column.heading,
            justify=column.justify,
            no_wrap=not column.wraps,
            min_width=column.least_width,
        )
    rows = list(zip(*(column.cells for column in shown), strict=True))
    for row, back in zip(rows, muted or [False] * len(rows), strict=True):
        table.add_row(*row, style="dim" if back else None)
    return Group(table, Text(caption, "table.caption"))
