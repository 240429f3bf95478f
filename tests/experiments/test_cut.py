import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import toy
from history import begun, ended, trained, view_of
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import stats
from experiments.cut import SMOOTHED, Cut, most, reach, shared, step_costs
from experiments.events import Solved
from experiments.leaderboard import leaderboard
from experiments.status import Status

UNITS = ("steps", "seconds", "flops")
READINGS = ("best", "last", "smoothed")
MODELS = ("gru", "lstm")
SEEDS = (0, 1)
EVALUATED = (2, 4, 6, 8)
PACE = {"gru": 0.5, "lstm": 0.25}


def config(task="toy:Sums", models=MODELS, seeds=SEEDS):
    return toy.experiment(task={"name": task}, models=list(models), seeds=list(seeds))


def story(model, values, *, end=True, key="validation_mse", pace=None):
    """A trial that validated with `values`, one at each of the evaluated steps."""
    steps = dict(zip(EVALUATED, values, strict=False))
    told = begun() + trained(dict.fromkeys((1, 2), pace or PACE[model]), "step_seconds")
    return told + trained(steps, key) + (ended() if end else [])


def view(curves, **kwargs):
    """An experiment whose trials have these curves; `None` is one that has not begun."""
    stories = {
        name: story(name.partition("-")[0], curve, end=len(curve) == len(EVALUATED), **kwargs)
        for name, curve in curves.items()
        if curve is not None
    }
    return view_of(config(), stories)


def all_curves(values):
    """The same values for each trial, moved by its number."""
    names = [f"{model}-s{seed}" for seed in SEEDS for model in MODELS]
    return {name: [value + i for value in values] for i, name in enumerate(names)}


curves = st.lists(st.floats(0, 100), min_size=4, max_size=4)


@given(st.tuples(curves, curves, curves, curves))
@settings(deadline=None, max_examples=30)
def test_at_the_full_budget_equal_steps_agree_with_the_standing_by_validation(four):
    names = [f"{model}-s{seed}" for seed in SEEDS for model in MODELS]
    found = view(dict(zip(names, four, strict=True)))
    by_validation = leaderboard(found)
    assert by_validation.key == "validation_mse"
    for cut in (Cut("steps"), Cut("steps", 8.0), Cut(None)):
        board = leaderboard(found, cut)
        assert board.rows == by_validation.rows
        assert board.comparisons == by_validation.comparisons or all(
            math.isnan(pair.p) for pair in board.comparisons
        )


def step_cost(trial, unit):
    return step_costs([trial], unit)[0]


def value_at(cut, trial):
    return cut.values([trial]).get(trial.seed)


def brute_force(curve, cost, limit, reading):
    """One validation after the other, as somebody would with pencil and paper."""
    if EVALUATED[len(curve) - 1] * cost < limit:
        return None
    seen = [v for step, v in zip(EVALUATED, curve, strict=False) if step * cost <= limit]
    if not seen:
        return None
    if reading == "best":
        return min(seen)
    if reading == "last":
        return seen[-1]
    few = seen[-SMOOTHED:]
    return sum(few) / len(few)


@given(
    st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=4), min_size=4, max_size=4),
    st.sampled_from(UNITS),
    st.sampled_from(READINGS),
    st.floats(0, 1.2),
)
@settings(deadline=None, max_examples=60)
def test_values_at_a_cut_are_those_of_brute_force(found, unit, reading, part):
    names = [f"{model}-s{seed}" for seed in SEEDS for model in MODELS]
    told = view(dict(zip(names, found, strict=True)))
    costs = {trial.name: step_cost(trial, unit) for trial in told.comparison_trials}
    limit = part * max(costs.values()) * EVALUATED[-1]
    expected_of = {
        name: brute_force(curve, costs[name], limit, reading)
        for name, curve in zip(names, found, strict=True)
    }
    board = leaderboard(told, Cut(unit, limit, reading))
    for standing in board.standings:
        of_seeds = {seed: expected_of[f"{standing.model}-s{seed}"] for seed in SEEDS}
        expected = {seed: value for seed, value in of_seeds.items() if value is not None}
        assert standing.seeds == pytest.approx(expected)
        assert standing.interval.n == len(expected)


