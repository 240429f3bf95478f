"""A live line plot."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.axis import Scale
from tui.widgets.chart import Chart, data_x_range
from tui.widgets.crosshair import draw_crosshair, nearest_x, next_x
from tui.widgets.curve import Curve
from tui.widgets.drawing import Drawing, draw_chart
from tui.widgets.glyphs import PlotMode, mode_for_terminal, output_encoding
from tui.widgets.picture import visible
from tui.widgets.plot_style import COMPONENTS, cell_style
from tui.widgets.view import View, panned, zoomed

__all__ = ["Curve", "LinePlot", "PlotMode"]


class LinePlot(Widget, can_focus=True):
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

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left",
            "move_cursor(-1)",
            "Cursor left",
            show=False,
            id="plot.cursor_left",
            tooltip="Show the values one column to the left",
        ),
        Binding(
            "right",
            "move_cursor(1)",
            "Cursor right",
            show=False,
            id="plot.cursor_right",
            tooltip="Show the values one column to the right",
        ),
        Binding(
            "escape",
            "hide_cursor",
            "Hide cursor",
            show=False,
            id="plot.hide_cursor",
            tooltip="Take the cursor away",
        ),
        Binding(
            "plus,equals_sign",
            "zoom(1)",
            "Zoom in",
            key_display="+",
            show=False,
            id="plot.zoom_in",
            tooltip="Show half of the x axis, around the cursor",
        ),
        Binding(
            "minus",
            "zoom(-1)",
            "Zoom out",
            key_display="-",
            show=False,
            id="plot.zoom_out",
            tooltip="Show twice as much of the x axis",
        ),
        Binding(
            "shift+left",
            "pan(-1)",
            "Pan left",
            show=False,
            id="plot.pan_left",
            tooltip="Move a zoomed view towards the start",
        ),
        Binding(
            "shift+right",
            "pan(1)",
            "Pan right",
            show=False,
            id="plot.pan_right",
            tooltip="Move a zoomed view towards the end",
        ),
        Binding(
            "0",
            "reset_view",
            "Whole axis",
            show=False,
            id="plot.reset_view",
            tooltip="Show all data again and follow new points",
        ),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS.values())

    DEFAULT_CSS = """
    LinePlot {
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

    curves: reactive[tuple[Curve, ...]] = reactive(())
    """The curves, most important first."""
    title: reactive[str] = reactive("")
    """Heading."""
    x_label: reactive[str] = reactive("")
    """What the x axis counts."""
    y_scale: reactive[Scale] = reactive("linear")
    """Linear or log y axis."""
    x_limits: reactive[View | None] = reactive(None)
    """Range of the x axis; None follows the data. Zooming sets it."""
    y_limits: reactive[tuple[float, float] | None] = reactive(None)
    """Range of the y axis; None follows the data in view."""
    mode: reactive[PlotMode | None] = reactive(None)
    """Characters to draw with; None picks the finest that the terminal can show."""
    highlight: reactive[str | None] = reactive(None)
    """Key of the curves that lie on top while the others are muted."""
    legend: reactive[bool] = reactive(True)
    """Whether to name curves in a row of their own when they fit nowhere else."""
    placeholder: reactive[str] = reactive("waiting for the first measurement")
    """What to say while there is nothing to draw."""
    x_rule: reactive[tuple[float, str] | None] = reactive(None)
    """Where an upright line stands, and what it stands for."""
    cursor_x: reactive[float | None] = reactive(None)
    """Where the crosshair stands; None hides it."""

    @dataclass
    class CursorMoved(Message):
        """The user moved the crosshair; not posted when a program sets `cursor_x`."""

        plot: LinePlot
        x: float | None

        @property
        def control(self) -> LinePlot:
            """The plot, for `@on` selectors."""
            return self.plot

        def can_replace(self, message: Message) -> bool:
            """A newer position makes a waiting one worthless."""
            return isinstance(message, LinePlot.CursorMoved) and message.plot is self.plot

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
        self._strips: list[Strip] | None = None
        self._strips_size = Size(0, 0)
        self._styles: dict[int, Style] = {}
        self.set_reactive(LinePlot.curves, tuple(curves))
        self.set_reactive(LinePlot.title, title)
        self.set_reactive(LinePlot.x_label, x_label)
        self.set_reactive(LinePlot.y_scale, y_scale)
        self.set_reactive(LinePlot.mode, mode)

    # What each change invalidates: the drawing, the strips made of it, or their styles.

    def _redraw(self) -> None:
        self._drawing = None
        self._strips = None

    def watch_curves(self) -> None:
        """Draw again."""
        self._redraw()

    watch_title = watch_x_label = watch_y_scale = watch_x_limits = watch_y_limits = watch_curves
    watch_mode = watch_highlight = watch_legend = watch_placeholder = watch_curves
    watch_x_rule = watch_curves

    def watch_cursor_x(self) -> None:
        """Lay the crosshair over the drawing."""
        self._strips = None

    def notify_style_update(self) -> None:
        """Colours may have changed."""
        super().notify_style_update()
        self._styles = {}
        self._strips = None

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._redraw()

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
        strips = self._strips
        # A screen may be painted between a change of layout and the event that tells of it.
        if strips is None or self._strips_size != self.content_size:
            self._strips_size = self.content_size
            strips = self._strips = self._render_strips(self.content_size)
        return strips[y] if y < len(strips) else Strip.blank(self.content_size.width)

    def _render_strips(self, size: Size) -> list[Strip]:
        drawing = self._drawn(size)
        picture = drawing.picture
        if self.cursor_x is not None:
            picture = draw_crosshair(drawing, self.chart, self.cursor_x)
        keys = picture.keys()
        return [self._strip(picture.line(row), keys[row]) for row in range(picture.height)]

    def _drawn(self, size: Size) -> Drawing:
        drawing = self._drawing
        if drawing is None or (drawing.picture.width, drawing.picture.height) != size:
            drawing = self._drawing = draw_chart(self.chart, *size)
        return drawing

    def _strip(self, text: str, keys: NDArray[np.int32]) -> Strip:
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

    # Cursor and view

    def _x_view(self) -> View | None:
        frame = self._drawn(self.content_size).frame
        return None if frame is None else (frame.x_axis.low, frame.x_axis.high)

    def _move_cursor_to(self, x: float | None) -> None:
        if x is not None:
            x = nearest_x(self.curves, x)
        if x != self.cursor_x:
            self.cursor_x = x
            self.post_message(self.CursorMoved(self, x))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The crosshair follows the mouse."""
        self._move_cursor_to(self._x_under(event))

    def on_leave(self) -> None:
        """The crosshair goes with the mouse."""
        if not self.is_mouse_over:
            self._move_cursor_to(None)

    def _x_under(self, event: events.MouseEvent) -> float | None:
        frame = self._drawn(self.content_size).frame
        offset = event.get_content_offset(self)
        if frame is None or offset is None or not frame.left <= offset.x < frame.right:
            return None
        return frame.x_at(offset.x)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in where the mouse is."""
        self._zoom_event(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out where the mouse is."""
        self._zoom_event(event, -1)

    def _zoom_event(self, event: events.MouseEvent, direction: int) -> None:
        centre = self._x_under(event)
        # With nothing to zoom the wheel belongs to the container.
        if centre is not None and (direction > 0 or self.x_limits is not None):
            self._zoom(direction, centre)
            event.stop()
            event.prevent_default()

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """Pan towards the start."""
        self.action_pan(-1)
        event.stop()

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """Pan towards the end."""
        self.action_pan(1)
        event.stop()

    def _zoom(self, direction: int, centre: float) -> None:
        view, whole = self._x_view(), data_x_range(self.curves)
        if view is not None and whole is not None:
            new = zoomed(view, whole, centre, direction)
            if new != view:
                self.x_limits = new

    def action_zoom(self, direction: int) -> None:
        """Zoom in (1) or out (-1) around the cursor, or else the middle."""
        view = self._x_view()
        if view is None:
            return
        middle = view[0] / 2 + view[1] / 2
        in_view = self.cursor_x is not None and view[0] <= self.cursor_x <= view[1]
        self._zoom(direction, self.cursor_x if in_view and self.cursor_x is not None else middle)

    def action_pan(self, direction: int) -> None:
        """Move a zoomed view by a quarter of its width, as far as the data goes."""
        whole = data_x_range(self.curves)
        if self.x_limits is not None and whole is not None:
            self.x_limits = panned(self.x_limits, whole, direction)

    def action_reset_view(self) -> None:
        """Show all data and follow new points."""
        self.x_limits = None

    def action_move_cursor(self, columns: int) -> None:
        """Move the crosshair by some columns, but at least to the next point."""
        frame = self._drawn(self.content_size).frame
        if frame is not None:
            self._move_cursor_to(next_x(self.curves, frame, self.cursor_x, columns))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's while there is no cursor to hide."""
        return action != "hide_cursor" or self.cursor_x is not None

    def action_hide_cursor(self) -> None:
        """Take the crosshair away."""
        self._move_cursor_to(None)
