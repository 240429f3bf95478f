"""A screen with plots that share their x axis, their cursor and the way they are drawn."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from experiments.effort import available
from tui.messages import ReplayChosen, ReplayEnded
from tui.plot_options import PlotOptions
from tui.screens.pane_screen import PaneScreen
from tui.widgets.line_plot import LinePlot


class PlotScreen(PaneScreen):
    """Base of the screens with curves over training.

    Plots whose x axes count the same are moved, zoomed and panned together.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "x", "next_x", "X axis", show=False, id="plot.x_axis",
            tooltip="Steps, epochs, seconds, sequences or FLOPs on the x axis",
        ),
        Binding(
            "o", "next_smoothing", "Smoothing", show=False, id="plot.smoothing",
            tooltip="Average curves over more, over less, or not at all",
        ),
        Binding(
            "t", "replay", "Replay", show=False, id="replay.toggle",
            tooltip="See how a finished experiment came about; again: what came of it",
        ),
    ]  # fmt: skip

    def watch_options(self, before: PlotOptions, after: PlotOptions) -> None:
        """Draw that way; the view of another x axis means nothing."""
        if self.is_mounted and before.x is not after.x:
            for plot in self.query(LinePlot):
                plot.x_limits = plot.cursor_x = None
        super().watch_options(before, after)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what has come to its end is replayed."""
        if action == "replay":
            is_finished = self.snapshot is not None and self.snapshot.view.is_finished
            return is_finished or self.playback is not None
        return True

    def action_replay(self) -> None:
        """Begin a replay, or end it."""
        if self.playback is not None:
            self.post_message(ReplayEnded())
        elif self.snapshot is not None:
            self.post_message(ReplayChosen(self.snapshot.folder))

    @on(LinePlot.CursorMoved)
    def _on_cursor_moved(self, event: LinePlot.CursorMoved) -> None:
        for plot in self._beside(event.plot):
            plot.cursor_x = event.x

    @on(LinePlot.ViewChanged)
    def _on_view_changed(self, event: LinePlot.ViewChanged) -> None:
        for plot in self._beside(event.plot):
            plot.x_limits = event.limits

    def _beside(self, plot: LinePlot) -> list[LinePlot]:
        return [other for other in self.query(LinePlot) if other.x_label == plot.x_label]

    def action_next_x(self) -> None:
        """Count something else on the x axis."""
        if self.snapshot is not None:
            self.choose(self.options.with_next_x(available(self.snapshot.view)))

    def action_next_smoothing(self) -> None:
        """Average more, less, or not at all."""
        self.choose(self.options.with_next_smoothing())
