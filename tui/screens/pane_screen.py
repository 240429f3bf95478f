"""A screen of panes: side by side where there is room, else one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widget import Widget

from tui.messages import OptionsChosen
from tui.playback import Playback
from tui.plot_options import PlotOptions
from tui.pulse import Pulse
from tui.screens.key_screen import KeyScreen
from tui.snapshot import Snapshot
from tui.widgets.heat_map import HeatMap
from tui.widgets.line_plot import LinePlot


class PaneScreen(KeyScreen):
    """Base of the screens that show an experiment.

    A pane is a container of the class `pane`. Number keys show a pane on a narrow screen and
    focus it on a wide one.
    """

    SHOWS_ONE = True
    AUTO_FOCUS = ""
    """Not the first widget, which may be hidden: `focus_shown` says what."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-normal"), (140, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    FIRST: ClassVar[str]
    """The pane in front to begin with."""
    PANES: ClassVar[Mapping[str, str]]
    """Titles by the id of the pane."""
    FOCUS: ClassVar[Mapping[str, str]]
    """The selector of what takes the keys in each pane."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                str(number),
                f"show_nth_pane({number})",
                f"Pane {number}",
                show=False,
                id=f"pane.{number}",
                tooltip=f"Go to pane {number}",
            )
            for number in (1, 2, 3)
        ),
        Binding(
            "v", "next_mode", "Characters", show=False, id="plot.characters",
            tooltip="Draw with braille (maps with pixels), half blocks or ASCII",
        ),
    ]  # fmt: skip

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)
    """The experiment, bound to the app's."""
    pulse: reactive[Pulse | None] = reactive(None, repaint=False)
    """The time, bound to the app's."""
    options: reactive[PlotOptions] = reactive(PlotOptions(), repaint=False)
    """How to draw, bound to the app's."""
    playback: reactive[Playback | None] = reactive(None, repaint=False)
    """Where a replay is, bound to the app's."""
    pane: reactive[str] = reactive("", init=False)
    """The pane in front on a narrow screen."""

    def __init__(self) -> None:
        super().__init__()
        self.set_reactive(PaneScreen.pane, self.FIRST)
        self.add_class(f"-show-{self.FIRST}")

    @property
    def is_current(self) -> bool:
        """Whether it can be seen."""
        # Textual takes the screen beneath the one on top for seen, however opaque that is, and
        # draws all of the one on top again for whatever changes beneath.
        on_top = self.app.screen
        return super().is_current and (on_top is self or on_top.styles.background.a < 1)

    def watch_snapshot(self) -> None:
        """Show what changed, unless another screen lies on top."""
        # `is_current` holds for the screen beneath a question as well.
        if self.is_mounted and self.is_current and self.app.screen is self:
            self.show_snapshot()

    def watch_options(self, before: PlotOptions, after: PlotOptions) -> None:
        """Draw that way."""
        if not self.is_mounted:
            return
        for plot in self.query(LinePlot):
            plot.mode = after.mode
        for heat_map in self.query(HeatMap):
            heat_map.mode, heat_map.graphics = after.mode, after.graphics
        if self.is_current:
            self.show_snapshot()

    def choose(self, options: PlotOptions) -> None:
        """Draw that way, and tell so that other screens do."""
        # At once, because the next key may come before the message does.
        self.options = options
        self.post_message(OptionsChosen(options))

    def action_next_mode(self) -> None:
        """Draw with other characters."""
        plot = self.query(LinePlot).first()
        self.choose(self.options.with_next_mode(plot.chart.mode))

    def on_screen_resume(self) -> None:
        """Show what changed while another screen lay on top."""
        self.show_snapshot()
        self.call_after_refresh(self.focus_shown)

    def on_resize(self) -> None:
        """Where there is room for one pane only, it is the one with the keys."""
        around = self.focused.ancestors_with_self if self.focused else ()
        pane = next((node.id for node in around if node.id in self.PANES), None)
        if pane is not None and self.has_class("-narrow"):
            self.pane = pane

    def watch_focused(self, focused: Widget | None) -> None:
        """Whatever had the keys is hidden now."""
        if focused is None and self.is_mounted:
            self.call_after_refresh(self.focus_shown)

    def focus_shown(self) -> None:
        """Give the keys, where nothing has them, to a pane that is on the screen."""
        # While another window has them, they are kept for what had them before.
        if self.focused is None and self.is_current and self.app.app_focus:
            for pane in sorted(self.PANES, key=lambda pane: pane != self.pane):
                widget = self.query_one(self.FOCUS[pane])
                if all(node.display for node in widget.ancestors_with_self):
                    self.set_focus(widget)
                    return

    def show_snapshot(self) -> None:
        """Hand the snapshot to the widgets."""
        raise NotImplementedError

    def watch_pane(self, before: str, after: str) -> None:
        """The style sheet shows the pane that the screen is named after."""
        self.remove_class(f"-show-{before}")
        self.add_class(f"-show-{after}")

    def action_show_nth_pane(self, number: int) -> None:
        """Go to a pane by its number."""
        self.action_show_pane(list(self.PANES)[number - 1])

    def action_show_pane(self, pane: str) -> None:
        """Go to a pane."""
        self.pane = pane
        # Its widgets can take the focus only once they are displayed.
        self.call_after_refresh(lambda: self.query_one(self.FOCUS[pane]).focus())