@given(st.lists(st.integers(1, 4), min_size=4, max_size=4), st.sampled_from(UNITS))
@settings(deadline=None, max_examples=40)
def test_the_shared_budget_is_the_largest_that_all_have_reached(lengths, unit):
    names = [f"{model}-s{seed}" for seed in SEEDS for model in MODELS]
    told = view({name: [0.5] * n for name, n in zip(names, lengths, strict=True)})
    limit = shared(told, unit)
    trials = told.comparison_trials
    spent = [
        EVALUATED[n - 1] * step_cost(told.trial(m), unit)
        for m, n in zip(names, lengths, strict=True)
    ]
    assert (limit, most(told, unit)) == (min(spent), max(spent))
    for trial in trials:
        # Slow ones may have reached it without a validation in it.
        has_one = EVALUATED[0] * step_cost(trial, unit) <= limit
        assert (value_at(Cut(unit, limit), trial) is not None) == has_one
    beyond = Cut(unit, math.nextafter(limit, math.inf))
    assert None in [value_at(beyond, trial) for trial in trials]


def test_what_a_step_costs():
    (gru, lstm) = view(all_curves([1, 2, 3, 4])).comparison_trials[:2]
    assert [step_cost(t, "steps") for t in (gru, lstm)] == [1, 1]
    assert [step_cost(t, "seconds") for t in (gru, lstm)] == [0.5, 0.25]
    task, budget = gru.config.task.task, gru.config.budget
    flops = gru.config.model.model.cost(task).flops * budget.batch_size
    assert step_cost(gru, "flops") == flops > 0


def test_equal_time_gives_the_faster_model_more_steps():
    """8 steps of the GRU take 4 s, in which the LSTM makes 16: its 8 steps bound all to 2 s."""
    told = view(all_curves([4.0, 3.0, 2.0, 1.0]))
    assert shared(told, "seconds") == 2.0
    board = leaderboard(told, Cut("seconds"))
    assert {s.model: s.seeds[0] for s in board.standings} == {"gru": 3.0, "lstm": 2.0}
    assert board.cut == Cut("seconds", 2.0)


def test_a_cost_that_nobody_knows_leaves_a_model_out():
    settings = config(models=["gru", "toy:Linear"])
    stories = {
        "gru-s0": story("gru", [1, 2, 3, 4]),
        "Linear-s0": story("Linear", [1, 2, 3, 4], pace=1.0),
    }
    told = view_of(settings, stories)
    linear = told.trial("Linear-s0")
    assert math.isnan(step_cost(linear, "flops"))
    assert math.isfinite(shared(told, "flops"))
    board = leaderboard(told, Cut("flops"))
    assert [(s.model, s.interval.n) for s in board.standings] == [("gru", 1), ("Linear", 0)]


def test_trials_that_broke_do_not_hold_the_others_back():
    curves = all_curves([4.0, 3.0, 2.0, 1.0])
    stories = {name: story(name.partition("-")[0], curve) for name, curve in curves.items()}
    for status in (Status.FAILED, Status.LOST):
        stories["gru-s1"] = story("gru", [0.5], end=False) + ended(status)
        told = view_of(config(), stories)
        assert shared(told, "steps") == 8
        standing = leaderboard(told, Cut("steps")).standings[-1]
        # What it had is no value at this budget, and the model is not ranked.
        assert (standing.model, set(standing.seeds), standing.is_complete) == ("gru", {0}, False)
        assert leaderboard(told, Cut(None)).standings[-1].seeds[1] == 0.5


def test_a_stopped_trial_bounds_the_budget():
    """Equal steps are what to compare at where somebody stopped one model early."""
    curves = all_curves([4.0, 3.0, 2.0, 1.0])
    stories = {name: story(name.partition("-")[0], curve) for name, curve in curves.items()}
    stories["gru-s1"] = story("gru", [9.0, 8.0], end=False) + ended(Status.STOPPED)
    assert shared(view_of(config(), stories), "steps") == 4


def test_a_task_that_was_solved_early_bounds_nothing():
    curves = all_curves([4.0, 3.0, 2.0, 1.0])
    stories = {name: story(name.partition("-")[0], curve) for name, curve in curves.items()}
    early = story("gru", [0.1, 0.1], end=False)
    stories["gru-s1"] = [*early, Solved(time=110.0, step=2), *ended()]
    told = view_of(config(), stories)
    assert reach(told.trial("gru-s1"), 1.0) == math.inf
    assert shared(told, "steps") == 8
    assert leaderboard(told, Cut("steps")).standings[0].seeds[1] == 0.1
    # Where all were solved, the budget is that of the slowest.
    solved = [Solved(time=110.0, step=2), *ended()]
    every = {
        name: story(name.partition("-")[0], [0.1] * n, end=False) + solved
        for name, n in zip(curves, (1, 2, 3, 2), strict=True)
    }
    assert shared(view_of(config(), every), "steps") == 6


