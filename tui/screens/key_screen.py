"""A screen of whose keys some work at times only."""

from __future__ import annotations

from typing import ClassVar

from textual.screen import Screen


class KeyScreen(Screen[None]):
    """Base of the screens that show their keys again when other ones work."""

    SHOWS_ONE: ClassVar[bool] = False
    """Whether it shows an experiment, and not the list of all."""
    CHANGING: ClassVar[tuple[tuple[str, tuple[object, ...]], ...]]
    """Actions, with parameters, that what is on the screen makes possible or impossible."""

    def __init__(self) -> None:
        super().__init__()
        # Known from the start, so that not all is styled and laid out twice.
        for breakpoints, length in (
            (self.HORIZONTAL_BREAKPOINTS, self.app.size.width),
            (self.VERTICAL_BREAKPOINTS, self.app.size.height),
        ):
            for _, name in [(least, n) for least, n in breakpoints or () if least <= length][-1:]:
                self.add_class(name)
        self._possible: list[bool | None] = []

    def refresh_keys(self) -> None:
        """Show the keys again if other ones work now; that takes 10 ms, too much every time."""
        possible = [self.check_action(action, parameters) for action, parameters in self.CHANGING]
        if possible != self._possible:
            self._possible = possible
            self.refresh_bindings()
