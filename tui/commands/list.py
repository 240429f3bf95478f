"""What there is: `keras-seq list`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from experiments.catalog import model_names, task_names
from experiments.digest import setting_names
from experiments.errors import RequestError, UnknownNameError
from experiments.history import read_all
from experiments.query import parse
from tui import tables
from tui.options import ROOT, Json, Root


def list_things(
    what: Annotated[str, typer.Argument(help="tasks, models or experiments.")] = "experiments",
    only: Annotated[
        str,
        typer.Option(
            "--filter", help="Some of the experiments: 'model:gru status:failed length>100'."
        ),
    ] = "",
    as_json: Json = False,
    root: Root = ROOT,
) -> int:
    """List experiments, tasks or models."""
    kinds = ("experiments", "tasks", "models")
    if what not in kinds:
        raise UnknownNameError("list", what, kinds)
    if what == "experiments":
        entries = read_all(root)
        query = parse(only, setting_names(entry.digest for entry in entries if entry.digest))
        rows: list[dict[str, Any]] = [
            tables.experiment_row(entry) for entry in entries if query.matches(entry.values)
        ]
        hint = f"No experiment in {root}. Start one: keras-seq run digits"
        if entries:
            hint = f"None of the {len(entries)} experiments in {root} matches {only}."
    elif only:
        raise RequestError(f"--filter: only experiments are filtered. Received: list {what}.")
    else:
        names = task_names() if what == "tasks" else model_names()
        rows = [tables.catalog_row(what, entry) for entry in names]
        hint = ""
    if as_json:
        print(json.dumps(rows))
    else:
        tables.print_rows(rows, hint)
    return 0
