"""A grid of cells, each with a character and symbolic colours, and its text."""

from __future__ import annotations

import unicodedata
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len


class Ink(IntEnum):
    """Foregrounds. Those of series are the sum of a group and a palette index."""

    PLAIN = 0
    TITLE = 1
    AXIS = 2
    TICK = 3
    GRID = 4
    CURSOR = 5
    NOTE = 6
    SERIES = 16
    MUTED = 24
    STRONG = 32
    TINT = 256  # plus a set of colours: the tint as foreground


# The second half of a wide character holds no character of its own.
_CONTINUED = 0
_SPACE = ord(" ")


class Picture:
    """Cells of a plot, drawn back to front.

    Args:
        width: Number of cells across.
        height: Number of cells down.

    Attributes:
        glyph: Code points, shape `(height, width)`.
        ink: Foregrounds: an `Ink`, plus an index.
        tint: Backgrounds: sets of colours, 0 for none.
    """

    def __init__(self, width: int, height: int) -> None:
        self.glyph: NDArray[np.uint32] = np.full((height, width), _SPACE, np.uint32)
        self.ink: NDArray[np.int32] = np.zeros((height, width), np.int32)
        self.tint: NDArray[np.int32] = np.zeros((height, width), np.int32)

    @property
    def width(self) -> int:
        """Number of cells across."""
        return int(self.glyph.shape[1])

    @property
    def height(self) -> int:
        """Number of cells down."""
        return int(self.glyph.shape[0])

    def copy(self) -> Picture:
        """A copy that can be drawn over."""
        other = Picture(0, 0)
        other.glyph, other.ink, other.tint = self.glyph.copy(), self.ink.copy(), self.tint.copy()
        return other

    def put(self, row: int, column: int, text: str, ink: int, stop: int | None = None) -> int:
        """Write text, cut off at the picture's edge or at `stop`.

        Returns:
            The column after the text.
        """
        stop = self.width if stop is None else min(stop, self.width)
        if not 0 <= row < self.height:
            return column
        if text.isascii() and text.isprintable() and column >= 0:
            text = text[: max(stop - column, 0)]
            end = column + len(text)
            self.glyph[row, column:end] = np.frombuffer(text.encode(), np.uint8)
            self.ink[row, column:end] = ink
            return end
        for character in text:
            size = _cell_size(character)
            if size == 0:
                continue
            if column < 0 or column + size > stop:
                if column < 0:
                    column += size
                    continue
                break
            self.glyph[row, column] = ord(character) if character.isprintable() else ord("?")
            self.glyph[row, column + 1 : column + size] = _CONTINUED
            self.ink[row, column : column + size] = ink
            column += size
        return column

    def fill(self, rows: slice, columns: slice, character: str, ink: int) -> None:
        """Repeat a character over a rectangle."""
        self.glyph[rows, columns] = ord(character)
        self.ink[rows, columns] = ink

    def keys(self) -> NDArray[np.int32]:
        """Ink and tint of each cell as `ink << 8 | tint`.

        Spaces take over the ink to their left, which does not show, so that runs of equal
        keys are long.
        """
        columns = np.arange(self.width)
        written = np.maximum.accumulate(np.where(self.glyph != _SPACE, columns, 0), axis=1)
        ink = np.take_along_axis(self.ink, written, axis=1)
        # Titles may be underlined, which would show.
        ink[(ink == Ink.TITLE) & (self.ink != Ink.TITLE)] = Ink.PLAIN
        return ink << 8 | self.tint

    def line(self, row: int) -> str:
        """One row as text, one character per code point."""
        return str(self.glyph[row].astype("<u4").tobytes(), "utf-32-le")

    def lines(self) -> list[str]:
        """The picture as text."""
        return [visible(self.line(row)) for row in range(self.height)]


def visible(text: str) -> str:
    """Part of `Picture.line` without the second halves of wide characters."""
    return text.replace("\0", "")


def _cell_size(character: str) -> int:
    if not character.isprintable():
        return 0 if unicodedata.category(character) in ("Cf", "Mn") else 1
    return cell_len(character)


def shortened(text: str, width: int, ellipsis: str) -> str:
    """Text of at most `width` cells, cut at the end."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) + len(ellipsis) > width:
        text = text[:-1]
    return (text.rstrip() + ellipsis)[:width] if width > 0 else ""
