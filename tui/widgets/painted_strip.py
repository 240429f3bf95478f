"""A row of text with a row of a painting in it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from rich.console import Console
from textual.strip import Strip

from tui.widgets.painting import Painting


class PaintedStrip(Strip):
    """Text as everything but the terminal sees it, which is sent pixels for some of the cells.

    Where other widgets lie on top, Textual cuts it, and the pixels with it. Where it is not written
    as it is, beneath a question for instance, it is plain text.

    Args:
        text: The row.
        painting: What is painted.
        row: Of the painting.
        left: The cell at which the painting begins; it may begin before the row.
    """

    __slots__ = ("_left", "_painting", "_row", "_text")

    def __init__(self, text: Strip, painting: Painting, row: int, left: int) -> None:
        super().__init__(text, text.cell_length)
        self._text = text
        self._painting = painting
        self._row = row
        self._left = left

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Some of the cells."""
        text = self._text.crop(start, end)
        return PaintedStrip(text, self._painting, self._row, self._left - max(start, 0))

    def divide(self, cuts: Iterable[int]) -> list[Strip]:
        """The cells between cuts."""
        return [self.crop(start, end) for start, end in pairwise((0, *cuts))]

    def render(self, console: Console) -> str:
        """What is written to the terminal."""
        length = self.cell_length
        start = min(max(self._left, 0), length)
        stop = min(max(self._left + self._painting.bitmap.columns, 0), length)
        if start >= stop:
            return self._text.render(console)
        before, cells, after = self._text.divide((start, stop, length))
        columns = range(start - self._left, stop - self._left)
        painted = self._painting.cells(cells.render(console), self._row, columns)
        return before.render(console) + painted + after.render(console)
