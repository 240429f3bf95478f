"""Boxes to tick, whose state can be seen without colour."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import SelectionList


class ModelChoice(SelectionList[str]):
    """The models that take part."""

    def render_line(self, y: int) -> Strip:
        """The line with `[✓]` or `[ ]` where Textual shows a cross in either case."""
        strip = super().render_line(y)
        index = y + self.scroll_offset.y
        segments = list(strip)
        if index >= self.option_count or len(segments) < 4:
            return strip
        ticked = self.get_option_at_index(index).value in self.selected
        # The styles stay, because clicks are told apart by what they carry.
        box = [
            Segment(text, segment.style)
            for text, segment in zip(("[", "✓" if ticked else " ", "]"), segments, strict=False)
        ]
        return Strip([*box, *segments[3:]])
