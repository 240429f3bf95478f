"""The tables of an experiment: standings, what models take, differences, accuracy by length."""

from __future__ import annotations

import itertools

from rich.console import Console, Group

from experiments.by_length import ByLength
from experiments.leaderboard import Leaderboard, Row, Standing
from experiments.read_model import ExperimentView
from tui import forest, wording
from tui.fitted_table import Column, fitted_table
from tui.formatting import (
    bounds,
    count,
    duration,
    mean_and_bounds,
    milliseconds,
    number,
    probability,
    quantity,
)

FOREST_WIDTH = 21


def leaderboard_table(out: Console, view: ExperimentView, board: Leaderboard) -> Group:
    """Models and null baselines in one order, with a dot for every seed."""
    rows = board.rows
    span = forest.span(rows)
    drawn = [
        forest.drawing(row.interval, forest.dots(row), span, FOREST_WIDTH).ljust(FOREST_WIDTH)
        for row in rows
    ]
    return fitted_table(
        out,
        f"{view.name}: {view.status}, {duration(view.elapsed_seconds)}",
        f"{wording.words(board.key)} over seeds: mean with its 95 % Student t interval, "
        "interquartile mean with its 95 % interval from 5 seeds on, a dot for each seed",
        [
            Column("", _ranks(board)),
            Column("model", [row.name for row in rows], "left"),
            Column("mean", [number(row.interval.mean) for row in rows]),
            Column("95 % interval", [bounds(row.interval) for row in rows]),
            Column(
                "interquartile", [mean_and_bounds(row.interquartile) for row in rows], gives_way=2
            ),
            Column("seeds", [_seeds(row) for row in rows]),
            Column(forest.scale(span, FOREST_WIDTH), drawn, "left", gives_way=1),
            Column("", ["; ".join(wording.remarks(row, board)) for row in rows], "left", 0, True),
        ],
        muted=[not isinstance(row, Standing) for row in rows],
    )


def cost_table(out: Console, board: Leaderboard) -> Group:
    """What each model takes: size, work, time, memory."""
    rows = board.standings
    return fitted_table(
        out,
        "what it takes",
        "state: numbers kept from step to step; FLOPs and time: of a training step with its batch",
        [
            Column("model", [row.model for row in rows], "left"),
            Column("parameters", [count(row.num_parameters) for row in rows]),
            Column("state", [count(row.state_size) for row in rows], gives_way=1),
            Column("FLOPs", [quantity(row.flops) for row in rows], gives_way=2),
            Column("time", [milliseconds(row.step_seconds) for row in rows]),
            Column("memory", [wording.memory(row.peak_memory_bytes) for row in rows], gives_way=3),
        ],
    )


def solving_table(out: Console, board: Leaderboard) -> Group | None:
    """How many seeds solved the task, and when; `None` where no threshold is agreed."""
    times = {row.model: row.time_to_solve for row in board.standings if row.time_to_solve}
    if not times:
        return None
    return fitted_table(
        out,
        "time to solve",
        "share of the seeds with its 95 % Wilson interval; mean over seeds of the steps it took, "
        "the whole budget where it was not solved, with its 95 % interval",
        [
            Column("model", list(times), "left"),
            Column("solved", [wording.solved(time) for time in times.values()]),
            Column("95 % interval", [wording.share(time.solved) for time in times.values()]),
            Column(
                "steps",
                [wording.steps_to_solve(time, with_bounds=True) for time in times.values()],
            ),
        ],
    )


def comparison_table(out: Console, view: ExperimentView, board: Leaderboard) -> Group:
    """Every pair: by how much the first is better, how sure that is, what could be told."""
    pairs, margin = board.comparisons, board.margin
    advantages = [wording.advantage(pair, view) for pair in pairs]
    columns = [
        Column("pair", [f"{pair.a} - {pair.b}" for pair in pairs], "left", wraps=True),
        Column("advantage", [number(advantage.mean) for advantage in advantages]),
        Column("95 % interval", [bounds(advantage) for advantage in advantages], gives_way=1),
        Column("seeds", [str(pair.interval.n) for pair in pairs], gives_way=3),
        Column("p", [probability(pair.p) for pair in pairs], gives_way=4),
        Column("p Holm", [probability(pair.p_holm) for pair in pairs]),
        Column("detectable", [number(pair.detectable) for pair in pairs]),
        Column("p equivalent", [probability(pair.p_equivalent) for pair in pairs], gives_way=2),
        Column("verdict", [wording.outcome(pair, margin) for pair in pairs], "left", wraps=True),
    ]
    within = f"; equivalent: within {number(margin)}, by two one-sided tests" if margin else ""
    return fitted_table(
        out,
        "differences, paired over seeds",
        "advantage of the first; p by Holm over all pairs; detectable: found in 4 of 5 cases"
        + within,
        [column for column in columns if margin or column.heading != "p equivalent"],
    )


def length_table(out: Console, lengths: ByLength) -> Group:
    """Models in the order they were asked for, a column for each bin of lengths."""
    columns = [Column("model", list(lengths.intervals), "left")]
    for i, part in enumerate(lengths.bins):
        heading = f"{part.low}" if part.low == part.high else f"{part.low}-{part.high}"
        heading += "*" if part.is_extrapolation else ""
        cells = [number(intervals[i].mean) for intervals in lengths.intervals.values()]
        columns.append(Column(heading, cells))
    return fitted_table(
        out,
        f"test {lengths.metric} by length",
        "mean over seeds; * longer than any sequence in training",
        columns,
    )


def _ranks(board: Leaderboard) -> list[str]:
    """Of the models; `!` where a seed failed, nothing for a null baseline."""
    ranks = itertools.count(1)
    return [
        (str(next(ranks)) if row.is_complete else "!") if isinstance(row, Standing) else ""
        for row in board.rows
    ]


def _seeds(row: Row) -> str:
    return f"{row.interval.n}" + (f"/{row.trials}" if isinstance(row, Standing) else "")
