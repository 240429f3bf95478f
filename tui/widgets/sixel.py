"""Sixel: pixels in bands of six rows, as terminals since the VT340 read them.

The bits of a character are the pixels of a column in such a band. A band is written once for all of
its rows that are alike, colour after colour from left to right.
"""

from __future__ import annotations

import numpy as np

from tui.widgets.bitmap import Bitmap
from tui.widgets.heat import Integers

BAND = 6
"""Rows of pixels."""
FIRST = 63
"""The character without pixels."""


def sixel(bitmap: Bitmap) -> str:
    """The picture, drawn from the cursor on; where the cursor is afterwards terminals disagree."""
    height, width = bitmap.levels.shape
    # Pixels beneath the last row stay as they are.
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}']
    for level in np.unique(bitmap.levels).tolist():
        shares = ";".join(str(round(100 * part / 255)) for part in bitmap.palette[level])
        parts.append(f"#{level};2;{shares}")
    for top in range(0, height, BAND):
        bits: dict[bytes, int] = {}
        rows: dict[bytes, Integers] = {}
        for number, row in enumerate(bitmap.levels[top : top + BAND]):
            key = row.tobytes()
            bits[key] = bits.get(key, 0) | 1 << number
            rows[key] = row
        parts.append("$".join(_row(rows[key], chr(FIRST + bits[key])) for key in rows) + "-")
    return "".join((*parts, "\x1b\\"))


def _row(levels: Integers, character: str) -> str:
    """The character in every column, each in its colour."""
    starts = np.flatnonzero(np.diff(levels, prepend=-1))
    lengths = np.diff(starts, append=len(levels))
    return "".join(
        f"#{level}!{length}{character}" if length > 3 else f"#{level}{character * length}"
        for level, length in zip(levels[starts].tolist(), lengths.tolist(), strict=True)
    )
