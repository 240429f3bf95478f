"""What a terminal shows that is too small for anything else."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

LEAST = Size(60, 15)
"""On smaller ones plots and tables have no room left."""


def is_too_small(size: Size) -> bool:
    """Whether there is less room than every screen needs."""
    return size.width < LEAST.width or size.height < LEAST.height


def cover(app: App[Any], size: Size) -> None:
    """Lay the notice over everything where the terminal is too small; what is beneath stays."""
    if is_too_small(size) and not isinstance(app.screen, TooSmall):
        app.push_screen(TooSmall())


class TooSmall(ModalScreen[None]):
    """How much room is needed, until there is as much."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit", id="small.quit", tooltip="Leave; training goes on"),
    ]

    def compose(self) -> ComposeResult:
        """One sentence."""
        yield Static()

    def on_resize(self) -> None:
        """Go away once there is room."""
        size = self.app.size
        if not is_too_small(size):
            if self.app.screen is self:  # there may be several events
                self.dismiss()
            return
        self.query_one(Static).update(
            f"keras-seq needs {LEAST.width} columns and {LEAST.height} lines; "
            f"here are {size.width} and {size.height}. Make it larger, or press q."
        )

    def on_screen_resume(self) -> None:
        """What lay on top may have outlasted the small size."""
        self.on_resize()

    async def action_quit(self) -> None:
        """Leave."""
        await self.app.action_quit()
