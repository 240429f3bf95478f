"""The columns of the leaderboard: what stands in them, what sorts by them, which give way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.comparison import Comparison
from experiments.leaderboard import Leaderboard, Row, Standing
from experiments.read_model import ExperimentView
from tui import wording
from tui.formatting import (
    bounds,
    count,
    mean_and_bounds,
    milliseconds,
    number,
    probability,
    quantity,
    signed,
)

GAP = 2


@dataclass(frozen=True)
class StandingColumn:
    """What stands in a column, and when it makes room for others."""

    heading: str
    cell: Callable[[Row], str]
    """Empty where it says nothing of a row."""
    value: Callable[[Row], Any]
    """What it sorts by; rows without any stand last."""
    left: bool = False
    gives_way: int = 0
    """The higher, the sooner; 0 never, 1 and 2 after the drawing, the others before it."""


def _of_models(tell: Callable[[Standing], str]) -> Callable[[Row], str]:
    return lambda row: tell(row) if isinstance(row, Standing) else ""


def _value(tell: Callable[[Standing], float | None]) -> Callable[[Row], float | None]:
    return lambda row: tell(row) if isinstance(row, Standing) else None


def seeds(row: Row) -> str:
    """How many of its seeds have a value: `2/3`, and `3` of a null baseline."""
    return f"{row.interval.n}/{row.trials}" if isinstance(row, Standing) else str(row.interval.n)


# The rank and the name stand before these.
COLUMNS = (
    StandingColumn("mean", lambda row: number(row.interval.mean), lambda row: row.interval.mean),
    StandingColumn(
        "95% interval",
        lambda row: bounds(row.interval),
        lambda row: row.interval.half_width,
        left=True,
    ),
    StandingColumn(
        "interquartile",
        lambda row: mean_and_bounds(row.interquartile),
        lambda row: row.interquartile.mean,
        left=True,
        gives_way=4,
    ),
    StandingColumn("seeds", seeds, lambda row: row.interval.n),
    StandingColumn(
        "parameters",
        _of_models(lambda row: count(row.num_parameters)),
        _value(lambda row: row.num_parameters),
        gives_way=1,
    ),
    StandingColumn(
        "state",
        _of_models(lambda row: quantity(row.state_size)),
        _value(lambda row: row.state_size),
        gives_way=6,
    ),
    StandingColumn(
        "FLOPs",
        _of_models(lambda row: quantity(row.flops)),
        _value(lambda row: row.flops),
        gives_way=7,
    ),
    StandingColumn(
        "step",
        _of_models(lambda row: milliseconds(row.step_seconds)),
        _value(lambda row: row.step_seconds),
        gives_way=2,
    ),
    StandingColumn(
        "memory",
        _of_models(lambda row: wording.memory(row.peak_memory_bytes)),
        _value(lambda row: row.peak_memory_bytes),
        gives_way=8,
    ),
    StandingColumn(
        "solved",
        _of_models(lambda row: wording.solved(row.time_to_solve)),
        _value(lambda row: row.time_to_solve.solved.mean if row.time_to_solve else None),
        gives_way=3,
    ),
    StandingColumn(
        "steps",
        _of_models(lambda row: wording.steps_to_solve(row.time_to_solve)),
        _value(lambda row: row.time_to_solve.steps.mean if row.time_to_solve else None),
        gives_way=5,
    ),
)


def columns_against(
    baseline: str, view: ExperimentView, board: Leaderboard
) -> tuple[StandingColumn, ...]:
    """`COLUMNS` with the paired difference of each model to the one called `baseline`.

    The difference is an advantage: above 0 where the model is better.
    """

    def pair(row: Row) -> Comparison | None:
        return board.comparison(row.name, baseline) if isinstance(row, Standing) else None

    def difference(row: Row) -> float | None:
        return wording.advantage(found, view).mean if (found := pair(row)) else None

    def said(row: Row) -> str:
        if not isinstance(row, Standing):
            return "null baseline" if board.key.startswith("test_") else "null, on test"
        if row.model == baseline:
            return "baseline"
        return wording.against(found) if (found := pair(row)) else ""

    told = (
        StandingColumn(
            f"over {baseline}",
            lambda row: signed(wording.advantage(found, view)) if (found := pair(row)) else "",
            difference,
        ),
        StandingColumn(
            "p Holm",
            lambda row: probability(found.p_holm) if (found := pair(row)) else "",
            lambda row: found.p_holm if (found := pair(row)) else None,
            gives_way=2,
        ),
        StandingColumn("verdict", said, lambda row: said(row) or None, left=True),
    )
    place = [column.heading for column in COLUMNS].index("seeds")
    seeds = replace(COLUMNS[place], gives_way=1)
    return (*COLUMNS[:place], seeds, *told, *COLUMNS[place + 1 :])


def sorted_rows(
    rows: Sequence[Row], column: StandingColumn, is_reversed: bool = False
) -> list[Row]:
    """The rows by a column, the least first; those of which it says nothing last, either way."""

    def is_known(row: Row) -> bool:
        value = column.value(row)
        return value is not None and value == value

    known = [row for row in rows if is_known(row)]
    rest = [row for row in rows if not is_known(row)]
    return sorted(known, key=column.value, reverse=is_reversed) + rest
