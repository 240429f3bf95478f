"""Opening the dashboard from a command.

Textual takes 0.13 s to import, which the other commands do without.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tui.terminal import asked


def keys_of(keymap: Path | None) -> Mapping[str, str]:
    """A person's keys, from the file that they name or from their own."""
    from tui.keymap import own_keymap

    return own_keymap(keymap)


def open_dashboard(
    root: Path, experiment: str | None, keys: Mapping[str, str], *, read_only: bool = False
) -> int:
    """Show it in the terminal; afterwards print how what was last on screen stands.

    Returns the exit code that tells of it.
    """
    # The terminal answers meanwhile.
    with asked(os.environ) as answer:
        from tui.session import session

        found = answer()
    graphics = None if isinstance(found, str) else found
    name = session(root, experiment, keys, graphics, read_only=read_only).run() or experiment
    if name is None:
        return 0
    # Not before the first screen.
    from experiments.reader import ExperimentReader
    from experiments.store import find_experiment
    from tui import tables
    from tui.exit_code import exit_code

    view = ExperimentReader(find_experiment(root, name)).read()
    tables.print_experiment(view)
    return exit_code(view)
