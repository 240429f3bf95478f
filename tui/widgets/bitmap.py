"""Pixels of a few colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.widgets.heat import Integers
from tui.widgets.palette import RGB


@dataclass(frozen=True, eq=False)
class Bitmap:
    """Pixels that fill cells.

    Args:
        levels: The number of each pixel's colour, `(height, width)`.
        palette: The colours.
        columns: Cells across.
        rows: Cells down.
    """

    levels: Integers
    palette: Sequence[RGB]
    columns: int
    rows: int
