import math
from dataclasses import replace

import pytest
import scipy.stats
import toy
from history import begun, ended, outcome, trained, view_of

from experiments import stats
from experiments.events import Solved
from experiments.leaderboard import NullStanding, Standing, leaderboard
from experiments.status import Status


def config(task="toy:Sums", models=("gru", "lstm"), seeds=(0, 1, 2), **changes):
    return toy.experiment(task={"name": task}, models=list(models), seeds=list(seeds), **changes)


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
    assert by_model["gru"].interquartile == stats.interquartile_interval([[0.5, 0.6, 0.7]])
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


@pytest.mark.parametrize(
    ("task", "key", "bounds"),
    [("digits", "test_accuracy", (0, 1)), ("toy:Sums", "test_mse", (0, math.inf))],
)
def test_intervals_end_where_the_metric_does(task, key, bounds):
    found = [0.1, 0.9, 0.9]
    view = outcome(config(task, ["gru"]), values(gru=found), key=key)
    (standing,) = leaderboard(view).standings
    assert standing.interval == stats.t_interval(found, bounds=bounds)
    assert standing.interval != stats.t_interval(found)


def test_null_baselines_stand_among_the_models():
    found = values(gru=[0.5, 0.6, 0.7], lstm=[0.1, 0.2, 0.3])
    baselines = {"constant": 0.4, "chance": 0.05}
    view = outcome(config("digits"), found, key="test_accuracy", baselines=baselines)
    board = leaderboard(view)
    assert [row.name for row in board.rows] == ["gru", "constant", "lstm", "chance"]
    assert [type(row) for row in board.rows] == [Standing, NullStanding] * 2
    assert [row.name for row in board.standings] == ["gru", "lstm"]
    constant = board.rows[1]
    assert constant.values == (0.4, 0.4, 0.4)
    assert (constant.interval.low, constant.interval.high) == pytest.approx((0.4, 0.4))
    assert board.standings[1].not_above == ("constant", "chance")


def test_models_that_failed_stand_below_the_baselines():
    stories = {"gru-s0": begun() + trained({8: 0.9}, "test_accuracy") + ended()}
    stories["gru-s1"] = begun() + ended(Status.FAILED)
    measured = outcome(
        config("digits", ["gru"], [0, 1]), {}, key="test_accuracy", baselines={"chance": 0.1}
    ).baselines
    view = replace(view_of(config("digits", ["gru"], [0, 1]), stories), baselines=measured)
    assert [row.name for row in leaderboard(view).rows] == ["chance", "gru"]


def test_what_only_tuned_counts_nowhere():
    view = outcome(config(), values(gru=[0.5, 0.6, 0.7], lstm=[0.1, 0.2, 0.3]), key="test_mse")

    def tuned(trial):
        return replace(trial, config=replace(trial.config, role="tuning"))

    trials = tuple(tuned(t) if t.name in ("gru-s0", "lstm-s2") else t for t in view.trials)
    board = leaderboard(view.with_trials(trials))
    by_model = {standing.model: standing for standing in board.standings}
    assert by_model["gru"].seeds == {1: 0.6, 2: 0.7}
    assert by_model["gru"].trials == 2
    assert board.comparisons[0].interval.n == 1
    only_tuned = leaderboard(view.with_trials(tuple(map(tuned, view.trials))))
    assert only_tuned.key == "validation_mse"


def test_costs_are_the_model_s_for_this_task_and_batch():
    view = outcome(config(models=["gru"]), values(gru=[0.5] * 3), key="test_mse")
    choice, task = view.config.models[0], view.config.task.task
    cost = choice.model.cost(task)
    (standing,) = leaderboard(view).standings
    assert standing.num_parameters == 5  # of the network that was built
    assert standing.state_size == cost.state_size > 0
    assert standing.flops == cost.flops * view.config.budget.batch_size > 0
    (before,) = leaderboard(view_of(view.config, {})).standings
    assert before.num_parameters == cost.num_parameters


def test_a_model_that_tells_no_cost_has_none():
    (standing,) = leaderboard(view_of(config(models=["toy:Linear"]), {})).standings
    assert (standing.num_parameters, standing.state_size, standing.flops) == (None, None, None)


def test_memory_is_the_most_that_a_trial_held():
    stories = {
        f"gru-s{seed}": begun() + trained({8: peak}, "peak_memory_bytes")
        for seed, peak in enumerate([1e9, 3e9])
    }
    (standing,) = leaderboard(view_of(config(models=["gru"]), stories)).standings
    assert standing.peak_memory_bytes == 3e9
    (nothing,) = leaderboard(view_of(config(models=["gru"]), {})).standings
    assert math.isnan(nothing.peak_memory_bytes)


