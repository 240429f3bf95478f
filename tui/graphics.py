"""How a terminal paints pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Graphics:
    """How a terminal paints pixels.

    Args:
        protocol: What it understands: Kitty's, with cells that show parts of a picture, or Sixel.
        cell_width: Pixels across in a character's cell.
        cell_height: Pixels down in a character's cell.
    """

    protocol: Literal["kitty", "sixel"]
    cell_width: int
    cell_height: int
