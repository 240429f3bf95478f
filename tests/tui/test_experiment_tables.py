"""The tables of a made-up experiment, at the widths people have."""

from __future__ import annotations

import re

import pytest
from rich.console import Console, Group
from staged import Stage, staged

from experiments.leaderboard import leaderboard
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from tui.experiment_tables import comparison_table, cost_table, leaderboard_table, solving_table

pytestmark = pytest.mark.usefixtures("frozen")


def console(width: int = 160) -> Console:
    return Console(width=width, color_system=None)


def read(stage: Stage) -> ExperimentView:
    return ExperimentReader(stage.folder).read()


def cells(table: Group | None, width: int = 160) -> list[list[str]]:
    """Headings and rows as printed, a row to a line."""
    assert table is not None
    out = console(width)
    with out.capture() as capture:
        out.print(table)
    lines = [line for line in capture.get().splitlines() if re.match("[│┃]", line)]
    return [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in lines]


@pytest.fixture
def finished() -> ExperimentView:
    stage = staged(seeds=[0, 1, 2, 3, 4], protocol={"margin": 0.02})
    stage.finish()
    return read(stage)


def test_standings(finished: ExperimentView) -> None:
    board = leaderboard(finished)
    headings, *rows = cells(leaderboard_table(console(), finished, board))
    assert headings[:6] == ["", "model", "mean", "95 % interval", "interquartile", "seeds"]
    # Baselines have their places among the models, but no rank.
    assert [row[:2] for row in rows] == [
        ["1", "gru"],
        ["2", "lstm"],
        ["3", "simple_rnn"],
        ["", "one marker"],
        ["", "constant"],
    ]
    assert [row[-1] for row in rows] == ["", "", "", "null baseline", "null baseline"]
    first = board.standings[0]
    assert float(rows[0][2]) == pytest.approx(first.interval.mean, abs=5e-4)
    assert re.fullmatch(r"0\.\d+ \[0\.\d+, 0\.\d+\]", rows[0][4])
    assert rows[0][5] == "5/5"
    assert all("●" in row[6] for row in rows[:3])


def test_a_failed_seed_is_said(finished: ExperimentView) -> None:
    stage = staged("half")
    stage.half_way()
    view = read(stage)
    rows = cells(leaderboard_table(console(), view, leaderboard(view)))
    last = rows[-1]
    assert last[:2] == ["!", "simple_rnn"]
    assert last[-1] == "1 of 3 seeds failed: not ranked; not above one marker"
    assert rows[-2][-1] == "baseline on test"


def test_costs(finished: ExperimentView) -> None:
    board = leaderboard(finished)
    headings, first, *_ = cells(cost_table(console(), board))
    assert headings == ["model", "parameters", "state", "FLOPs", "time", "memory"]
    assert first[:2] == ["gru", "12,345"]
    assert int(first[2]) == board.standings[0].state_size
    assert first[4:] == ["12.0 ms", "-"]  # memory is told at the end


def test_time_to_solve_where_there_is_a_threshold(finished: ExperimentView) -> None:
    headings, first, *_ = cells(solving_table(console(), leaderboard(finished)))
    assert headings == ["model", "solved", "95 % interval", "steps"]
    # Wilson at 0 of 5: 1.96^2 / (5 + 1.96^2) = 0.434.
    assert first == ["gru", "0/5", "[0.000, 0.434]", ">100"]
    view = read(staged("open", task={"name": "digits"}))
    threshold = view.config.task.task.solved
    assert (solving_table(console(), leaderboard(view)) is None) == (threshold is None)


def test_every_pair_has_a_verdict(finished: ExperimentView) -> None:
    board = leaderboard(finished)
    headings, *rows = cells(comparison_table(console(), finished, board))
    assert headings == [
        "pair", "advantage", "95 % interval", "seeds", "p", "p Holm", "detectable",
        "p equivalent", "verdict",
    ]  # fmt: skip
    assert [row[0] for row in rows] == ["gru - lstm", "gru - simple_rnn", "lstm - simple_rnn"]
    assert [row[-1] for row in rows] == [
        "equivalent within 0.020",
        "gru is better",
        "lstm is better",
    ]
    # The error is lower, so the advantage is positive.
    for row, comparison in zip(rows, board.comparisons, strict=True):
        assert float(row[1]) > 0
        assert float(row[1]) == pytest.approx(-comparison.interval.mean, abs=5e-4)
        assert float(row[6]) == pytest.approx(comparison.detectable, abs=5e-4)


def test_without_a_margin_nothing_is_tested_for_equivalence() -> None:
    stage = staged()
    stage.finish()
    view = read(stage)
    headings, first, *_ = cells(comparison_table(console(), view, leaderboard(view)))
    assert "p equivalent" not in headings
    assert first[-1] == "underpowered"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_nothing_is_cut(finished: ExperimentView, width: int) -> None:
    board, out = leaderboard(finished), console(width)
    tables = [
        leaderboard_table(out, finished, board),
        cost_table(out, board),
        comparison_table(out, finished, board),
    ]
    for table in tables:
        rows = cells(table, width)
        assert not any("…" in cell for row in rows for cell in row)
    assert "verdict" in cells(tables[-1], width)[0]
