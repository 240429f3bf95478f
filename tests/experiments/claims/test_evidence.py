"""What numbers say: for, against, or nothing."""

import dataclasses
import math

import pytest
from made_up import made_up

from experiments.claims import evidence
from experiments.claims.evidence import Evidence, above, as_good, below, better
from experiments.status import Status

LARGE, SMALL, NONE = (0.9, 0.91, 0.92), (0.62, 0.6, 0.61), (0.0, 0.01, 0.02)


def by_seed(values):
    return dict(enumerate(values))


@pytest.mark.parametrize(
    ("statement", "values", "side"),
    [
        (above, (0.6, 0.61, 0.62), "for"),
        (above, (0.4, 0.41, 0.42), "against"),
        (above, (0.3, 0.5, 0.8), "open"),
        (above, (0.6, 0.61), "open"),  # two seeds are not enough, whatever they say
        (above, (), "open"),
        (above, (0.5, 0.5, 0.5), "against"),
        (above, (0.6, 0.61, math.nan), "open"),
        (below, (0.6, 0.61, 0.62), "against"),
        (below, (0.4, 0.41, 0.42), "for"),
        (below, (0.3, 0.5, 0.8), "open"),
        (below, (0.4, 0.41), "open"),
        (below, (0.5, 0.5, 0.5), "against"),
    ],
)
def test_a_mean_beside_a_bound(statement, values, side):
    assert statement("it is", by_seed(values), 0.5).side == side


@pytest.mark.parametrize(
    ("a", "b", "side"),
    [
        (LARGE, SMALL, "for"),
        (SMALL, LARGE, "against"),
        (LARGE, LARGE, "against"),  # no difference
        ((0.91, 0.92, 0.93), LARGE, "against"),  # one that matters to nobody
        (NONE, NONE, "open"),  # neither learned anything
        ((0.3, 0.31, 0.33), NONE, "for"),
        ((0.5, 0.9, 0.7), (0.4, 0.5, 0.75), "open"),
        (LARGE[:2], SMALL[:2], "open"),
        ((0.9, math.nan, 0.9), SMALL, "open"),
    ],
)
def test_whether_one_is_better(a, b, side):
    assert better("a is better", by_seed(a), by_seed(b)).side == side


@pytest.mark.parametrize(
    ("a", "b", "side"),
    [
        (LARGE, LARGE, "for"),
        ((0.89, 0.9, 0.91), LARGE, "for"),  # worse, by less than matters
        (LARGE, SMALL, "for"),  # better
        (SMALL, LARGE, "against"),
        (NONE, NONE, "open"),
        (NONE, LARGE, "against"),
        ((0.7, 0.99, 0.9), LARGE, "open"),
        (LARGE[:2], LARGE[:2], "open"),
    ],
)
def test_whether_one_is_as_good(a, b, side):
    assert as_good("a is as good", by_seed(a), by_seed(b)).side == side


@pytest.mark.parametrize("statement", [better, as_good])
def test_seeds_are_paired(statement):
    a, b = {0: 0.9, 1: 0.8, 3: 0.7, 9: 0.1}, {3: 0.6, 1: 0.7, 0: 0.8, 5: 0.9}
    found = statement("paired", a, b)
    assert found.interval.n == 3
    assert found.interval.mean == pytest.approx(0.1)
    assert found.detectable < 1e-9  # every pair says the same


def test_gains_are_shares_of_the_way_from_the_best_null_baseline():
    outcomes = {
        "lstm": {"test_mse": (0.0, 1 / 24, 1 / 6)},
        "gru": {"test_mse": (1 / 12, 0.01, 0.02), "probe_x": (1.0, 2.0, 3.0)},
    }
    view = made_up("adding", outcomes, {"constant": 1 / 6, "one marker": 1 / 12})
    found = Evidence(view)
    assert found.gains("lstm") == pytest.approx({0: 1, 1: 0.5, 2: 0})
    assert found.gains("gru")[0] == pytest.approx(0)
    assert found.values("gru", "probe_x") == {0: 1, 1: 2, 2: 3}
    assert found.values("simple_rnn") == {}
    assert Evidence(view, "constant").gains("lstm") == pytest.approx({0: 1, 1: 0.75, 2: 0})


def test_gains_of_an_accuracy_go_up_to_one():
    view = made_up("digits", {"lstm": {"test_accuracy": (1.0, 0.55, 0.05)}}, {"majority": 0.1})
    assert Evidence(view).gains("lstm") == pytest.approx({0: 1, 1: 0.5, 2: 0})


def test_survivors_do_not_pass_for_the_whole():
    view = made_up("digits", {"lstm": {"test_accuracy": 0.9}, "gru": {"test_accuracy": 0.9}}, {})
    failed = [
        dataclasses.replace(trial, status=Status.FAILED) if trial.name == "lstm-s1" else trial
        for trial in view.trials
    ]
    found = Evidence(view.with_trials(tuple(failed)))
    assert found.values("lstm") == {}
    assert len(found.values("gru")) == 3


def test_without_a_null_baseline_no_gain_is_known():
    view = made_up("digits", {"lstm": {"test_accuracy": 0.9}}, {})
    assert all(math.isnan(gain) for gain in Evidence(view).gains("lstm").values())


@pytest.mark.parametrize(
    ("name", "key", "values", "solved"),
    [
        ("adding", "test_mse", (1e-3, 1e-4, 0.1), 2 / 3),
        ("lookahead", "test_accuracy", (0.99, 1.0, 0.995), 1),
        ("digits", "test_accuracy", (1.0, 1.0, 1.0), math.nan),  # there is no agreed threshold
    ],
)
def test_a_task_is_solved_at_its_threshold(name, key, values, solved):
    found = Evidence(made_up(name, {"lstm": {key: values}}, {})).solved("lstm")
    assert found.interval.mean == pytest.approx(solved, nan_ok=True)
    assert found.side is None


def test_a_margin_and_a_number_of_seeds_are_fixed():
    """They are part of the rules: a change here is a change of every verdict."""
    assert (evidence.MARGIN, evidence.FEWEST_SEEDS, evidence.LEARNED) == (0.05, 3, 0.5)
