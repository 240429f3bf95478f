"""The document of an experiment: every number of the tables, and plain JSON whatever happened."""

import json
import math
import re
from pathlib import Path

import toy
from history import begun, ended, outcome, supervised, trained, view_of

from experiments import stats
from experiments.events import Alerted, Solved
from experiments.leaderboard import leaderboard
from experiments.report import summary
from experiments.status import Status

SEEDS = range(5)
FOUND = {"gru": [0.91, 0.92, 0.9, 0.93, 0.95], "lstm": [0.7, 0.8, 0.75, 0.72, 0.6]}


def config(**changes):
    return toy.experiment(
        **{"task": {"name": "digits"}, "models": list(FOUND), "seeds": list(SEEDS), **changes}
    )


def document(view):
    """What a reader of the JSON gets; no NaN passes."""
    return json.loads(json.dumps(summary(view), allow_nan=False))


def reported(interval):
    return {"n": interval.n, "mean": interval.mean, "low": interval.low, "high": interval.high}


def test_every_number_of_the_tables_is_there():
    found = {f"{m}-s{s}": value for m, values in FOUND.items() for s, value in enumerate(values)}
    baselines = {"majority": 0.8}
    settings = config(protocol={"margin": 0.02})
    view = outcome(settings, found, key="test_accuracy", baselines=baselines)
    board, told = leaderboard(view), document(view)
    assert told["order"] == [{"model": "gru"}, {"baseline": "majority"}, {"model": "lstm"}]
    first = told["leaderboard"][0]
    assert first["model"] == "gru"
    assert first["metric"] == "test_accuracy"
    assert first["values"] == {str(seed): FOUND["gru"][seed] for seed in SEEDS}
    interval = stats.t_interval(FOUND["gru"], bounds=(0, 1))
    assert {key: first[key] for key in ("n", "mean", "low", "high")} == reported(interval)
    assert first["interquartile"] == reported(stats.interquartile_interval([FOUND["gru"]]))
    standing = board.standings[0]
    assert first["num_parameters"] == standing.num_parameters
    assert first["state_size"] == standing.state_size > 0
    assert first["flops"] == standing.flops > 0
    assert first["failed"] == 0
    assert told["leaderboard"][1]["not_above"] == ["majority"]
    (baseline,) = told["baselines"]
    assert baseline["values"] == {"test_accuracy": [0.8] * 5}
    assert baseline["metrics"]["test_accuracy"]["mean"] == 0.8
    (pair,) = told["comparisons"]
    comparison = board.comparisons[0]
    assert (pair["a"], pair["b"], pair["metric"]) == ("gru", "lstm", "test_accuracy")
    assert pair["mean"] == comparison.interval.mean
    assert (pair["outcome"], pair["winner"], pair["margin"]) == ("different", "gru", 0.02)
    for key in ("p", "p_holm", "detectable", "p_equivalent"):
        assert pair[key] == getattr(comparison, key)


def test_time_to_solve_is_told_where_there_is_a_threshold():
    settings = config(task={"name": "adding"}, models=["gru"], budget={"steps": 100})
    solved = [*begun(), Solved(time=110.0, step=20), *ended()]
    stories = {f"gru-s{seed}": solved for seed in SEEDS} | {"gru-s4": begun() + ended()}
    (row,) = document(view_of(settings, stories))["leaderboard"]
    expected = stats.time_to_solve([20, 20, 20, 20, None], 100)
    assert row["solved"] == reported(expected.solved)
    assert row["steps_to_solve"] == reported(expected.steps)


def test_what_is_not_known_is_none():
    stories = {"gru-s0": begun() + trained({8: math.inf}, "test_accuracy") + ended(Status.FAILED)}
    told = document(view_of(config(models=["gru", "toy:Linear"]), stories))
    by_model = {row["model"]: row for row in told["leaderboard"]}
    assert by_model["Linear"]["state_size"] is None
    assert by_model["Linear"]["values"] == {}
    assert by_model["gru"]["peak_memory_bytes"] is None
    assert by_model["gru"]["interquartile"]["low"] is None
    (pair,) = told["comparisons"]
    assert pair["p_equivalent"] is pair["margin"] is pair["detectable"] is pair["winner"] is None
    assert pair["outcome"] == "underpowered"


