"""The line plot of the screens whose parts grow and shrink while data comes."""

from __future__ import annotations

from textual.geometry import Size
from textual.strip import Strip

from tui.widgets.line_plot import LinePlot


class LivePlot(LinePlot):
    """A line plot that is never shown in a size that it no longer has.

    A screen may be painted between a change of layout and the event that tells the plot of it.
    """

    _painted_for = Size(0, 0)

    def render_line(self, y: int) -> Strip:
        """One row of the plot, drawn again after a change of layout."""
        if self._painted_for != self.content_size:
            self._painted_for = self.content_size
            self.on_resize()
        return super().render_line(y)