def test_time_to_solve_counts_those_that_did_not():
    def story(solved, status=Status.COMPLETED):
        told = [] if solved is None else [Solved(time=110.0, step=solved)]
        return begun() + told + ([] if status is None else ended(status))

    stories = {
        "gru-s0": story(20),
        "gru-s1": story(None),
        "gru-s2": story(None, Status.FAILED),
        "gru-s3": story(10, Status.STOPPED),
        # Might solve yet:
        "gru-s4": story(None, Status.STOPPED),
        "gru-s5": story(None, None),
        "gru-s6": story(None, Status.LOST),
    }
    settings = config("adding", ["gru"], range(7), budget={"steps": 100})
    assert settings.task.task.solved == 1e-3
    (standing,) = leaderboard(view_of(settings, stories)).standings
    assert standing.time_to_solve == stats.time_to_solve([20, None, None, 10], 100)


def test_no_time_without_a_threshold():
    assert toy.Sums.solved is None
    view = outcome(config(), values(gru=[0.1] * 3, lstm=[0.1] * 3), key="test_mse")
    assert [standing.time_to_solve for standing in leaderboard(view).standings] == [None, None]


def compared(gru, lstm, margin=0.0):
    settings = config("digits", seeds=range(len(gru)), protocol={"margin": margin})
    board = leaderboard(outcome(settings, values(gru=gru, lstm=lstm), key="test_accuracy"))
    (comparison,) = board.comparisons
    assert (comparison.a, comparison.b, board.margin) == ("gru", "lstm", margin)
    return comparison


@pytest.mark.parametrize(
    ("gru", "lstm", "margin", "outcome", "winner"),
    [
        ([0.9, 0.8, 0.85], [0.1, 0.02, 0.06], 0.0, "different", "gru"),
        ([0.9, 0.5, 0.1], [0.1, 0.5, 0.85], 0.0, "underpowered", None),
        ([0.9, 0.9], [0.1, 0.1], 0.0, "underpowered", None),  # a p-value of 0, but two seeds
        ([0.9], [0.1], 0.0, "underpowered", None),
        ([0.91, 0.8, 0.7], [0.9, 0.805, 0.697], 0.05, "equivalent", None),
        ([0.91, 0.8, 0.7], [0.9, 0.805, 0.697], 0.0, "underpowered", None),
        ([0.91, 0.811, 0.709], [0.9, 0.8, 0.7], 0.05, "equivalent", "gru"),
        ([0.91, 0.811], [0.9, 0.8], 0.05, "underpowered", None),
        ([0.9, 0.8, 0.85], [0.1, 0.02, 0.06], 0.05, "different", "gru"),
    ],
)
def test_what_can_be_said_of_a_pair(gru, lstm, margin, outcome, winner):
    comparison = compared(gru, lstm, margin)
    assert (comparison.outcome, comparison.winner) == (outcome, winner)


def test_the_detectable_difference_is_that_of_holm_s_strictest_step():
    found = {
        "gru": [0.10, 0.22, 0.31, 0.44],
        "lstm": [0.15, 0.24, 0.39, 0.46],
        "simple_rnn": [0.5, 0.9, 0.4, 0.8],
    }
    settings = config(models=list(found), seeds=range(4), protocol={"margin": 0.1})
    board = leaderboard(outcome(settings, values(**found), key="test_mse"))
    for c in board.comparisons:
        expected = stats.minimum_detectable(found[c.a], found[c.b], alpha=0.05 / 3)
        assert c.detectable == pytest.approx(expected)
        # So what is not significant is smaller than what could be told.
        assert c.p_holm < 0.05 or abs(c.interval.mean) < c.detectable
    equivalent = [stats.equivalence(found[c.a], found[c.b], 0.1) for c in board.comparisons]
    assert [c.p_equivalent for c in board.comparisons] == pytest.approx(stats.holm(equivalent))


def test_survivors_neither_win_nor_are_equivalent():
    """Three of four seeds of the better model are left: the fourth may have been the worst."""
    stories = {
        name: begun() + trained({8: value}, "test_mse") + ended()
        for name, value in values(gru=[0.1, 0.12, 0.11], lstm=[0.9, 0.91, 0.88, 0.9]).items()
    }
    stories["gru-s3"] = begun() + ended(Status.FAILED)
    settings = config(seeds=range(4), protocol={"margin": 5.0})
    (comparison,) = leaderboard(view_of(settings, stories)).comparisons
    assert comparison.p < 0.001
    assert (comparison.better, comparison.winner) == (None, None)
    assert comparison.outcome == "underpowered"


def test_what_lost_to_all_seeds_of_another_has_lost_whatever_failed():
    stories = {
        name: begun() + trained({8: value}, "test_mse") + ended()
        for name, value in values(gru=[0.9, 0.91, 0.88], lstm=[0.1, 0.12, 0.11, 0.1]).items()
    }
    stories["gru-s3"] = begun() + ended(Status.FAILED)
    (comparison,) = leaderboard(view_of(config(seeds=range(4)), stories)).comparisons
    assert (comparison.interval.n, comparison.winner) == (3, "lstm")
