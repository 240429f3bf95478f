"""The characters a plot is drawn with, per mode."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PlotMode = Literal["braille", "block", "ascii"]


@dataclass(frozen=True)
class GlyphSet:
    """The characters of one mode.

    Args:
        dots: Dots per cell, across and down.
        markers: End markers of finished curves, by palette index.
        open_markers: End markers of curves that are still growing.
    """

    dots: tuple[int, int]
    left: str
    left_tick: str
    corner: str
    bottom: str
    bottom_tick: str
    grid: str
    cursor: str
    ellipsis: str
    not_finite: str
    not_positive: str
    markers: str
    open_markers: str


_LINES = GlyphSet(
    dots=(2, 4),
    left="│",
    left_tick="┤",
    corner="└",
    bottom="─",
    bottom_tick="┬",
    grid="╌",
    cursor="│",
    ellipsis="…",
    not_finite="×",  # noqa: RUF001 - the sign is meant
    not_positive="▾",
    markers="●■▲◆▼★◀▶",
    open_markers="○□△◇▽☆◁▷",
)

GLYPHS: Mapping[PlotMode, GlyphSet] = {
    "braille": _LINES,
    "block": GlyphSet(**{**vars(_LINES), "dots": (1, 2)}),
    "ascii": GlyphSet(
        dots=(1, 1),
        left="|",
        left_tick="+",
        corner="+",
        bottom="-",
        bottom_tick="+",
        grid=".",
        cursor="|",
        ellipsis="~",
        not_finite="x",
        not_positive="v",
        markers="*#^@%&$=",
        open_markers="*#^@%&$=",
    ),
}


def mode_for_terminal(environ: Mapping[str, str], encoding: str | None) -> PlotMode:
    """The finest mode that a terminal can be trusted to show.

    Args:
        environ: Environment variables; `TERM` is read.
        encoding: Encoding of the terminal's output, such as `sys.__stdout__.encoding`.

    Returns:
        `ascii` without Unicode, `block` on consoles whose font has no braille, else `braille`.
    """
    if not (encoding or "").lower().replace("-", "").startswith("utf"):
        return "ascii"
    term = environ.get("TERM", "")
    if term == "dumb" or term.startswith(("vt1", "vt2")):
        return "ascii"
    if term == "linux" or term.startswith("cons"):
        return "block"
    return "braille"


def output_encoding() -> str | None:
    """The encoding of the terminal, also while an application has replaced `sys.stdout`."""
    return getattr(sys.__stdout__, "encoding", None)
