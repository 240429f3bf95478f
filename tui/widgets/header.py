"""What the header lines of the screens have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.color import Color
from textual.reactive import reactive
from textual.widget import Widget

from experiments.status import Status
from tui import wording
from tui.formatting import UNKNOWN
from tui.pulse import Pulse
from tui.widgets.palette import series_color
from tui.widgets.row_list import MUTED

_GAP = 2


class Header(Widget):
    """Two lines as wide as the screen, painted again only when they say something else."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    Header { height: 2; padding: 0 1; background: $panel; }
    """

    # So are the fields of subclasses.
    pulse: reactive[Pulse | None] = reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._painted = Text()

    def said(self, width: int) -> Text:
        """Both lines, each of `width` cells."""
        raise NotImplementedError

    def render(self) -> RenderResult:
        """What is known now."""
        self._painted = self.said(self.content_size.width)
        return self._painted

    def renew(self) -> None:
        """Paint what is known now, unless it reads as before."""
        if self.said(self.content_size.width) != self._painted:
            self.refresh()

    watch_pulse = renew

    def ink(self, index: int | None) -> Style:
        """The style of a palette index; muted without one."""
        if index is None:
            return MUTED
        return Style(color=Color(*series_color(index, self.app.current_theme.dark)).rich_color)

    def mark(self, status: Status) -> Text:
        """Glyph and word of a status, in its colour."""
        return Text(wording.mark(status), self.ink(wording.STATUS_COLORS[status]))

    def bar(self, part: float, width: int) -> Text:
        """A progress bar with its percentage."""
        size = max(min(width // 4, 40), 10)
        full = round(part * size)
        return Text.assemble(
            ("━" * full, self.ink(0)), ("─" * (size - full), MUTED), f" {part:4.0%}"
        )

    def load(self) -> list[Text]:
        """How busy this machine and each of its GPUs are; what may give way comes last."""
        if (pulse := self.pulse) is None:
            return []
        cpu = {"cpu": f"{pulse.cpu_percent:3.0f}%"}
        memory = {"memory": _share([pulse.memory_used], [pulse.memory_total])}
        if gpus := pulse.gpus:
            cpu["gpu"] = " ".join(_percent(gpu.percent) for gpu in gpus)
            memory["gpu memory"] = _share(
                [gpu.memory_used for gpu in gpus], [gpu.memory_total for gpu in gpus]
            )
        return [Text.assemble((f"{name} ", MUTED), said) for name, said in (cpu | memory).items()]


def _percent(value: float) -> str:
    return f"{UNKNOWN if math.isnan(value) else f'{value:.0f}%':>4}"


def _share(used: Sequence[float], total: Sequence[float]) -> str:
    """`6.0 of 16.0 GiB`, of several as large `6.0 0.4 of 80.0 GiB`, else `6.0/16.0 0.4/80.0 GiB`"""
    sizes = {size for size in total if not math.isnan(size)}
    if not sizes:
        return UNKNOWN
    if len(sizes) == 1:
        return f"{' '.join(map(_size, used))} of {_size(*sizes)} GiB"
    return " ".join(f"{_size(a)}/{_size(b)}" for a, b in zip(used, total, strict=True)) + " GiB"


def _size(value: float) -> str:
    return UNKNOWN if math.isnan(value) else wording.size(value)


def fitted(
    left: list[Text], right: list[Text], width: int, *, first_to_go: Literal["left", "right"]
) -> Text:
    """Parts at both ends of a line; the last ones of one end give way, then of the other."""
    left, right = list(left), list(right)

    def needed() -> int:
        return sum(part.cell_len + _GAP for part in (*left, *right)) - _GAP

    for parts in (left, right) if first_to_go == "left" else (right, left):
        least = 1 if parts is left else 0
        while needed() > width and len(parts) > least:
            parts.pop()
    gap = Text(" " * _GAP)
    start, end = gap.join(left), gap.join(right)
    line = Text.assemble(start, " " * max(width - start.cell_len - end.cell_len, _GAP), end)
    return wording.shortened(line, width)
