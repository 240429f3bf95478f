"""What the commands print: tables on a terminal or in a pipe, JSON where it is asked for."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.by_length import by_length
from experiments.catalog import find_model, find_task
from experiments.history import Entry
from experiments.leaderboard import leaderboard
from experiments.read_model import ExperimentView
from experiments.report import summary
from tui import wording
from tui.experiment_tables import (
    comparison_table,
    cost_table,
    leaderboard_table,
    length_table,
    solving_table,
)
from tui.formatting import number
from tui.protocol_tables import dependence_table, protocol_lines, tuning_table

# A pipe has no width of its own; tables there are made to be read whole.
PIPE_WIDTH = 120


def console() -> Console:
    """Standard output, as wide as it is."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def print_json(view: ExperimentView) -> None:
    """The experiment as one JSON document."""
    print(json.dumps(summary(view), allow_nan=False))


def print_experiment(view: ExperimentView) -> None:
    """The experiment's standings, its failures and what can be said of the differences."""
    out = console()
    board = leaderboard(view)
    out.print(leaderboard_table(out, view, board))
    out.print(cost_table(out, board))
    solving = solving_table(out, board)
    if solving is not None:
        out.print(solving)
    if board.comparisons:
        out.print(comparison_table(out, view, board))
    lengths = by_length(view)
    if lengths is not None:
        out.print(length_table(out, lengths))
    for table in (tuning_table(out, view), dependence_table(out, view)):
        if table is not None:
            out.print(table)
    for line in protocol_lines(view):
        out.print(line, markup=False)
    out.print(wording.verdict(view, board), markup=False)
    for alert in wording.alerts(view):
        out.print(f"{alert.status or 'warning'}: {alert.sentence}", markup=False)


def experiment_row(entry: Entry) -> dict[str, Any]:
    """An experiment in a line; one that cannot be read says why in place of what it holds."""
    found = entry.digest
    if found is None:
        keys = ("experiment", "status", "task", "models", "completed", "started", "best", "value")
        row = dict.fromkeys(keys, "")
        return {**row, "experiment": entry.name, "status": "unreadable", "models": entry.problem}
    return {
        "experiment": entry.name,
        "status": found.status.value,
        "task": found.task,
        "models": ", ".join(found.models),
        "completed": f"{found.completed}/{found.trials}",
        "started": time.strftime("%Y-%m-%d %H:%M", time.localtime(found.started))
        if found.started is not None
        else "",
        "best": found.best or "",
        "value": "" if found.value is None else number(found.value),
    }


def catalog_row(kind: str, name: str) -> dict[str, Any]:
    """A task or model in a line: name, what it is, settings with their defaults."""
    entry: Any = find_task(name) if kind == "tasks" else find_model(name)
    settings = ", ".join(f"{field.name}={field.default}" for field in fields(entry))
    return {
        kind[:-1]: name,
        "what it is": (entry.__doc__ or "").strip().partition("\n")[0],
        "settings": settings,
    }


def print_rows(rows: Sequence[dict[str, Any]], otherwise: str) -> None:
    """Rows of the same keys as a table, or the sentence that stands for no rows."""
    if not rows:
        print(otherwise)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, heading in enumerate(rows[0]):
        table.add_column(heading, no_wrap=i == 0)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console().print(table)
