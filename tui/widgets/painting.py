"""A bitmap over cells of text: what is written in their place, and after them."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from textual.geometry import Offset

from tui.graphics import Graphics
from tui.widgets.bitmap import Bitmap
from tui.widgets.kitty import ACCENTS, picture, placeholders
from tui.widgets.sixel import sixel


class Painting(Protocol):
    """What a terminal is to be sent so that it shows pixels."""

    bitmap: Bitmap
    lies_on_top: bool
    """Whether it covers what lies on the widget."""

    @property
    def is_due(self) -> bool:
        """Whether something is to be written after what was written of `cells`."""

    def cells(self, text: str, row: int, columns: range) -> str:
        """What is written for some of the cells of a row, whose text is given."""

    def rest(self, at: Offset) -> str:
        """What is written after a frame, for a bitmap whose first cell is there on the screen."""


class KittyPainting:
    """Cells show parts of a picture that is sent after the frame with its first cell.

    Args:
        bitmap: It has at most `len(ACCENTS)` rows and columns.
        number: Of the picture.
    """

    lies_on_top = False

    def __init__(self, bitmap: Bitmap, number: int) -> None:
        self.bitmap = bitmap
        self.is_due = False
        self._number = number

    def cells(self, text: str, row: int, columns: range) -> str:
        """Placeholders instead of the text."""
        # A terminal forgets pictures with the screen that they were on, which is then drawn anew.
        self.is_due |= row == columns.start == 0
        return placeholders(self._number, row, columns)

    def rest(self, at: Offset) -> str:
        """The picture."""
        self.is_due = False
        return self._picture

    @cached_property
    def _picture(self) -> str:
        return picture(self.bitmap, self._number)


class SixelPainting:
    """Text, and over it pixels, again whenever some of the text was written.

    Terminals take only the pixels away where text is written. They are not sent row by row: some
    keep no more than a few pictures.
    """

    lies_on_top = True

    def __init__(self, bitmap: Bitmap) -> None:
        self.bitmap = bitmap
        self.is_due = False

    def cells(self, text: str, row: int, columns: range) -> str:
        """The text."""
        self.is_due = True
        return text

    def rest(self, at: Offset) -> str:
        """The pixels, then the cursor back where it was."""
        self.is_due = False
        return f"\x1b7\x1b[{at.y + 1};{at.x + 1}H{self._sixel}\x1b8"

    @cached_property
    def _sixel(self) -> str:
        return sixel(self.bitmap)


def fits(graphics: Graphics, columns: int, rows: int) -> bool:
    """Whether the terminal can show a bitmap over so many cells."""
    return graphics.protocol == "sixel" or max(columns, rows) <= len(ACCENTS)


def painting(graphics: Graphics, bitmap: Bitmap, number: int) -> Painting:
    """The bitmap as a terminal shows it; `number` is that of the picture, where they have any."""
    return SixelPainting(bitmap) if graphics.protocol == "sixel" else KittyPainting(bitmap, number)
