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

from experiments.by_length import ByLength, by_length
from experiments.catalog import find_model, find_task
from experiments.errors import KerasSeqError
from experiments.leaderboard import Leaderboard, leaderboard
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.report import summary
from experiments.status import Status
from experiments.store import ExperimentFolder
from tui import wording
from tui.formatting import bounds, count, duration, milliseconds, number

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
    out.print(leaderboard_table(view, board))
    lengths = by_length(view)
    if lengths is not None:
        out.print(length_table(lengths))
    out.print(wording.verdict(view, board), markup=False)
    for status, alert in wording.alerts(view):
        out.print(f"{status or 'warning'}: {alert}", markup=False)


def leaderboard_table(view: ExperimentView, board: Leaderboard) -> Table:
    """Models in order, then the null baselines."""
    split, _, metric = board.key.partition("_")
    elapsed = duration(view.elapsed_seconds)
    table = Table(
        title=f"{view.name}: {view.status}, {elapsed}",
        caption=f"{split} {metric}, mean over seeds, 95 % Student t interval",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("", justify="right")
    table.add_column("model", no_wrap=True)
    table.add_column(f"{split} {metric}", justify="right")
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for heading in ("seeds", "parameters", "step"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for rank, standing in enumerate(board.standings, 1):
        table.add_row(
            str(rank) if standing.is_complete else "!",
            standing.model,
            number(standing.interval.mean),
            bounds(standing.interval),
            f"{standing.interval.n}/{standing.trials}",
            count(standing.num_parameters),
            milliseconds(standing.step_seconds),
            "; ".join(wording.remarks(standing)),
        )
    if view.baselines:
        table.add_section()
    for baseline in view.baselines:
        interval = baseline.interval(f"test_{metric}")
        table.add_row(
            "", baseline.name, number(interval.mean), "", str(interval.n), "", "", "null baseline"
        )
    return table


def length_table(lengths: ByLength) -> Table:
    """Models in the order they were asked for, a column for each bin of lengths."""
    table = Table(
        title=f"test {lengths.metric} by length",
        caption="mean over seeds; * longer than any sequence in training",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("model", no_wrap=True)
    for part in lengths.bins:
        mark = "*" if part.is_extrapolation else ""
        table.add_column(f"{part.low}-{part.high}{mark}", justify="right", no_wrap=True)
    for model, intervals in lengths.intervals.items():
        table.add_row(model, *(number(interval.mean) for interval in intervals))
    return table


def experiment_row(folder: ExperimentFolder) -> dict[str, Any]:
    """An experiment in a line; one that cannot be read says why in place of what it holds."""
    try:
        view = ExperimentReader(folder).read()
    except KerasSeqError as error:
        row = dict.fromkeys(("experiment", "status", "task", "models", "completed", "started"), "")
        return {**row, "experiment": folder.name, "status": "unreadable", "models": str(error)}
    done = sum(trial.status is Status.COMPLETED for trial in view.trials)
    return {
        "experiment": view.name,
        "status": view.status.value,
        "task": view.config.task.name,
        "models": ", ".join(model.label for model in view.config.models),
        "completed": f"{done}/{len(view.trials)}",
        "started": time.strftime("%Y-%m-%d %H:%M", time.localtime(view.started))
        if view.started == view.started
        else "",
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
