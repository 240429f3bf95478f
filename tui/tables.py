"""What the commands print: tables on a terminal or in a pipe, JSON where it is asked for."""

from __future__ import annotations

import itertools
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
from experiments.leaderboard import Leaderboard, Standing, leaderboard
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.report import summary
from experiments.status import Status
from experiments.store import ExperimentFolder
from tui import forest, wording
from tui.formatting import (
    bounds,
    count,
    duration,
    mean_and_bounds,
    milliseconds,
    number,
    quantity,
)

# A pipe has no width of its own; tables there are made to be read whole.
PIPE_WIDTH = 120
FOREST_WIDTH = 21


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
    out.print(cost_table(board))
    if board.comparisons:
        out.print(comparison_table(view, board))
    lengths = by_length(view)
    if lengths is not None:
        out.print(length_table(lengths))
    out.print(wording.verdict(view, board), markup=False)
    for status, alert in wording.alerts(view):
        out.print(f"{status or 'warning'}: {alert}", markup=False)


def leaderboard_table(view: ExperimentView, board: Leaderboard) -> Table:
    """Models and null baselines in one order, with a dot for every seed."""
    split, _, metric = board.key.partition("_")
    span = forest.span(board.rows)
    table = _table(
        f"{view.name}: {view.status}, {duration(view.elapsed_seconds)}",
        f"{split} {metric} over seeds: mean with its 95 % Student t interval, interquartile mean "
        "with its 95 % bootstrap interval from 5 seeds on, each seed as a dot",
    )
    table.add_column("", justify="right")
    table.add_column("model", no_wrap=True)
    table.add_column(f"{split} {metric}", justify="right")
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("interquartile", justify="right")
    table.add_column("seeds", justify="right", no_wrap=True)
    table.add_column(forest.scale(span, FOREST_WIDTH), no_wrap=True)
    table.add_column("")
    ranks = itertools.count(1)
    for row in board.rows:
        rank, seeds = "", str(row.interval.n)
        if isinstance(row, Standing):
            rank = str(next(ranks)) if row.is_complete else "!"
            seeds += f"/{row.trials}"
        table.add_row(
            rank,
            row.name,
            number(row.interval.mean),
            bounds(row.interval),
            mean_and_bounds(row.interquartile),
            seeds,
            forest.drawing(row.interval, forest.dots(row), span, FOREST_WIDTH),
            "; ".join(wording.remarks(row, board)),
            style=None if rank else "dim",
        )
    return table


def cost_table(board: Leaderboard) -> Table:
    """What each model takes: size, work, time, memory, and steps until the task is solved."""
    timed = any(standing.time_to_solve for standing in board.standings)
    table = _table(
        "what it takes",
        "state: numbers kept from step to step; FLOPs: of a training step, all sequences of the "
        "batch" + (f"; {wording.TIME_TO_SOLVE}" if timed else ""),
    )
    table.add_column("model", no_wrap=True)
    headings = ["parameters", "state", "FLOPs", "time/step", "peak memory"]
    for heading in [*headings, "solved", "steps to solve"] if timed else headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for standing in board.standings:
        cells = [
            count(standing.num_parameters),
            count(standing.state_size),
            quantity(standing.flops),
            milliseconds(standing.step_seconds),
            wording.memory(standing.peak_memory_bytes),
        ]
        time = standing.time_to_solve
        if time is not None:
            cells += [
                f"{wording.solved(time)} {bounds(time.solved) if time.solved.n > 1 else ''}",
                wording.steps_to_solve(time, with_bounds=True),
            ]
        table.add_row(standing.model, *cells)
    return table


def comparison_table(view: ExperimentView, board: Leaderboard) -> Table:
    """Every pair: by how much the first is better, how sure that is, what could be told."""
    within = f"; equivalent: within {number(board.margin)}" if board.margin else ""
    table = _table(
        "differences, paired over seeds",
        "advantage of the first; p by Holm over all pairs; detectable: found in 4 of 5 cases"
        + within,
    )
    table.add_column("pair", no_wrap=True)
    headings = ["advantage", "95 % interval", "seeds", "p", "p Holm", "detectable"]
    for heading in [*headings, "p equivalent"] if board.margin else headings:
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for comparison in board.comparisons:
        interval = wording.advantage(comparison, view)
        cells = [
            number(interval.mean),
            bounds(interval),
            str(interval.n),
            number(comparison.p),
            number(comparison.p_holm),
            number(comparison.detectable),
        ]
        if board.margin:
            cells.append(number(comparison.p_equivalent))
        pair = f"{comparison.a} - {comparison.b}"
        table.add_row(pair, *cells, wording.outcome(comparison, board.margin))
    return table


def _table(title: str, caption: str) -> Table:
    return Table(title=title, caption=caption, title_justify="left", caption_justify="left")


def length_table(lengths: ByLength) -> Table:
    """Models in the order they were asked for, a column for each bin of lengths."""
    table = _table(
        f"test {lengths.metric} by length",
        "mean over seeds; * longer than any sequence in training",
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
