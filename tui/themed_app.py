"""Gives an app our theme, and keeps the one that a person chooses instead."""

from __future__ import annotations

from pathlib import Path

from textual import constants
from textual.theme import Theme

from experiments.errors import KerasSeqError
from tui.kept_theme import keep_theme, read_theme
from tui.read_only import GuardedApp

THEME = Theme(
    name="keras-seq",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#56b4e9",
    success="#00b284",
    warning="#e69f00",
    error="#f06228",
    foreground="#d8dee6",
    background="#0e1116",
    surface="#151a21",
    panel="#1c232d",
    dark=True,
    variables={"border": "#56b4e9", "border-blurred": "#39434f"},
)
DEFAULT_THEME = "textual-dark"
"""Textual's own."""


class ThemedApp(GuardedApp):
    """An app whose theme lasts from one session to the next."""

    _theme_file: Path | None = None
    _theme_before = ""

    def begin_theme(self, file: Path | None) -> None:
        """Set the theme that `file` keeps, else ours; another one is kept there from now on.

        A `read_only` session only looks it up. With $TEXTUAL_THEME a person has chosen already.
        """
        self.register_theme(THEME)
        if constants.DEFAULT_THEME == DEFAULT_THEME:
            kept = read_theme(file) if file else None
            self.theme = kept if kept in self.available_themes else THEME.name
        self._theme_before = self.theme
        self._theme_file = file

    def watch_theme(self, theme: str) -> None:
        """Keep it for the next session once a person has chosen another."""
        if self._theme_file is None or self.read_only or theme == self._theme_before:
            return
        self._theme_before = theme
        try:
            keep_theme(self._theme_file, theme)
        except (KerasSeqError, OSError) as error:
            self.notify(f"The theme is not kept: {error}", severity="warning", markup=False)
