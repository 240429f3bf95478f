"""Makes an app write pixels over the text of its widgets, where the terminal can paint them."""

from __future__ import annotations

from dataclasses import replace

from textual.app import App
from textual.reactive import reactive

from tui.graphics import Graphics
from tui.plot_options import PlotOptions
from tui.terminal import cell_size
from tui.widgets.painted import Painted


class PaintingApp(App[str | None]):
    """An app with options for plots, which say how the terminal paints pixels, if it does."""

    options: reactive[PlotOptions] = reactive(PlotOptions(), repaint=False)
    """How a person wants to see plots."""

    def on_resize(self) -> None:
        """Cells may be of another size, too."""
        graphics, cell = self.options.graphics, cell_size()
        if graphics is not None and cell is not None:
            self.options = replace(self.options, graphics=Graphics(graphics.protocol, *cell))

    def post_display_hook(self) -> None:
        """After a frame of text come the pixels that lie over it."""
        if self.options.graphics is None or self._driver is None or not self.screen_stack:
            return
        for widget in self.screen.query(Painted):
            if rest := widget.rest_of_frame():
                self._driver.write(rest)
