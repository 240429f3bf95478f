"""How learning rates are chosen: the rule on made-up histories, the order with fake workers."""

import json
import math
import os
import signal

import fake_supervisor
import pytest
import toy
from history import begun, ended, supervised, trained, view_of
from test_supervisor import (
    conclusions,
    create,
    process,
    records,
    running_supervisor,
    statuses,
    training,
)
from waiting import until

from experiments.control import Request, ask
from experiments.errors import RequestError
from experiments.events import RateChosen, TrialEnded
from experiments.journal import JournalWriter
from experiments.process import is_alive
from experiments.protocol import Protocol
from experiments.read_model import fold_experiment
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.supervisor import Supervisor
from experiments.tuning import choose, tunings, untuned, warning

__all__ = ["create"]  # a fixture

COMPLETED, FAILED, STOPPED = Status.COMPLETED, Status.FAILED, Status.STOPPED
PRUNED = Status.PRUNED
RATES = ("0.0001", "0.000316", "0.001", "0.00316")  # around toy.Sums's own, 0.001
TUNED = {"protocol": {"tune": True}}
CONFIG = toy.experiment(models=["gru"], seeds=[0, 7], **TUNED)


def tuned(*values, ends=4 * (COMPLETED,)):
    """The view when the trials of the rates have reached these values, one each."""
    stories = {
        f"gru-lr{rate}": begun() + trained({3: value}, "validation_mse") + ended(end)
        for rate, value, end in zip(RATES, values, ends, strict=True)
    }
    return view_of(CONFIG, stories)


# The grid


def test_every_model_tries_the_same_rates_with_a_seed_that_is_not_compared():
    config = toy.experiment(seeds=[0, 2**32 - 1], budget={"steps": 100}, **TUNED)
    trials = [trial for trial in config.trials() if trial.role == "tuning"]
    assert [trial.name for trial in trials] == [
        f"{model}-lr{rate}" for model in ("gru", "lstm") for rate in RATES
    ]
    assert {trial.seed for trial in trials} == {2**32 - 2}
    assert {trial.budget.steps for trial in trials} == {40}
    assert [trial.budget.learning_rate for trial in trials] == 2 * list(map(float, RATES))
    # Those to compare come behind, with the whole budget.
    rest = config.trials()[len(trials) :]
    assert [trial.name for trial in rest] == [
        f"{model}-s{seed}" for seed in config.seeds for model in ("gru", "lstm")
    ]
    assert {trial.budget for trial in rest} == {config.budget}


def test_more_seeds_change_no_tuning():
    few, many = (
        toy.experiment(seeds=list(range(count)), **TUNED).trials()[:8] for count in (1, 20)
    )
    assert few == many


@pytest.mark.parametrize(
    ("evaluations", "steps", "expected"), [(4, 8, (3, 2)), (25, 1000, (400, 10)), (1, 1, (1, 1))]
)
def test_trials_that_tune_are_shorter_and_evaluated_as_often_per_step(evaluations, steps, expected):
    config = toy.experiment(budget={"steps": steps, "evaluations": evaluations}, **TUNED)
    budget = config.trials()[0].budget
    assert (budget.steps, budget.evaluations) == expected


def test_the_usual_grid_is_spaced_evenly_on_a_log_scale():
    logs = [math.log10(factor) for factor in Protocol().rate_factors]
    assert logs == pytest.approx([-1, -0.5, 0, 0.5])


@pytest.mark.parametrize(
    "factors", [[], [1.0], [1.0, 1.0], [1.0, 1.001], [2.0, 1.0], [0.0, 1.0], [1.0, 1e4]]
)
def test_a_grid_that_is_none_is_refused(factors):
    with pytest.raises(RequestError, match=r"^protocol.rate_factors"):
        toy.experiment(protocol={"tune": True, "rate_factors": factors})
    if factors != [0.0, 1.0] and factors != [1.0, 1e4]:
        # Nobody needs it when nothing is tuned.
        toy.experiment(protocol={"rate_factors": factors, "tune": False})


@pytest.mark.parametrize("rate", [5e-324, 1e9])
def test_rates_beyond_what_a_budget_takes_are_refused(rate):
    with pytest.raises(RequestError, match=r"^protocol.rate_factors: expected learning rates"):
        toy.experiment(budget={"learning_rate": rate}, **TUNED)


# The choice


