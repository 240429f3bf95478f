from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from rich.text import Text
from staged import Stage, completed, config, staged

from experiments.leaderboard import Comparison, Leaderboard, leaderboard
from experiments.read_model import ExperimentView, new_view
from experiments.reader import ExperimentReader
from experiments.stats import Interval
from tui import wording
from tui.widgets.leaderboard_table import interval_drawing
from tui.widgets.model_curves import trailing_mean

pytestmark = pytest.mark.usefixtures("frozen")


def read(stage: Stage) -> ExperimentView:
    return ExperimentReader(stage.folder).read()


def said(view: ExperimentView) -> str:
    return wording.verdict(view, leaderboard(view))


def test_verdict_before_anything_is_measured() -> None:
    assert said(new_view(config())) == "no measurement yet"


def test_verdict_with_one_model() -> None:
    stage = staged(models=[{"name": "gru"}])
    stage.finish()
    assert said(read(stage)).startswith("gru reaches 0.0")


def test_verdict_with_one_seed() -> None:
    stage = staged(seeds=[0])
    stage.finish()
    assert said(read(stage)) == "not enough seeds to tell gru from lstm (1 seed in common)"


def test_verdict_while_one_model_is_ahead() -> None:
    stage = staged()
    stage.begin()
    stage.write("gru-s0", completed("gru", 0))
    assert said(read(stage)) == "so far: only gru has been measured"


@pytest.mark.parametrize(("p", "words"), [(0.01, "gru beats lstm by"), (0.2, "not enough seeds")])
def test_verdict_says_the_difference_as_an_advantage(p: float, words: str) -> None:
    stage = staged()
    stage.finish()
    view = read(stage)
    board = leaderboard(view)
    assert [standing.model for standing in board.standings[:2]] == ["gru", "lstm"]
    comparison = Comparison("gru", "lstm", Interval(3, -0.03, -0.05, -0.01), p / 3, p)
    board = dataclasses.replace(board, comparisons=(comparison,))
    verdict = wording.verdict(view, board)
    assert verdict.startswith(words)
    # The error is lower, so the advantage is positive.
    assert "0.030 [0.010, 0.050]" in verdict
    assert "paired over 3 seeds, p Holm" in verdict


def test_alerts_are_worst_first() -> None:
    stage = staged()
    stage.half_way()
    found = wording.alerts(read(stage))
    assert found[0][1].startswith("simple_rnn-s0: the loss became nan")
    assert found[-1][1].startswith("gru-s1's journal: line")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "just now"), (90, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_age(seconds: float, words: str) -> None:
    assert wording.age(seconds) == words


@pytest.mark.parametrize(
    ("interval", "drawing"),
    [
        (Interval(3, 0.5, 0.0, 1.0), "├────●────┤"),
        (Interval(1, 1.0, math.nan, math.nan), "          ●"),
        (Interval(3, 0.5, -9.0, 0.6), "├────●┤    "),
        (Interval(0, math.nan, math.nan, math.nan), ""),
        (Interval(3, 7.0, 6.0, 8.0), ""),
    ],
)
def test_intervals_are_drawn_to_scale(interval: Interval, drawing: str) -> None:
    assert interval_drawing(interval, (0.0, 1.0), 11) == drawing


def test_trailing_mean() -> None:
    values = np.array([1.0, 3.0, math.nan, 5.0, math.inf, 7.0])
    mean = trailing_mean(values, 2)
    np.testing.assert_array_equal(mean, [1.0, 2.0, math.nan, 5.0, math.inf, 7.0])
    np.testing.assert_array_equal(trailing_mean(np.empty(0), 3), np.empty(0))


def test_an_empty_board_has_no_verdict() -> None:
    board = Leaderboard("validation_mse", (), ())
    assert wording.verdict(new_view(config()), board) == "no measurement yet"


@pytest.mark.parametrize(
    ("width", "short"),
    [
        (30, "a lower learning rate may help"),
        (29, "a lower learning rate may …"),
        (12, "a lower …"),
        (3, "a …"),
        (1, "…"),
    ],
)
def test_no_word_is_cut(width: int, short: str) -> None:
    assert wording.shortened(Text("a lower learning rate may help"), width).plain == short


def test_a_word_that_does_not_fit_is_cut() -> None:
    assert wording.shortened(Text("bidirectional"), 5).plain == "bidi…"
