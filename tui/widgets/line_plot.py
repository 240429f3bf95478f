"""A live line plot with a cursor and a view that zooms and pans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.widgets.chart import data_x_range
from tui.widgets.crosshair import nearest_x, next_x
from tui.widgets.curve import Curve
from tui.widgets.glyphs import PlotMode
from tui.widgets.plot_canvas import PlotCanvas
from tui.widgets.view import View, moved, panned, zoomed

__all__ = ["Curve", "LinePlot", "PlotMode"]


class LinePlot(PlotCanvas, can_focus=True):
    """A plot of which keys and mouse move the cursor and the view.

    Both are told in messages, so that a screen can move other plots along.
    """

    HELP = """
    # Plot

    One measurement of every model. The cursor reads the values of all plots at one place; zooming
    and panning move all plots with the same x axis. The signs are explained below.

    A click puts the cursor there; the wheel zooms; a zoomed view is dragged along, or moved with
    shift and wheel.
    """

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

    @dataclass
    class ViewChanged(Message):
        """The user zoomed or panned; not posted when a program sets `x_limits`."""

        plot: LinePlot
        limits: View | None

        @property
        def control(self) -> LinePlot:
            """The plot, for `@on` selectors."""
            return self.plot

    _grabbed: float | None = None
    """The place on the x axis that the mouse holds."""

    def _x_view(self) -> View | None:
        frame = self.frame
        return None if frame is None else (frame.x_axis.low, frame.x_axis.high)

    def _move_cursor_to(self, x: float | None) -> None:
        if x is not None:
            x = nearest_x(self.curves, x)
        if x != self.cursor_x:
            self.cursor_x = x
            self.post_message(self.CursorMoved(self, x))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Put the crosshair there, and take hold of a zoomed view."""
        x = self._x_under(event)
        self._move_cursor_to(x)
        if self.x_limits is not None and x is not None:
            self._grabbed = x
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        """Let go of the view."""
        self._grabbed = None
        self.capture_mouse(False)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The crosshair follows the mouse; a view that is held does."""
        x, whole = self._x_under(event), data_x_range(self.curves)
        if self._grabbed is None:
            self._move_cursor_to(x)
        elif x is not None and whole is not None and self.x_limits is not None:
            self._show(moved(self.x_limits, whole, self._grabbed - x))

    def on_leave(self) -> None:
        """The crosshair goes with the mouse."""
        if not self.is_mouse_over:
            self._move_cursor_to(None)

    def _x_under(self, event: events.MouseEvent) -> float | None:
        frame = self.frame
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
                self._show(new)

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
            self._show(panned(self.x_limits, whole, direction))

    def action_reset_view(self) -> None:
        """Show all data and follow new points."""
        self._show(None)

    def _show(self, limits: View | None) -> None:
        if limits != self.x_limits:
            self.x_limits = limits
            self.post_message(self.ViewChanged(self, limits))

    def action_move_cursor(self, columns: int) -> None:
        """Move the crosshair by some columns, but at least to the next point."""
        frame = self.frame
        if frame is not None:
            self._move_cursor_to(next_x(self.curves, frame, self.cursor_x, columns))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's while there is no cursor to hide."""
        return action != "hide_cursor" or self.cursor_x is not None

    def action_hide_cursor(self) -> None:
        """Take the crosshair away."""
        self._move_cursor_to(None)