@pytest.mark.parametrize(
    ("values", "chosen", "is_edge"),
    [
        ((0.4, 0.1, 0.2, 0.3), 0.000316, False),
        ((0.4, 0.3, 0.1, 0.2), 0.001, False),
        ((0.1, 0.3, 0.2, 0.2), 0.0001, True),
        ((0.4, 0.3, 0.2, 0.1), 0.00316, True),
        ((math.nan, math.nan, math.nan, 0.9), 0.00316, True),
        ((0.2, 0.2, 0.2, 0.2), 0.001, False),  # equals: the budget's own
        ((0.1, 0.1, 0.2, 0.2), 0.000316, False),  # the nearest to it
        ((0.5, 0.1, 0.2, 0.1), 0.000316, False),  # as near: the lower
        ((math.inf, math.nan, math.nan, math.nan), 0.0001, True),
    ],
)
def test_the_best_validation_chooses(values, chosen, is_edge):
    found = choose(tuned(*values), "gru")
    assert (found.learning_rate, found.is_edge) == (chosen, is_edge)
    assert found.values == pytest.approx(dict(zip(RATES, values, strict=True)), nan_ok=True)


def test_the_best_of_a_trial_s_evaluations_counts_and_not_its_last():
    values = {f"gru-lr{rate}": {1: 0.5, 2: 0.4} for rate in RATES}
    values["gru-lr0.000316"] = {1: 0.1, 2: 0.9}
    stories = {
        name: begun() + trained(curve, "validation_mse") + ended() for name, curve in values.items()
    }
    assert choose(view_of(CONFIG, stories), "gru").learning_rate == 0.000316


@pytest.mark.parametrize("end", [FAILED, STOPPED, Status.LOST])
def test_a_trial_without_a_good_end_is_the_worst_however_well_it_did(end):
    found = choose(tuned(0.4, 0.0, 0.3, 0.9, ends=(COMPLETED, end, COMPLETED, COMPLETED)), "gru")
    assert found.learning_rate == 0.001
    assert math.isnan(found.values["0.000316"])


def test_one_that_was_pruned_is_worse_than_every_one_that_was_completed():
    found = choose(tuned(0.4, 0.0, 0.5, 0.1, ends=(COMPLETED, PRUNED, COMPLETED, PRUNED)), "gru")
    assert found.learning_rate == 0.0001
    assert [math.isnan(value) for value in found.values.values()] == [False, True, False, True]


def test_where_none_was_completed_those_that_were_pruned_count():
    view = tuned(0.4, 0.2, 0.0, 0.1, ends=(PRUNED, PRUNED, FAILED, STOPPED))
    assert choose(view, "gru").learning_rate == 0.000316
    (tuning,) = tunings(with_choice(view))
    assert tuning.pruned == (0.0001, 0.000316)
    assert warning(tuning) == (
        "gru: every learning rate that was not pruned came to no good end; trained with the best "
        "of the others, 0.000316"
    )


def test_higher_may_be_better():
    config = toy.experiment(models=["gru"], task={"name": "digits"}, **TUNED)
    stories = {
        trial.name: begun() + trained({1: value}, "validation_accuracy") + ended()
        for trial, value in zip(config.trials()[:4], (0.1, 0.2, 0.5, 0.3), strict=True)
    }
    view = view_of(config, stories)
    assert choose(view, "gru").learning_rate == config.budget.learning_rate


# What is known of it


def with_choice(view):
    return fold_experiment(view, [choose(view, "gru")])


def test_the_trials_to_compare_are_known_to_be_trained_with_the_rate_chosen():
    view = with_choice(tuned(0.4, 0.1, 0.2, 0.3))
    rates = {trial.config.budget.learning_rate for trial in view.comparison_trials}
    assert rates == {0.000316}
    assert [t.config.budget.learning_rate for t in view.tuning_trials] == list(map(float, RATES))
    assert untuned(view) == {}
    (tuning,) = tunings(view)
    assert (tuning.model, tuning.is_failed, warning(tuning)) == ("gru", False, "")


def test_what_tuning_cost_is_counted():
    (tuning,) = tunings(with_choice(tuned(0.4, 0.1, 0.2, 0.3)))
    assert tuning.updates == 4 * 3
    assert tuning.seconds == 4 * 20  # from 100 to 120, each


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.1, 0.2, 0.3, 0.4), "gru: its best learning rate, 0.0001, is the smallest that was tri"),
        ((0.4, 0.3, 0.2, 0.1), "gru: its best learning rate, 0.00316, is the largest that was tri"),
        (4 * (math.nan,), "gru: no learning rate came to a good end in tuning; trained with the b"),
    ],
)
def test_a_doubtful_choice_is_said(values, said):
    (tuning,) = tunings(with_choice(tuned(*values)))
    assert warning(tuning).startswith(said)


