"""How an experiment stands: `keras-seq show`."""

from __future__ import annotations

from experiments.reader import ExperimentReader
from experiments.store import find_experiment
from tui import tables
from tui.options import ROOT, Json, Name, Root


def show(name: Name, as_json: Json = False, root: Root = ROOT) -> int:
    """Print the standings of an experiment."""
    view = ExperimentReader(find_experiment(root, name)).read()
    if as_json:
        tables.print_json(view)
    else:
        tables.print_experiment(view)
    return 0
