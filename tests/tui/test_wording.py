from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from rich.text import Text
from staged import Stage, completed, config, staged

from experiments.comparison import Comparison
from experiments.cut import Cut
from experiments.events import LoadSampled
from experiments.leaderboard import Leaderboard, leaderboard
from experiments.read_model import ExperimentView, new_view
from experiments.reader import ExperimentReader
from experiments.stats import Interval, time_to_solve
from experiments.status import Status
from tui import wording

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
    assert said(read(stage)) == "underpowered, 1 seed in common cannot tell gru from lstm"


def test_verdict_while_one_model_is_ahead() -> None:
    stage = staged()
    stage.begin()
    stage.write("gru-s0", completed("gru", 0))
    assert said(read(stage)) == "so far: only gru has been measured"


def between_gru_and_lstm(**changes: Any) -> Comparison:
    """The error of gru is lower by 0.03."""
    told = Comparison(
        a="gru",
        b="lstm",
        interval=Interval(3, -0.03, -0.05, -0.01),
        p=0.01,
        p_holm=0.03,
        detectable=0.04,
        p_equivalent=math.nan,
        better="gru",
    )
    return dataclasses.replace(told, **changes)


@pytest.mark.parametrize(
    ("p", "words"), [(0.01, "gru beats lstm by"), (0.2, "underpowered, gru is not told from lstm:")]
)
def test_verdict_says_the_difference_as_an_advantage(p: float, words: str) -> None:
    stage = staged()
    stage.finish()
    view = read(stage)
    board = leaderboard(view)
    assert [standing.model for standing in board.standings[:2]] == ["gru", "lstm"]
    board = dataclasses.replace(board, comparisons=(between_gru_and_lstm(p_holm=p),))
    verdict = wording.verdict(view, board)
    assert verdict.startswith(words)
    # The error is lower, so the advantage is positive.
    assert "0.030 [0.010, 0.050]" in verdict
    assert f"paired over 3 seeds, p Holm {p:.3f}" in verdict
    # How small a difference could be told matters where none was.
    assert ("detectable 0.040" in verdict) == (p > 0.05)


def test_verdict_on_what_is_equivalent() -> None:
    stage = staged(protocol={"margin": 0.1})
    stage.finish()
    view = read(stage)
    found = between_gru_and_lstm(p_equivalent=0.02)
    board = dataclasses.replace(leaderboard(view), comparisons=(found,))
    verdict = wording.verdict(view, board)
    assert verdict.startswith("gru and lstm are equivalent within 0.100, gru ahead: 0.030 [0.010")
    assert verdict.endswith("p Holm 0.020")


def test_verdict_when_the_second_wins_on_the_seeds_in_common() -> None:
    stage = staged()
    stage.finish()
    view = read(stage)
    found = between_gru_and_lstm(better="lstm", interval=Interval(3, 0.03, 0.01, 0.05))
    board = dataclasses.replace(leaderboard(view), comparisons=(found,))
    assert wording.verdict(view, board).startswith("lstm beats gru by 0.030 [0.010, 0.050]")


def test_verdict_names_everyone_who_was_beaten() -> None:
    stage = staged()
    stage.finish()
    view = read(stage)
    pairs = [
        between_gru_and_lstm(),
        between_gru_and_lstm(b="simple_rnn"),
        between_gru_and_lstm(a="lstm", b="simple_rnn", better="lstm"),
    ]
    board = dataclasses.replace(leaderboard(view), comparisons=tuple(pairs))
    assert wording.verdict(view, board).endswith("p Holm 0.030; also simple_rnn")
    pairs[0] = between_gru_and_lstm(p_holm=0.2)
    board = dataclasses.replace(board, comparisons=tuple(pairs))
    assert wording.verdict(view, board).endswith("detectable 0.040; gru beats simple_rnn")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "gru is better"),
        ({"p_holm": 0.2}, "underpowered"),
        ({"interval": Interval(2, -0.03, -0.05, -0.01)}, "underpowered: 2 common seeds"),
        ({"interval": Interval(1, -0.03, math.nan, math.nan)}, "underpowered: 1 common seed"),
        ({"p_equivalent": 0.01}, "equivalent within 0.500, gru ahead"),
        ({"p_equivalent": 0.01, "p_holm": 0.2}, "equivalent within 0.500"),
        ({"better": None}, "underpowered"),  # the better one lost some of its seeds
    ],
)
def test_outcome_of_a_pair(changes: dict[str, Any], words: str) -> None:
    assert wording.outcome(between_gru_and_lstm(**changes), margin=0.5) == words


