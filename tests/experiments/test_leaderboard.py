import math

import pytest
import scipy.stats
import toy
from history import begun, ended, outcome, trained, view_of

from experiments import stats
from experiments.leaderboard import leaderboard
from experiments.status import Status


def config(task="toy:Sums", models=("gru", "lstm"), seeds=(0, 1, 2)):
    return toy.experiment(task={"name": task}, models=list(models), seeds=list(seeds))


def values(**per_model):
    return {
        f"{model}-s{seed}": value
        for model, found in per_model.items()
        for seed, value in enumerate(found)
    }


@pytest.mark.parametrize(
    ("task", "key", "first"),
    [("toy:Sums", "test_mse", "lstm"), ("digits", "test_accuracy", "gru")],
)
def test_the_best_comes_first_in_the_task_s_sense(task, key, first):
    found = values(gru=[0.5, 0.6, 0.7], lstm=[0.1, 0.2, 0.3])
    board = leaderboard(outcome(config(task), found, key=key))
    assert board.key == key
    assert board.standings[0].model == first
    by_model = {standing.model: standing for standing in board.standings}
    assert by_model["gru"].interval == stats.t_interval([0.5, 0.6, 0.7])
    assert by_model["gru"].seeds == {0: 0.5, 1: 0.6, 2: 0.7}
    assert (by_model["gru"].finished, by_model["gru"].trials) == (3, 3)
    assert by_model["gru"].num_parameters == 5


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_model_with_a_seed_that_diverged_is_not_ahead(bad):
    found = values(gru=[0.1, 0.1, bad], lstm=[0.9, 0.9, 0.9])
    board = leaderboard(outcome(config(), found, key="test_mse"))
    assert [standing.model for standing in board.standings] == ["lstm", "gru"]
    assert math.isnan(board.comparisons[0].p)


def test_survivors_do_not_pass_for_the_whole():
    """One seed of the better model failed: its mean is over the ones that did not."""
    stories = {
        name: begun() + trained({8: value}, "test_mse") + ended()
        for name, value in values(gru=[0.1, 0.1, 0.1], lstm=[0.9, 0.9, 0.9]).items()
    }
    stories["gru-s2"] = begun() + trained({3: math.nan}, "train_loss") + ended(Status.FAILED)
    board = leaderboard(view_of(config(), stories))
    assert [standing.model for standing in board.standings] == ["lstm", "gru"]
    survivor = board.standings[1]
    assert not survivor.is_complete
    assert (survivor.failed, survivor.finished, survivor.interval.n) == (1, 3, 2)
    # Paired over the seeds that both have.
    assert board.comparisons[0].interval.n == 2


@pytest.mark.parametrize("status", [Status.FAILED, Status.LOST])
def test_failed_and_lost_seeds_are_counted(status):
    stories = {name: begun() + ended(status) for name in values(gru=[0, 0, 0], lstm=[0, 0, 0])}
    board = leaderboard(view_of(config(), stories))
    assert [standing.failed for standing in board.standings] == [3, 3]
    assert [standing.interval.n for standing in board.standings] == [0, 0]
    assert board.standings[0].not_above == ()
    assert math.isnan(board.standings[0].step_seconds)


def test_ranking_is_by_validation_until_everything_has_ended():
    def story(test, *validation, end=True):
        curve = trained(dict(enumerate(validation, 1)), "validation_mse")
        return begun() + curve + (trained({8: test}, "test_mse") + ended() if end else [])

    stories = {
        "gru-s0": story(0.0, 0.9, 0.5, 0.7),
        "lstm-s0": story(9.0, 0.4, end=False),
    }
    two = config(seeds=[0])
    board = leaderboard(view_of(two, stories))
    assert board.key == "validation_mse"
    # By the best value so far, which is what will be tested.
    assert [(s.model, s.interval.mean) for s in board.standings] == [("lstm", 0.4), ("gru", 0.5)]
    assert board.standings[1].finished == 1
    stories["lstm-s0"] += trained({8: 9.0}, "test_mse") + ended()
    board = leaderboard(view_of(two, stories))
    assert board.key == "test_mse"
    assert [(s.model, s.interval.mean) for s in board.standings] == [("gru", 0.0), ("lstm", 9.0)]


