"""What the widgets of the Compare screen say, without the screen."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from rich.style import Style
from staged import staged
from test_wording import between_gru_and_lstm

from experiments.by_length import Bin, ByLength
from experiments.distinctions import Distinction, Distinctions, distinctions
from experiments.leaderboard import leaderboard
from experiments.reader import ExperimentReader
from experiments.stats import Interval
from tui import wording
from tui.snapshot import Snapshot
from tui.widgets.distinction_list import DistinctionList
from tui.widgets.length_curves import length_curves, longest_in_training
from tui.widgets.pair_matrix import SIGNS, PairMatrix

pytestmark = pytest.mark.usefixtures("frozen")

NOTHING = Interval(0, math.nan, math.nan, math.nan)
MIRRORED = {">": "<", "<": ">", "=": "=", "?": "?", "!": "!", "·": "·"}


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Widgets without an app have no theme."""
    monkeypatch.setattr("tui.widgets.row_list.RowList.color", lambda self, index: Style.null())


def snapshot(**changes: Any) -> Snapshot:
    stage = staged(**changes)
    stage.finish()
    view = ExperimentReader(stage.folder).read()
    return Snapshot(stage.folder, view, leaderboard(view), {})


def matrix(found: Snapshot, width: int) -> list[str]:
    widget = PairMatrix()
    widget.set_reactive(PairMatrix.snapshot, found)
    heading, rows = widget.make_rows(width)
    return [heading.plain if heading else "", *(row.text.plain for row in rows)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "better"),
        ({"better": "lstm"}, "worse"),
        ({"p_holm": 0.2}, "cannot tell"),
        ({"p_equivalent": 0.01}, "equivalent"),
        ({"interval": Interval(2, -0.03, -0.05, -0.01)}, "too few seeds"),
        ({"better": None}, "cannot tell"),
    ],
)
def test_what_is_said_of_a_pair(changes: dict[str, Any], said: str) -> None:
    assert wording.against(between_gru_and_lstm(**changes)) == said
    assert said in SIGNS


@pytest.mark.parametrize("margin", [0, 0.05, 1])
def test_the_square_says_of_each_pair_the_same_from_both_sides(margin: float) -> None:
    found = snapshot(protocol={"margin": margin} if margin else {})
    lines = matrix(found, 30)  # too narrow for the p-values
    models = [standing.model for standing in found.board.standings]
    heading, square = lines[0], lines[1 : len(models) + 1]
    start = len(heading) - len(heading.lstrip())
    signs = [[row[start + 3 * column] for column in range(len(models))] for row in square]
    for i in range(len(models)):
        assert signs[i][i] == "·"
        for j in range(len(models)):
            assert signs[i][j] == MIRRORED[signs[j][i]]
            if i != j:
                pair = found.board.comparison(models[i], models[j])
                assert signs[i][j] == SIGNS[wording.against(pair)]


@pytest.mark.parametrize("width", [20, 30, 49, 78, 120])
def test_the_matrix_is_no_wider_than_its_place(width: int) -> None:
    assert max(map(len, matrix(snapshot(), width))) <= width


@pytest.mark.parametrize("seeds", [[0, 1], [0, 1, 2]])
def test_every_pair_stands_beneath_and_the_signs_are_explained(seeds: list[int]) -> None:
    found = snapshot(seeds=seeds)
    lines = matrix(found, 78)
    for pair in found.board.comparisons:
        said = wording.against(pair)
        assert any(f"{SIGNS[said]} {said}" in line for line in lines)
    assert len([line for line in lines if f"  n {len(seeds)}" in line]) == 3


def said_of(found: Distinctions, width: int) -> list[str]:
    widget = DistinctionList()
    widget.set_reactive(DistinctionList.distinctions, found)
    heading, rows = widget.make_rows(width)
    return [*([heading.plain] if heading else []), *(row.text.plain for row in rows)]


@pytest.mark.parametrize("width", [24, 40, 60, 100])
def test_every_value_that_differs_is_said_within_the_width(width: int) -> None:
    models = ("lstm", "gru", "transformer")
    rows = (
        Distinction("units", {"lstm": 64, "gru": 74}),
        Distinction("learning_rate", {"lstm": 0.001, "gru": 3e-05, "transformer": 0.01}),
    )
    lines = said_of(Distinctions(models, rows, 9), width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for value in ("units", "64", "74", "-", "learning_rate", "0.001", "3e-05", "0.01"):
        assert value in text


def test_the_settings_of_an_experiment() -> None:
    found = snapshot()
    told = distinctions(found.view)
    (row,) = told.differing
    assert row.key == "units"
    assert said_of(told, 60) == [
        "       a lstm  b gru  c simple_rnn",
        "units  64      74     129         ",
    ]


def by_length(*bins: Bin, intervals: dict[str, tuple[Interval, ...]]) -> ByLength:
    return ByLength("accuracy", bins, intervals)


def test_curves_over_lengths_stand_at_the_middle_of_their_bins() -> None:
    bins = (Bin(False, 4, 12), Bin(True, 20, 20))
    some = Interval(3, 0.5, 0.4, 0.6)
    found = by_length(
        *bins, intervals={"gru": (some, replace(some, mean=0.2)), "lstm": (NOTHING, some)}
    )
    gru, lstm = length_curves(found)
    assert (gru.label, gru.color, lstm.label, lstm.color) == ("gru", 0, "lstm", 1)
    assert (list(gru.x), list(gru.y), list(gru.low), list(gru.high)) == (
        [8.0, 20.0],
        [0.5, 0.2],
        [0.4, 0.4],
        [0.6, 0.6],
    )
    # Where nothing is known there is no point, rather than a NaN that was never measured.
    assert list(lstm.x) == [20.0]
    assert longest_in_training(found) == (12.0, "longer than in training")


def test_a_model_without_any_length_has_no_curve_but_keeps_the_colours_of_the_others() -> None:
    some = Interval(3, 0.5, 0.4, 0.6)
    found = by_length(Bin(False, 4, 4), intervals={"gru": (NOTHING,), "lstm": (some,)})
    (lstm,) = length_curves(found)
    assert (lstm.label, lstm.color) == ("lstm", 1)
    assert longest_in_training(found) is None
