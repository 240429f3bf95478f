"""A terminal that paints pixels: it answers questions, and keeps what is written on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import zlib
from base64 import b64decode
from collections.abc import Callable
from typing import Literal

import numpy as np

from tui.widgets.kitty import ACCENTS

Kind = Literal["kitty", "sixel", "plain", "silent"]
TOKEN = re.compile(
    rb"\x1b_(?P<apc>[^\x1b]*)\x1b\\"
    rb"|\x1bP(?P<dcs>[^\x1b]*)\x1b\\"
    rb"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    rb"|\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    rb"|\x1b(?P<esc>[^_P\]\[])"
    rb"|(?P<control>[\x00-\x1a\x1c-\x1f])"
    rb"|(?P<text>[^\x00-\x1f]+)"
)
PLACEHOLDER = "\U0010eeee"
CELL = 10, 20
"""Pixels across and down."""
TIMEOUT_SECONDS = 30


class PixelTerminal:
    """A screen of text and pixels, and the end of a pseudo-terminal to which it belongs.

    Args:
        kind: What it can paint; a `silent` one answers no questions.
        columns: Of text.
        rows: Of text.
        tells_pixels: Whether the system knows the size of the window in pixels.
        is_slow: Whether it answers only when told to.
    """

    def __init__(
        self,
        kind: Kind,
        columns: int = 80,
        rows: int = 24,
        *,
        tells_pixels: bool = True,
        is_slow: bool = False,
    ) -> None:
        self.kind = kind
        self.written: list[bytes] = []
        """Every command that paints pixels."""
        self.answers: list[str] | None = [] if is_slow else None
        """What it did not answer yet."""
        self._pictures: dict[int, np.ndarray] = {}
        self._parts: dict[int, tuple[dict[str, str], bytes]] = {}
        self._sent = 0
        self._placed: dict[int, tuple[int, int]] = {}
        self._x = self._y = self._ink = 0
        self._kept = 0, 0
        self._rest = b""
        self._ours, self.theirs = pty.openpty()
        self._tells_pixels = tells_pixels
        self.resize(columns, rows, CELL)

    def resize(self, columns: int, rows: int, cell: tuple[int, int]) -> None:
        """Have so many cells of so many pixels, all empty."""
        self.columns, self.rows, self.cell = columns, rows, cell
        self._width, self._height = cell
        self.text = [[" "] * columns for _ in range(rows)]
        self._inks = np.zeros((rows, columns), np.int64)
        shape = rows * self._height, columns * self._width
        self._canvas = np.full((*shape, 3), -1)
        """What Sixel painted; -1 where nothing is."""
        pixels = (shape[1], shape[0]) if self._tells_pixels else (0, 0)
        size = struct.pack("HHHH", rows, columns, *pixels)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)

    def start(self, *arguments: object, **environ: str) -> subprocess.Popen[bytes]:
        """Run `keras-seq` in it."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("NO_COLOR", "TMUX", "COLUMNS", "LINES") and not name.startswith("SSH_")
        }
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "tui.cli", *map(str, arguments)],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env={**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environ},
            start_new_session=True,
        )

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def answer(self, text: str) -> None:
        """Answer, or keep the answer until `answer_all`."""
        if self.answers is None:
            self.press(text)
        else:
            self.answers.append(text)

    def answer_all(self) -> None:
        """Answer what was asked, and from now on at once."""
        answers, self.answers = self.answers or [], None
        self.press("".join(answers))

    def until(self, condition: Callable[[], object]) -> None:
        """Take in what is written until something holds."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while not condition():
            ready, _, _ = select.select([self._ours], [], [], max(end - time.monotonic(), 0))
            assert ready, f"not within {TIMEOUT_SECONDS} s; the screen:\n{self.screen}"
            self.feed(os.read(self._ours, 1 << 16))

    def close(self) -> None:
        """Take it away."""
        os.close(self._ours)
        os.close(self.theirs)

    @property
    def screen(self) -> str:
        """Its text."""
        return "\n".join("".join(row).rstrip() for row in self.text)

    def find(self, text: str) -> tuple[int, int]:
        """The row and the column of a text."""
        for row, line in enumerate(self.text):
            column = "".join(cell[0] for cell in line).find(text)
            if column >= 0:
                return row, column
        raise AssertionError(f"no {text!r} on\n{self.screen}")

    def pixels(self, row: int, column: int, rows: int, columns: int) -> np.ndarray:
        """The colours that some cells show, -1 where they show text."""
        found = self._canvas.copy()
        for y in range(self.rows):
            for x in range(self.columns):
                if self.text[y][x].startswith(PLACEHOLDER):
                    found[self._pixels_of(y, x)] = self._part(self.text[y][x], self._inks[y, x])
        down, across = self._pixels_of(row, column, rows, columns)
        return found[down, across]

    def _pixels_of(self, y: int, x: int, rows: int = 1, columns: int = 1) -> tuple[slice, slice]:
        return (
            slice(y * self._height, (y + rows) * self._height),
            slice(x * self._width, (x + columns) * self._width),
        )

    def _part(self, cell: str, number: int) -> np.ndarray:
        # A cell may not be whole yet.
        if number not in self._placed or len(cell) != 3:
            return np.full(3, -1)
        columns, rows = self._placed[number]
        picture = self._pictures[number]
        # One of another size would be stretched.
        if picture.shape[:2] != (rows * self._height, columns * self._width):
            return np.full(3, -1)
        y, x = (ACCENTS.index(accent) for accent in cell[1:])
        return picture[self._pixels_of(y, x)]

    # What programs write

    def feed(self, data: bytes) -> None:
        """Take in output."""
        data = self._rest + data
        at = 0
        while match := TOKEN.match(data, at):
            kind = match.lastgroup
            if kind == "text" and match.end() == len(data):
                # A character may be cut in the middle.
                whole = match[0].decode(errors="ignore").encode()
                self._print(whole.decode())
                at += len(whole)
                break
            at = match.end()
            getattr(self, f"_{kind}")(match[kind])
        self._rest = data[at:]

    def _text(self, data: bytes) -> None:
        self._print(data.decode())

    def _print(self, text: str) -> None:
        if self._y >= self.rows:  # written before the program knew of a new size
            return
        for character in text:
            if character in ACCENTS and self._x and self.text[self._y][self._x - 1]:
                self.text[self._y][self._x - 1] += character
                continue
            if self._x < self.columns:
                self.text[self._y][self._x] = character
                self._inks[self._y, self._x] = self._ink
                self._canvas[self._pixels_of(self._y, self._x)] = -1
                self._x += 1

    def _control(self, data: bytes) -> None:
        if data == b"\n":
            self._y, self._x = min(self._y + 1, self.rows - 1), 0
        elif data == b"\r":
            self._x = 0

    def _osc(self, data: bytes) -> None:
        pass

    def _esc(self, data: bytes) -> None:
        if data == b"7":
            self._kept = self._y, self._x
        elif data == b"8":
            self._y, self._x = self._kept

    def _csi(self, data: bytes) -> None:
        arguments, final = data[:-1].decode(), data[-1:]
        if final == b"H":
            row, _, column = arguments.partition(";")
            self._y, self._x = int(row or 1) - 1, int(column or 1) - 1
        elif final == b"m":
            numbers = arguments.split(";")
            if "38" in numbers and numbers[numbers.index("38") + 1] == "2":
                at = numbers.index("38") + 2
                red, green, blue = map(int, numbers[at : at + 3])
                self._ink = red << 16 | green << 8 | blue
        elif self.kind != "silent" and final == b"t" and arguments == "16":
            self.answer(f"\x1b[6;{self._height};{self._width}t")
        elif self.kind != "silent" and final == b"c" and not arguments:
            self.answer("\x1b[?62;4;22c" if self.kind == "sixel" else "\x1b[?62;22c")

    def _apc(self, data: bytes) -> None:
        if self.kind != "kitty":
            return
        head, _, payload = data[1:].partition(b";")
        keys = dict(key.split("=") for key in head.decode().split(","))
        self.written.append(data)
        number = int(keys.get("i", self._sent))
        if "i" in keys and keys.get("a") != "p":
            self._parts[number] = keys, b""
            self._sent = number
        if keys.get("a") == "d":
            self._pictures.pop(number, None)
            self._placed.pop(number, None)
            return
        if keys.get("a") == "p":
            assert keys["U"] == "1"
            self._placed[number] = int(keys["c"]), int(keys["r"])
            return
        first, before = self._parts[number]
        self._parts[number] = first, before + payload
        if keys.get("m", "0") == "0":
            raw = b64decode(self._parts[number][1])
            raw = zlib.decompress(raw) if first.get("o") == "z" else raw
            shape = int(first["v"]), int(first["s"]), 3
            # A new picture ends what showed the one before.
            self._placed.pop(number, None)
            self._pictures[number] = np.frombuffer(raw, np.uint8).reshape(shape)
            if first.get("a") == "T":
                self._placed[number] = int(first["c"]), int(first["r"])
            if "q" not in first:
                self.answer(f"\x1b_Gi={number};OK\x1b\\")

    def _dcs(self, data: bytes) -> None:
        parameters, _, body = data.partition(b"q")
        if self.kind != "sixel":
            return
        self.written.append(data)
        assert parameters == b"0;1;0", "what is not painted stays"
        colors: dict[int, tuple[int, ...]] = {}
        top, left = self._y * self._height, self._x * self._width
        x = y = ink = 0
        for match in re.finditer(rb'"([\d;]+)|#(\d+);2;([\d;]+)|#(\d+)|!(\d+)(.)|([$-])|(.)', body):
            _, defined, shares, chosen, times, repeated, move, one = match.groups()
            if defined:
                colors[int(defined)] = tuple(map(int, shares.split(b";")))
            elif chosen:
                ink = int(chosen)
            elif move:
                x, y = 0, y + 6 * (move == b"-")
            elif repeated or one:
                bits, count = (repeated or one)[0] - 63, int(times or 1)
                assert 0 <= bits < 64
                color = [round(share * 255 / 100) for share in colors[ink]]
                for bit in range(6):
                    if bits >> bit & 1:
                        self._canvas[top + y + bit, left + x : left + x + count] = color
                x += count
        # Some leave the cursor here, some there.
        self._y, self._x = 0, 0