def test_the_metric_by_length_is_told_for_each_model():
    seeds = [0, 1]
    settings = config(task={"name": "reverse"}, models=["seq2seq", "transformer"], seeds=seeds)
    values = {"seq2seq-s0": 0.2, "seq2seq-s1": 0.4, "transformer-s0": 0.9}
    key = "extrapolation_exact_match_31_40"
    stories = {
        trial: begun() + trained({8: value}, "test_exact_match_4_12") + trained({8: 0.0}, key)
        for trial, value in values.items()
    }
    ends = {f"{model}-s{s}": ended() for model in ("seq2seq", "transformer") for s in seeds}
    told = document(
        view_of(settings, {trial: stories.get(trial, begun()) + end for trial, end in ends.items()})
    )["by_length"]
    assert told["metric"] == "exact_match"
    first, last = told["bins"]
    assert (first["low"], first["high"], first["is_extrapolation"]) == (4, 12, False)
    assert (last["low"], last["high"], last["is_extrapolation"]) == (31, 40, True)
    assert first["models"] == [
        {"model": "seq2seq", **reported(stats.t_interval([0.2, 0.4], bounds=(0, 1)))},
        {"model": "transformer", "n": 1, "mean": 0.9, "low": None, "high": None},
    ]
    assert [model["mean"] for model in last["models"]] == [0.0, 0.0]


def test_what_the_rules_found_is_told_in_order():
    found = [
        Alerted(
            time=float(time),
            trial="gru-s0",
            attempt=1,
            rule=rule,
            action=action,
            message=f"{rule} was found",
            step=step,
        )
        for time, rule, action, step in [(7, "plateau", "notify", 3), (8, "nan", "stop", 5)]
    ]
    view = view_of(config(), {}, [supervised(), *found])
    told = document(view)["alerts"]
    assert [Alerted(**alert) for alert in told] == list(view.alerts) == found


def test_without_bins_there_is_nothing_by_length():
    found = outcome(config(models=["gru"]), {"gru-s0": 0.9}, key="test_accuracy")
    assert document(found)["by_length"] is None


def test_the_documentation_names_every_part():
    view = outcome(config(models=["gru"]), {"gru-s0": 0.9}, key="test_accuracy")
    page = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")
    _, section = page.split("\n## JSON\n")
    assert re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE) == list(document(view))


def test_standings_at_equal_budgets():
    """By validation, whatever the tests said; the slower model bounds the time of both."""
    stories = {}
    for model, pace in (("gru", 2.0), ("lstm", 1.0)):
        curve = {2: 0.5, 4: 0.6, 6: 0.7, 8: 0.8}
        told = trained(curve, "validation_accuracy") + trained({8: 0.1}, "test_accuracy")
        steps = trained(dict.fromkeys((1, 2), pace), "step_seconds")
        stories[f"{model}-s0"] = begun() + steps + told + ended()
    view = view_of(config(seeds=[0], budget={"steps": 8}), stories)
    by_unit = {found["unit"]: found for found in document(view)["equal"]}
    assert list(by_unit) == ["steps", "seconds", "flops"]
    assert {found["metric"] for found in by_unit.values()} == {"validation_accuracy"}
    assert [by_unit[unit]["limit"] for unit in ("steps", "seconds")] == [8, 8]
    reached = {unit: {m["model"]: m for m in found["models"]} for unit, found in by_unit.items()}
    assert [reached["steps"][model]["mean"] for model in FOUND] == [0.8, 0.8]
    assert [reached["seconds"][model]["mean"] for model in FOUND] == [0.6, 0.8]
    assert reached["seconds"]["gru"]["values"] == {"0": 0.6}
    assert [(pair["a"], pair["b"]) for pair in by_unit["seconds"]["comparisons"]] == [
        ("lstm", "gru")
    ]


def test_before_any_validation_no_budget_is_equal():
    assert [found["limit"] for found in document(view_of(config(), {}))["equal"]] == [None] * 3