def test_a_rate_that_failed_is_no_failure_of_the_experiment():
    view = tuned(0.4, 0.1, 0.2, math.nan, ends=(COMPLETED, COMPLETED, COMPLETED, FAILED))
    stories = {name: begun() + ended() for name in ("gru-s0", "gru-s7")}
    assert view.status is Status.RUNNING
    trials = tuple(
        done if done.is_tuning else compared
        for done, compared in zip(view.trials, view_of(CONFIG, stories).trials, strict=True)
    )
    assert view.with_trials(trials).status is COMPLETED


def test_progress_and_the_time_left_know_that_these_trials_are_shorter():
    config = toy.experiment(models=["gru"], seeds=[0], budget={"steps": 100}, **TUNED)
    # 40 steps in 42 seconds, two of which were building.
    stories = {
        f"gru-lr{rate}": begun() + trained({40: 0.1}, "validation_mse") + ended(time=142.0)
        for rate in RATES
    }
    view = view_of(config, stories, [supervised(jobs=1)])
    assert view.progress == pytest.approx(160 / 260)
    assert view.remaining_seconds == pytest.approx(42 / 40 * 100)


# The order, with fake workers


def supervisor(folder, behaviour, others=None):
    """Trials that tune behave in one way, those to compare in another."""

    def command(trial):
        is_tuning = "-lr" in trial.name
        return fake_supervisor.command(behaviour if is_tuning else others or behaviour)(trial)

    return Supervisor(folder, command, asked_seconds=0.2, terminated_seconds=0.2)


def rates_written(folder):
    """The learning rates in the files of the trials to compare."""
    trials = folder.read_config().trials()
    return {
        trial.name: folder.trial(trial.name).read_config().budget.learning_rate
        for trial in trials
        if trial.role == "comparison"
    }


def test_the_rate_is_chosen_frozen_and_used(create):
    folder = create(models=["gru", "lstm"], seeds=[0, 1], **TUNED)
    before = folder.trial("gru-s0").config.read_text()
    supervisor(folder, "prefers 0.0003").run()
    view = ExperimentReader(folder).read()
    assert statuses(folder) == [COMPLETED] * 12
    assert [(e.model, e.learning_rate) for e in records(folder, RateChosen)] == [
        (chosen.model, 0.000316) for chosen in view.rates
    ]
    assert {chosen.model for chosen in view.rates} == {"gru", "lstm"}
    assert set(rates_written(folder).values()) == {0.000316}
    for trial in view.comparison_trials:
        assert trial.values("learning_rate").last == 0.000316
    # Nothing else was changed in the file.
    document = json.loads(before)
    document["budget"]["learning_rate"] = 0.000316
    assert json.loads(folder.trial("gru-s0").config.read_text()) == document


def test_no_trial_is_compared_before_its_model_is_tuned(create):
    folder = create(models=["gru", "lstm"], seeds=[0], jobs=2, **TUNED)
    supervisor(folder, "prefers 0.001").run()
    view = ExperimentReader(folder).read()
    for trial in view.comparison_trials:
        (chosen,) = [chosen for chosen in view.rates if chosen.model == trial.model]
        tuning = [t for t in view.tuning_trials if t.model == trial.model]
        assert max(t.ended for t in tuning) <= chosen.time <= trial.started


def test_a_model_waits_for_its_own_tuning_only(create):
    folder = create(models=["gru", "lstm"], seeds=[0], jobs=8, **TUNED)

    def command(trial):
        behaviour = "waits" if trial.name.startswith("lstm") else "prefers 0.001"
        return fake_supervisor.command(behaviour)(trial)

    started = Supervisor(folder, command, asked_seconds=0.2, terminated_seconds=0.2)
    with running_supervisor(started):
        reader = ExperimentReader(folder)
        until(lambda: reader.read().trial("gru-s0").status is COMPLETED)
        assert reader.read().trial("lstm-s0").status is Status.QUEUED
        started.stop()
    assert [e.model for e in records(folder, RateChosen)] == ["gru"]