def test_time_to_solve_in_words() -> None:
    some = time_to_solve([100, None, 300, None, None], 1000)
    assert wording.solved(some) == "2/5"
    assert wording.steps_to_solve(some) == "680"
    bounds = f"[{some.steps.low:.0f}, {some.steps.high:.0f}]"
    assert wording.steps_to_solve(some, with_bounds=True) == f"680 {bounds}"
    nobody = time_to_solve([None] * 5, 1000)
    assert wording.solved(nobody) == "0/5"
    assert wording.steps_to_solve(nobody, with_bounds=True) == ">1000"
    for unknown in (None, time_to_solve([], 1000)):
        assert (wording.solved(unknown), wording.steps_to_solve(unknown)) == ("-", "-")


def test_memory() -> None:
    assert wording.memory(3 * 2.0**29) == "1.5 GiB"
    assert wording.memory(math.nan) == "-"


def test_alerts_are_worst_first() -> None:
    stage = staged()
    stage.half_way()
    found = wording.alerts(read(stage))
    assert found[0].sentence.startswith("simple_rnn-s0: the loss became nan")
    assert found[-1].sentence.startswith("gru-s1's journal: line")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "just now"), (90, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_age(seconds: float, words: str) -> None:
    assert wording.age(seconds) == words


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


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (Cut(None, math.inf, "last"), "each as far as it came"),
        (Cut("steps", 4000.0), "at equal steps, 4,000"),
        (Cut("seconds", 1.2), "at equal time, 1.20 s of steps"),
        (Cut("seconds", 95.0), "at equal time, 1:35 of steps"),
        (Cut("flops", 1.2e12), "at equal compute, 1.20 T FLOPs"),
        (Cut("flops", math.nan), "at equal compute"),
        (Cut("seconds"), "at equal time"),
    ],
)
def test_where_trials_are_held_against_each_other(cut: Cut, said: str) -> None:
    assert wording.budget(cut) == said


def test_verdict_at_a_cut_says_where_and_that_it_is_by_validation() -> None:
    stage = staged()
    stage.finish()
    view = read(stage)
    said = wording.verdict(view, leaderboard(view, Cut("steps", 50.0)))
    assert said.startswith("at equal steps, 50, by validation: ")
    beyond = wording.verdict(view, leaderboard(view, Cut("steps", 5000.0)))
    assert beyond == "at equal steps, 5,000, by validation: no trial has come there"


@pytest.mark.parametrize("status", Status)
def test_what_a_process_takes_is_said_while_there_is_one(status: Status) -> None:
    trial = new_view(config()).trials[0]
    assert wording.taken(dataclasses.replace(trial, status=status)) == []
    load = LoadSampled(trial=trial.name, cores=3.97, memory_bytes=3 << 29)
    said = wording.taken(dataclasses.replace(trial, status=status, load=load))
    is_at_work = status in (Status.RUNNING, Status.PAUSED)
    assert said == (["4.0 cores", "1.5 GiB"] if is_at_work else [])


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("validation_accuracy", "validation accuracy"),
        ("test_exact_match_4_12", "test exact match 4 to 12"),
        ("probe_support_distance_75_100", "probe support distance 75 to 100"),
    ],
)
def test_a_measurement_in_words(key: str, said: str) -> None:
    assert wording.words(key) == said
