"""Kitty's graphics protocol: a picture is sent once, and cells of text show its parts.

A cell is a placeholder character. Its colour is the number of the picture; two accents on it are
the row and the column of the part. So it moves, is cut and is covered like any other text.
https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterator

import numpy as np

from tui.widgets.bitmap import Bitmap

PLACEHOLDER = "\U0010eeee"
_ACCENTS = """
305 30d-30e 310 312 33d-33f 346 34a-34c 350-352 357 35b 363-36f 483-487 592-595 597-599 59c-5a1
5a8-5a9 5ab-5ac 5af 5c4 610-617 657-65b 65d-65e 6d6-6dc 6df-6e2 6e4 6e7-6e8 6eb-6ec 730 732-733
735-736 73a 73d 73f-741 743 745 747 749-74a 7eb-7f1 7f3 816-819 81b-823 825-827 829-82d 951 953-954
f82-f83 f86-f87 135d-135f 17dd 193a 1a17 1a75-1a7c 1b6b 1b6d-1b73 1cd0-1cd2 1cda-1cdb 1ce0 1dc0-1dc1
1dc3-1dc9 1dcb-1dcc 1dd1-1de6 1dfe 20d0-20d1 20d4-20d7 20db-20dc 20e1 20e7 20e9 20f0 2cef-2cf1
2de0-2dff a66f a67c-a67d a6f0-a6f1 a8e0-a8f1 aab0 aab2-aab3 aab7-aab8 aabe-aabf aac1 fe20-fe26 10a0f
10a38 1d185-1d189 1d1aa-1d1ad 1d242-1d244
"""
CHUNK = 4096
"""The most characters of a picture that one command may hold."""


def _accents() -> Iterator[str]:
    for run in _ACCENTS.split():
        first, _, last = run.partition("-")
        yield from map(chr, range(int(first, 16), int(last or first, 16) + 1))


ACCENTS = tuple(_accents())
"""What stands for 0, 1, 2 and so on."""


def picture(bitmap: Bitmap, number: int) -> str:
    """Commands that make the picture known under a number, from 1 to 2^24 - 1, over its cells.

    It takes the place of one with that number. The terminal answers to none of them.
    """
    height, width = bitmap.levels.shape
    colors = np.asarray(bitmap.palette, np.uint8)[bitmap.levels]
    data = b64encode(zlib.compress(colors.tobytes())).decode()
    chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    keys = f"a=t,i={number},f=24,o=z,s={width},v={height},q=2,"
    parts = []
    for at, chunk in enumerate(chunks, start=1):
        parts.append(f"\x1b_G{keys}m={int(at < len(chunks))};{chunk}\x1b\\")
        keys = "q=2,"
    parts.append(f"\x1b_Ga=p,U=1,i={number},c={bitmap.columns},r={bitmap.rows},q=2\x1b\\")
    return "".join(parts)


def placeholders(number: int, row: int, columns: range) -> str:
    """Cells that show parts of the picture with a number; `ACCENTS` limits rows and columns."""
    color = f"\x1b[38;2;{number >> 16};{number >> 8 & 255};{number & 255}m"
    cells = "".join(PLACEHOLDER + ACCENTS[row] + ACCENTS[column] for column in columns)
    return f"{color}{cells}\x1b[39m"