@pytest.mark.parametrize("behaviour", ["exits", "is killed", "says it failed", "leaves no result"])
def test_when_no_rate_comes_to_a_good_end_the_budget_s_own_is_used(create, behaviour):
    folder = create(seeds=[0], **TUNED)
    supervisor(folder, behaviour, "completes").run()
    (chosen,) = records(folder, RateChosen)
    assert chosen.learning_rate == 0.001
    assert all(math.isnan(value) for value in chosen.values.values())
    view = ExperimentReader(folder).read()
    assert view.status is COMPLETED
    assert warning(tunings(view)[0]).startswith("gru: no learning rate came to a good end")


def test_one_rate_is_stopped_and_the_others_are_compared(create):
    folder = create(seeds=[0], **TUNED)
    ask(folder.trial("gru-lr0.000316"), Request.STOP)
    supervisor(folder, "prefers 0.0003").run()
    assert statuses(folder) == [COMPLETED, STOPPED, COMPLETED, COMPLETED, COMPLETED]
    assert records(folder, RateChosen)[0].learning_rate == 0.0001


def test_stopping_everything_chooses_nothing(create):
    folder = create(seeds=[0, 1], **TUNED)
    names = [trial.name for trial in folder.read_config().trials()]
    started = supervisor(folder, "waits")
    with running_supervisor(started):
        until(lambda: training(folder, *names[:4]))
        for name in names:
            ask(folder.trial(name), Request.STOP)
    assert statuses(folder) == [STOPPED] * 6
    assert records(folder, RateChosen) == []


def test_a_file_that_cannot_be_changed_is_its_trial_s_failure(create):
    folder = create(seeds=[0, 1], **TUNED)
    folder.trial("gru-s0").config.write_text("{")
    supervisor(folder, "prefers 0.001").run()
    first, second = conclusions(folder)[4:]
    assert first[0] is FAILED
    assert first[1].startswith(f"{folder.trial('gru-s0').config} is damaged")
    assert second == (COMPLETED, "")


# Successors


def test_a_later_supervisor_chooses_from_what_the_one_before_left(create):
    folder = create(seeds=[0], **TUNED)
    for rate, value in zip(RATES, (0.4, 0.1, 0.3, 0.2), strict=True):
        journal = JournalWriter(folder.trial(f"gru-lr{rate}").journal)
        for event in begun() + trained({3: value}, "validation_mse") + ended():
            journal.append(event)
        journal.close()
    supervisor(folder, "says it failed", "completes").run()
    assert statuses(folder) == [COMPLETED] * 5
    assert [event.trial for event in records(folder, TrialEnded)] == ["gru-s0"]
    assert rates_written(folder) == {"gru-s0": 0.000316}


def test_a_choice_is_never_made_twice(create):
    folder = create(seeds=[0, 1], **TUNED)
    chosen = RateChosen(model="gru", learning_rate=0.5, values={"0.5": 0.1})
    journal = JournalWriter(folder.journal)
    journal.append(chosen)
    journal.close()
    for name in ("gru-s0", "gru-s1"):
        folder.trial(name).set_learning_rate(0.5)
    supervisor(folder, "prefers 0.001").run()
    assert records(folder, RateChosen) == [chosen]
    assert set(rates_written(folder).values()) == {0.5}


def test_a_later_supervisor_waits_for_a_worker_that_outlived_the_one_before(create):
    folder = create(seeds=[0], jobs=4, **TUNED)
    names = [f"gru-lr{rate}" for rate in RATES]
    with process(folder, "waits") as child:
        until(lambda: training(folder, *names))
        child.kill()
        child.wait(30)
    reader = ExperimentReader(folder)
    orphan = reader.read().trial(names[1]).process
    others = [reader.read().trial(name).process for name in names if name != names[1]]
    for victim in others:
        os.kill(victim.pid, signal.SIGKILL)
    until(lambda: not any(is_alive(victim) for victim in others))
    started = supervisor(folder, "prefers 0.001")
    with running_supervisor(started):
        rest = [name for name in names if name != names[1]]
        until(lambda: all(reader.read().trial(name).status is COMPLETED for name in rest))
        assert reader.read().trial("gru-s0").status is Status.QUEUED
        assert reader.read().trial(names[1]).process == orphan
        ask(folder.trial(names[1]), Request.STOP)
    assert statuses(folder) == [COMPLETED, STOPPED, COMPLETED, COMPLETED, COMPLETED]
    assert records(folder, RateChosen)[0].learning_rate == 0.001
