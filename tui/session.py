"""A person's session: the dashboard with their keys and the theme they chose last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tui.app import KerasSeqApp
from tui.graphics import Graphics
from tui.kept_theme import theme_path


def session(
    root: Path,
    experiment: str | None,
    keymap: Mapping[str, str],
    graphics: Graphics | None = None,
    *,
    read_only: bool = False,
) -> KerasSeqApp:
    """What is run in a terminal, and behind a tab of a browser."""
    return KerasSeqApp(
        root,
        experiment,
        read_only=read_only,
        keymap=keymap,
        theme_file=theme_path(),
        graphics=graphics,
    )
