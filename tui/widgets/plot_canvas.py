"""The picture of a live line plot: drawn again when something changed, where it changed."""

from __future__ import annotations

import os
from typing import ClassVar

from numpy import int32
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.axis import Scale
from tui.widgets.chart import WAITING, Chart, Frame
from tui.widgets.crosshair import draw_crosshair
from tui.widgets.curve import Curve
from tui.widgets.drawing import Drawing, draw_chart
from tui.widgets.glyphs import PlotMode, mode_for_terminal, output_encoding
from tui.widgets.picture import visible
from tui.widgets.plot_style import COMPONENTS, cell_style
from tui.widgets.view import View


class PlotCanvas(Widget):
    """Curves over a shared x axis, drawn again only when something changed.

    Args:
        curves: The curves, most important first. Replace the tuple to update the plot;
            curves whose objects stay the same are not prepared again.
        title: Heading.
        x_label: What the x axis counts.
        y_scale: `linear` or `log`.
        mode: Characters to draw with; None picks the finest that the terminal can show.
        name: Name of the widget.
        id: ID of the widget in the DOM.
        classes: CSS classes of the widget.
    """

    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS.values())

    DEFAULT_CSS = """
    PlotCanvas {
        width: 1fr;
        height: 1fr;
        color: $foreground;

        .line-plot--title { text-style: bold; }
        .line-plot--axis { color: $foreground 40%; }
        .line-plot--tick { color: $foreground 75%; }
        .line-plot--grid { color: $foreground 13%; }
        .line-plot--cursor { color: $foreground 90%; }
        .line-plot--note { color: $foreground 55%; }
        &:focus .line-plot--title { color: $text-accent; text-style: bold underline; }
    }
    """

    # Whatever changes, only rows that differ are painted again.
    curves: reactive[tuple[Curve, ...]] = reactive((), repaint=False)
    """The curves, most important first."""
    title: reactive[str] = reactive("", repaint=False)
    """Heading."""
    x_label: reactive[str] = reactive("", repaint=False)
    """What the x axis counts."""
    y_scale: reactive[Scale] = reactive("linear", repaint=False)
    """Linear or log y axis."""
    x_limits: reactive[View | None] = reactive(None, repaint=False)
    """Range of the x axis; None follows the data. Zooming sets it."""
    y_limits: reactive[tuple[float, float] | None] = reactive(None, repaint=False)
    """Range of the y axis; None follows the data in view."""
    mode: reactive[PlotMode | None] = reactive(None, repaint=False)
    """Characters to draw with; None picks the finest that the terminal can show."""
    highlight: reactive[str | None] = reactive(None, repaint=False)
    """Key of the curves that lie on top while the others are muted."""
    legend: reactive[bool] = reactive(True, repaint=False)
    """Whether to name curves in a row of their own when they fit nowhere else."""
    placeholder: reactive[str] = reactive(WAITING, repaint=False)
    """What to say while there is nothing to draw."""
    x_rule: reactive[tuple[float, str] | None] = reactive(None, repaint=False)
    """Where an upright line stands, and what it stands for."""
    cursor_x: reactive[float | None] = reactive(None, repaint=False)
    """Where the crosshair stands; None hides it."""

    def __init__(
        self,
        curves: tuple[Curve, ...] = (),
        *,
        title: str = "",
        x_label: str = "",
        y_scale: Scale = "linear",
        mode: PlotMode | None = None,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._drawing: Drawing | None = None
        self._strips: dict[int, tuple[object, Strip]] = {}
        self._strips_size = Size(0, 0)
        self._is_stale = True
        self._is_due = False
        self._styles: dict[int, Style] = {}
        self.set_reactive(PlotCanvas.curves, tuple(curves))
        self.set_reactive(PlotCanvas.title, title)
        self.set_reactive(PlotCanvas.x_label, x_label)
        self.set_reactive(PlotCanvas.y_scale, y_scale)
        self.set_reactive(PlotCanvas.mode, mode)

    # What each change invalidates: the drawing, the strips made of it, or their styles.

    def watch_curves(self) -> None:
        """Draw again."""
        self._drawing = None
        self._renew()

    watch_title = watch_x_label = watch_y_scale = watch_x_limits = watch_y_limits = watch_curves
    watch_mode = watch_highlight = watch_legend = watch_placeholder = watch_curves
    watch_x_rule = watch_curves

    def watch_cursor_x(self) -> None:
        """Lay the crosshair over the drawing."""
        self._renew()

    def _renew(self) -> None:
        """Show what has changed: once for all that changes in one go."""
        self._is_stale = True
        if not self._is_due:
            self._is_due = True
            self.call_later(self._show_changes)

    def _show_changes(self) -> None:
        self._is_due = False
        if self._is_stale and self._strips_size == self.content_size and self.is_on_screen:
            gutter, width = self.styles.gutter, self.content_size.width
            for row in self._make_strips():
                self.refresh(Region(gutter.left, gutter.top + row, width, 1))
        else:
            # What is out of sight is drawn when it comes into it.
            self.refresh()

    def notify_style_update(self) -> None:
        """Colours may have changed."""
        super().notify_style_update()
        self._styles, self._strips = {}, {}
        self._is_stale = True

    # Drawing

    @property
    def chart(self) -> Chart:
        """What the plot shows, as plain data."""
        return Chart(
            curves=self.curves,
            title=self.title,
            x_label=self.x_label,
            y_scale=self.y_scale,
            x_limits=self.x_limits,
            y_limits=self.y_limits,
            mode=self.mode or mode_for_terminal(os.environ, output_encoding()),
            highlight=self.highlight,
            dashed=self.app.no_color,
            legend=self.legend,
            placeholder=self.placeholder,
            x_rule=self.x_rule,
        )

    def render_line(self, y: int) -> Strip:
        """One row of the plot."""
        # A screen may be painted between a change of layout and the event that tells of it.
        if self._is_stale or self._strips_size != self.content_size:
            self._make_strips()
        _, strip = self._strips.get(y, (None, Strip.blank(self.content_size.width)))
        return strip

    def _make_strips(self) -> list[int]:
        """Make the strips of the rows that are not as they were; which these are."""
        size = self.content_size
        drawing = self._drawn(size)
        picture = drawing.picture
        if self.cursor_x is not None:
            picture = draw_crosshair(drawing, self.chart, self.cursor_x)
        keys, changed = picture.keys(), []
        if self._strips_size != size:
            self._strips, self._strips_size = {}, size
        self._is_stale = False
        for row in range(picture.height):
            text = picture.line(row)
            content = (text, keys[row].tobytes())
            if row not in self._strips or self._strips[row][0] != content:
                changed.append(row)
                self._strips[row] = content, self._strip(text, keys[row])
        return changed

    def _drawn(self, size: Size) -> Drawing:
        drawing = self._drawing
        if drawing is None or (drawing.picture.width, drawing.picture.height) != size:
            drawing = self._drawing = draw_chart(self.chart, *size)
        return drawing

    @property
    def frame(self) -> Frame | None:
        """Where the curves are drawn, and over which axes; None while there are none."""
        return self._drawn(self.content_size).frame

    def _strip(self, text: str, keys: NDArray[int32]) -> Strip:
        styles = self._styles
        starts = [0, *((keys[1:] != keys[:-1]).nonzero()[0] + 1).tolist()]
        segments = [
            Segment(text[start:stop], styles.get(key) or self._style(key))
            for start, stop, key in zip(
                starts, [*starts[1:], len(text)], keys[starts].tolist(), strict=True
            )
        ]
        if "\0" in text:
            segments = [Segment(visible(part.text), part.style) for part in segments]
        return Strip(segments, len(text))

    def _style(self, key: int) -> Style:
        ink, members = key >> 8, key & 0xFF
        _, _, background, color = self.colors
        component = COMPONENTS.get(ink)
        base = None if component is None else self.get_component_rich_style(component)
        style = self._styles[key] = cell_style(ink, members, background, color, base)
        return style
