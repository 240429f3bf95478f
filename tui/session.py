"""A person's session: the dashboard with their keys and the theme they chose last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experiments.reader import ExperimentReader
from experiments.store import find_experiment
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


def open_dashboard(
    root: Path,
    experiment: str | None,
    keymap: Mapping[str, str],
    graphics: Graphics | None,
    *,
    read_only: bool = False,
) -> int:
    """Show it in the terminal; afterwards print how what was last on screen stands.

    Returns the exit code that tells of it.
    """
    name = session(root, experiment, keymap, graphics, read_only=read_only).run() or experiment
    if name is None:
        return 0
    # Not before the first screen.
    from tui import tables
    from tui.exit_code import exit_code

    view = ExperimentReader(find_experiment(root, name)).read()
    tables.print_experiment(view)
    return exit_code(view)