def test_nothing_is_known_at_first():
    told = view_of(config(), {})
    assert all(math.isnan(shared(told, unit)) for unit in UNITS)
    assert all(math.isnan(most(told, unit)) for unit in UNITS)
    for unit, reading in itertools.product((None, *UNITS), READINGS):
        board = leaderboard(told, Cut(unit, None, reading))
        assert [standing.interval.n for standing in board.standings] == [0, 0]
        assert board.key == "validation_mse"


def test_a_cut_never_reads_the_test():
    told = view_of(
        config(seeds=[0]),
        {
            f"{model}-s0": begun()
            + trained({8: 0.5}, "validation_mse")
            + trained({8: test}, "test_mse")
            + ended()
            for model, test in (("gru", 0.1), ("lstm", 0.9))
        },
    )
    assert leaderboard(told).key == "test_mse"
    for unit in (None, *UNITS[:1]):
        board = leaderboard(told, Cut(unit))
        assert board.key == "validation_mse"
        assert [standing.interval.mean for standing in board.standings] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("reading", "expected"), [("best", 1.0), ("last", math.nan), ("smoothed", math.nan)]
)
def test_nan_is_never_dropped_but_no_best(reading, expected):
    told = view({"gru-s0": [3.0, 1.0, 2.0, math.nan]})
    value = value_at(Cut("steps", 8.0, reading), told.trial("gru-s0"))
    assert value == pytest.approx(expected, nan_ok=True)


def test_a_cut_without_a_number_has_to_be_resolved():
    trial = view({"gru-s0": [1.0]}).trial("gru-s0")
    with pytest.raises(ValueError, match=r"^limit: expected a resolved cut\. Received: None\.$"):
        Cut("steps").values([trial])


def test_a_target_of_one_s_own_tells_when_it_was_first_reached():
    told = view({"gru-s0": [4.0, 2.0, 3.0, 1.0], "gru-s1": [9.0] * 4, "lstm-s0": [4.0]})
    board = leaderboard(told, target=2.0)
    times = {standing.model: standing.time_to_solve for standing in board.standings}
    # Seed 1 did not in all its 8 steps; the LSTM still trains, and might yet.
    assert times["gru"] == stats.time_to_solve([4, None], 8)
    assert times["lstm"].solved.n == 0
    assert leaderboard(told).standings[0].time_to_solve is None


def test_what_ended_early_by_an_easier_threshold_might_reach_the_target_yet():
    early = [*story("gru", [0.5, 0.5], end=False), Solved(time=110.0, step=2), *ended()]
    told = view_of(config(models=["gru"], seeds=[0]), {"gru-s0": early})
    assert leaderboard(told, target=0.1).standings[0].time_to_solve.solved.n == 0
    assert leaderboard(told, target=0.5).standings[0].time_to_solve.solved.mean == 1


def test_between_two_models_in_either_order():
    board = leaderboard(view(all_curves([4.0, 3.0, 2.0, 1.0])))
    forth, back = board.comparison("gru", "lstm"), board.comparison("lstm", "gru")
    assert (forth.a, forth.b, back.a, back.b) == ("gru", "lstm", "lstm", "gru")
    assert forth.interval.mean == -back.interval.mean
    assert (forth.interval.low, forth.interval.high) == (-back.interval.high, -back.interval.low)
    assert replace(forth, a="", b="", interval=None) == replace(back, a="", b="", interval=None)
    assert board.comparison("gru", "gru") is None


def test_comparisons_are_made_once_for_the_same_values():
    """A dashboard asks at every record; only a validation changes what is compared."""
    first = leaderboard(view(all_curves([4.0, 3.0, 2.0, 1.0])))
    again = leaderboard(view(all_curves([4.0, 3.0, 2.0, 1.0]), pace=7.0))
    assert first.comparisons is again.comparisons
    assert np.isclose(again.standings[0].step_seconds, 7.0)
