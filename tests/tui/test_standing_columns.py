from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from staged import staged

from experiments.leaderboard import Leaderboard, Standing, leaderboard
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from tui import wording
from tui.widgets.standing_columns import COLUMNS, StandingColumn, columns_against, sorted_rows

pytestmark = pytest.mark.usefixtures("frozen")

BY_VALUE = StandingColumn("value", str, lambda row: row.value)


@pytest.fixture
def read() -> tuple[ExperimentView, Leaderboard]:
    stage = staged()
    stage.finish()
    view = ExperimentReader(stage.folder).read()
    return view, leaderboard(view)


@given(st.lists(st.none() | st.floats()), st.booleans())
def test_rows_by_a_column(values: list[float | None], is_reversed: bool) -> None:
    rows = [SimpleNamespace(value=value) for value in values]
    found = sorted_rows(rows, BY_VALUE, is_reversed)
    assert sorted(map(id, found)) == sorted(map(id, rows))
    known = [row.value for row in found if row.value is not None and not math.isnan(row.value)]
    assert known == sorted(known, reverse=is_reversed)
    # What says nothing comes last, in the order it had.
    rest = [row for row in rows if row.value is None or math.isnan(row.value)]
    assert found[len(known) :] == rest


def test_every_column_sorts_models_and_null_baselines(
    read: tuple[ExperimentView, Leaderboard],
) -> None:
    view, board = read
    for column in (*COLUMNS, *columns_against("lstm", view, board)):
        assert len(sorted_rows(board.rows, column)) == len(board.rows)
        assert all(isinstance(column.cell(row), str) for row in board.rows)


def test_differences_are_advantages_over_the_baseline(
    read: tuple[ExperimentView, Leaderboard],
) -> None:
    view, board = read
    columns = {column.heading: column for column in columns_against("gru", view, board)}
    difference, verdict = columns["over gru"], columns["verdict"]
    for row in board.rows:
        if not isinstance(row, Standing):
            assert (difference.cell(row), difference.value(row)) == ("", None)
            assert verdict.cell(row) == "null baseline"
        elif row.model == "gru":
            assert (difference.cell(row), verdict.cell(row)) == ("", "baseline")
        else:
            pairs = [row.seeds[seed] - board.standings[0].seeds[seed] for seed in row.seeds]
            # Errors: who has a larger one is behind.
            assert difference.value(row) == pytest.approx(-sum(pairs) / len(pairs))
            assert difference.cell(row).startswith("-")
            pair = board.comparison(row.model, "gru")
            assert pair is not None
            assert verdict.cell(row) == wording.against(pair)


def test_baselines_beside_validation_are_said_to_be_of_the_test() -> None:
    stage = staged()
    stage.half_way()
    view = ExperimentReader(stage.folder).read()
    board = leaderboard(view)
    (verdict,) = (c for c in columns_against("gru", view, board) if c.heading == "verdict")
    said = {row.name: verdict.cell(row) for row in board.rows if not isinstance(row, Standing)}
    assert said == dict.fromkeys(("constant", "one marker"), "null, on test")
