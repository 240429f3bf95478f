from __future__ import annotations

import math

import pytest
from staged import staged

from experiments.leaderboard import leaderboard
from experiments.reader import ExperimentReader
from experiments.stats import Interval
from tui import forest

NOBODY = Interval(0, math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("interval", "values", "drawing"),
    [
        (Interval(3, 0.5, 0.0, 1.0), [], "├────┼────┤"),
        (Interval(3, 0.5, 0.2, 0.8), [0.0, 0.4, 0.9], "● ├─●┼──┤● "),
        (Interval(1, 1.0, math.nan, math.nan), [1.0], "          ●"),
        (Interval(3, 0.5, -9.0, 0.6), [0.5, math.nan], "├────●┤    "),
        (NOBODY, [], ""),
        (Interval(3, 7.0, 6.0, 8.0), [7.0], ""),
    ],
)
def test_intervals_and_seeds_are_drawn_to_scale(
    interval: Interval, values: list[float], drawing: str
) -> None:
    assert forest.drawing(interval, values, (0.0, 1.0), 11) == drawing


def test_all_equal_values_stand_in_the_middle() -> None:
    assert forest.drawing(Interval(2, 1.0, 1.0, 1.0), [1.0, 1.0], (1.0, 1.0), 5) == "  ●  "


def test_the_line_holds_all_of_the_models_and_no_far_baseline(frozen: None) -> None:
    stage = staged()
    stage.finish()
    board = leaderboard(ExperimentReader(stage.folder).read())
    low, high = forest.span(board.rows)
    for standing in board.standings:
        assert low <= standing.interval.low <= standing.interval.high <= high
        assert all(low <= value <= high for value in forest.dots(standing))
    constant = next(row for row in board.rows if row.name == "constant")
    assert forest.dots(constant) == (0.1667,) * 3
    assert constant.interval.mean > high


def test_nothing_is_known_at_first() -> None:
    assert forest.span(()) == (0.0, 1.0)


def test_the_scale_says_what_the_ends_stand_for() -> None:
    assert forest.scale((0.0, 1.0), 16) == "0.000       1.00"
