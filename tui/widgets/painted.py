"""Base of the widgets that show pixels where the terminal can."""

from __future__ import annotations

from textual.geometry import Offset, Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.graphics import Graphics
from tui.widgets.painted_strip import PaintedStrip
from tui.widgets.painting import Painting


class Painted(Widget):
    """A widget of lines of text with a painting over some of its cells.

    It draws its text as if there were no pixels, and sets `painting` and `painting_at` meanwhile.
    The app writes what `rest_of_frame` gives after every frame.
    """

    graphics: reactive[Graphics | None] = reactive(None)
    """How the terminal paints pixels; None where it cannot."""

    painting: Painting | None = None
    """What is painted."""
    painting_at: Offset = Offset(0, 0)
    """Its first cell, from that of the widget's content."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines, those with a row of the painting as such."""
        strips = super().render_lines(crop)
        painting = self.painting
        if painting is None:
            return strips
        left, top = self.gutter.top_left
        at = self.painting_at + Offset(left - crop.x, top - crop.y)
        return [
            PaintedStrip(strip, painting, y - at.y, at.x)
            if 0 <= y - at.y < painting.bitmap.rows
            else strip
            for y, strip in enumerate(strips)
        ]

    def rest_of_frame(self) -> str:
        """What is to be written after a frame for its pixels to show; nothing where they do."""
        painting = self.painting
        if painting is None or not painting.is_due or (painting.lies_on_top and self._is_covered):
            return ""
        return painting.rest(self.content_region.offset + self.painting_at)

    @property
    def _is_covered(self) -> bool:
        """Whether another widget lies over it, such as a message or a tooltip."""
        around = {self, *self.ancestors}
        mine = self.region
        others = (node for node in self.screen.walk_children(Widget) if node not in around)
        return any(other.region.overlaps(mine) for other in others if other.is_on_screen)
