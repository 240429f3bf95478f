"""An experiment taken away: `keras-seq delete`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from experiments.deletion import delete as delete_experiment
from experiments.errors import RequestError
from experiments.store import find_experiment
from tui.options import ROOT, Name, Root


def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    root: Root = ROOT,
) -> int:
    """Delete an experiment with all its files, unless it runs."""
    folder = find_experiment(root, name)
    if not yes:
        if not sys.stdin.isatty():
            raise RequestError(f"Deleting asks first. To delete {name} unasked, add --yes.")
        if not typer.confirm(f"Delete {folder.path} with everything in it?"):
            print("Nothing was deleted.")
            return 0
    delete_experiment(folder)
    print(f"Deleted {name}.")
    return 0
