"""An experiment that is under way: `keras-seq attach`."""

from __future__ import annotations

import sys

from experiments.store import find_experiment
from tui.opening import keys_of, open_dashboard
from tui.options import ROOT, Keymap, Name, ReadOnly, Root


def attach(
    name: Name,
    headless: bool = False,
    read_only: ReadOnly = False,
    keymap: Keymap = None,
    root: Root = ROOT,
) -> int:
    """Watch an experiment, running or finished."""
    folder = find_experiment(root, name)
    if headless or not sys.stdout.isatty():
        from tui.headless import follow

        return follow(folder, None, as_json=False, read_only=read_only)
    return open_dashboard(root, name, keys_of(keymap), read_only=read_only)