def test_without_any_test_the_validation_stays():
    stories = {
        name: begun() + trained({2: 0.5}, "validation_mse") + ended(Status.STOPPED)
        for name in values(gru=[0], lstm=[0])
    }
    assert leaderboard(view_of(config(seeds=[0]), stories)).key == "validation_mse"


def test_nothing_is_known_at_first():
    board = leaderboard(view_of(config(), {}))
    assert board.key == "validation_mse"
    # In the order they were asked, none ahead.
    assert [standing.model for standing in board.standings] == ["gru", "lstm"]
    assert all(standing.interval.n == 0 for standing in board.standings)
    assert math.isnan(board.comparisons[0].p_holm)


@pytest.mark.parametrize(
    ("task", "key", "found", "baseline", "above"),
    [
        ("digits", "test_accuracy", [0.20, 0.21, 0.22], 0.10, True),
        ("digits", "test_accuracy", [0.01, 0.21, 0.22], 0.10, False),  # the interval reaches it
        ("digits", "test_accuracy", [0.05, 0.05, 0.05], 0.10, False),
        ("digits", "test_accuracy", [0.25, 0.25, 0.25], 0.25, False),
        ("toy:Sums", "test_mse", [0.01, 0.02, 0.03], 0.10, True),
        ("toy:Sums", "test_mse", [0.01, 0.02, 0.30], 0.10, False),
        ("toy:Sums", "test_mse", [0.50, 0.50, 0.50], 0.10, False),
        ("toy:Sums", "test_mse", [0.50, 0.50, math.nan], 0.10, True),  # nothing can be said
    ],
)
def test_who_is_not_above_a_null_baseline(task, key, found, baseline, above):
    view = outcome(config(task, ["gru"]), values(gru=found), key=key, baselines={"null": baseline})
    (standing,) = leaderboard(view).standings
    assert standing.not_above == (() if above else ("null",))


def test_one_seed_is_held_against_the_baseline_by_its_value():
    for value, expected in ((0.2, ()), (0.05, ("null",))):
        view = outcome(
            config("digits", ["gru"], [0]),
            values(gru=[value]),
            key="test_accuracy",
            baselines={"null": 0.1},
        )
        assert leaderboard(view).standings[0].not_above == expected


def test_comparisons_are_paired_by_seed_and_adjusted_for_all_pairs():
    found = {
        "gru": [0.10, 0.22, 0.31, 0.44],
        "lstm": [0.15, 0.24, 0.39, 0.46],
        "simple_rnn": [0.5, 0.9, 0.4, 0.8],
    }
    settings = config(models=list(found), seeds=range(4))
    board = leaderboard(outcome(settings, values(**found), key="test_mse"))
    assert [(c.a, c.b) for c in board.comparisons] == [
        ("gru", "lstm"),
        ("gru", "simple_rnn"),
        ("lstm", "simple_rnn"),
    ]
    expected = [scipy.stats.ttest_rel(found[c.a], found[c.b]).pvalue for c in board.comparisons]
    assert [c.p for c in board.comparisons] == pytest.approx(expected)
    assert [c.p_holm for c in board.comparisons] == pytest.approx(stats.holm(expected))
    difference = board.comparisons[0].interval
    assert difference.mean == pytest.approx(-0.0425)


def test_comparisons_need_common_seeds():
    """Seed 0 of one and seed 1 of the other: no pair, and nothing is said."""
    stories = {
        "gru-s0": begun() + trained({8: 0.1}, "test_mse") + ended(),
        "gru-s1": begun() + ended(Status.FAILED),
        "lstm-s0": begun() + ended(Status.FAILED),
        "lstm-s1": begun() + trained({8: 0.1}, "test_mse") + ended(),
    }
    (comparison,) = leaderboard(view_of(config(seeds=[0, 1]), stories)).comparisons
    assert comparison.interval.n == 0
    assert math.isnan(comparison.p)
    assert math.isnan(comparison.p_holm)


def test_seconds_a_step_are_the_median_over_seeds():
    stories = {
        f"gru-s{seed}": begun() + trained({1: 9.0, 2: seconds}, "step_seconds")
        for seed, seconds in enumerate([0.1, 0.5, 0.2])
    }
    (standing,) = leaderboard(view_of(config(models=["gru"]), stories)).standings
    assert standing.step_seconds == 0.2
