"""Successive halving: the rule against a plain account of it, the stops with fake workers."""

import math

import fake_supervisor
import msgspec
import numpy as np
import pytest
import toy
from history import begun, ended, trained
from test_supervisor import (
    conclusions,
    create,
    process,
    records,
    statuses,
    training,
)
from waiting import until

from experiments import pruning
from experiments.control import Request, ask, asked
from experiments.errors import RequestError
from experiments.events import RateChosen, StopRequested, TrialEnded
from experiments.journal import JournalWriter
from experiments.process import this_process
from experiments.pruning import Halving
from experiments.reader import ExperimentReader
from experiments.request import experiment_request
from experiments.status import Status
from experiments.supervisor import Supervisor
from experiments.tasks.task import Metric
from tui.exit_code import exit_code

__all__ = ["create"]  # a fixture

COMPLETED, PRUNED, STOPPED = Status.COMPLETED, Status.PRUNED, Status.STOPPED
RATES = ("0.0001", "0.000316", "0.001", "0.00316")  # around toy.Sums's own, 0.001
NAMES = tuple(f"gru-lr{rate}" for rate in RATES)
MSE = Metric("mse", higher_is_better=False)
ACCURACY = Metric("accuracy", higher_is_better=True)
# Trials that tune get 8 steps, as many as a fake worker makes: rungs at 2 and at 4.
PRUNING = {"protocol": {"tune": True, "prune": True}, "budget": {"steps": 20}, "seeds": [0]}


# The rule


class Account:
    """Which trials go on, told by the definition alone."""

    def __init__(self, trials, steps):
        count = int(math.log2(trials))
        first = math.ceil(steps / 2**count)
        self.steps = steps
        self.rungs = [first * 2**i for i in range(count)]
        self.there = {rung: {} for rung in self.rungs}

    def goes_on(self, name, step, loss):
        """Whether it does after `step`, when its lowest loss so far is `loss`."""
        for rung in self.rungs:
            if rung > step or step == self.steps or name in self.there[rung]:
                continue
            self.there[rung][name] = loss
            losses = sorted(self.there[rung].values())
            if loss > losses[max(1, len(losses) // 2) - 1]:
                return False
        return True


@pytest.mark.parametrize("metric", [MSE, ACCURACY], ids=["mse", "accuracy"])
@pytest.mark.parametrize(
    ("trials", "steps", "evaluations"),
    [(2, 8, 4), (3, 10, 10), (4, 400, 10), (4, 403, 7), (4, 7, 7), (4, 5, 2), (9, 100, 50)],
)
def test_a_rate_goes_on_while_it_is_in_the_better_half_of_those_that_came_so_far(
    metric, trials, steps, evaluations
):
    ends = set()
    for seed in range(20):
        generator = np.random.default_rng(seed)
        halving, account = Halving(trials, steps, metric), Account(trials, steps)
        left = {
            name: [round(steps * (i + 1) / evaluations) for i in range(evaluations)]
            for name in map(str, range(trials))
        }
        lowest = dict.fromkeys(left, math.inf)
        finished = 0
        while left:
            name = generator.choice(list(left))
            step, loss = left[name].pop(0), generator.uniform()
            lowest[name] = min(lowest[name], loss)
            reason = halving.report(name, step, -loss if metric is ACCURACY else loss)
            assert account.goes_on(name, step, lowest[name]) == (not reason)
            if reason:
                halving.prune(name)
            finished += not (reason or left[name])
            if reason or not left[name]:
                del left[name]
        ends.add(finished)
    assert min(ends) >= 1  # whoever is first passes
    assert min(ends) < trials


def test_four_rates_are_judged_after_a_quarter_and_after_a_half():
    halving = Halving(4, 400, MSE)
    for step in range(40, 401, 40):
        assert halving.report("best", step, 0.1) == ""
    assert halving.report("worst", 80, 0.9) == ""
    assert halving.report("worst", 120, 0.9) != ""
    # The third is judged against two, the fourth in the better half of four.
    assert halving.report("good", 120, 0.05) == ""
    assert halving.report("fair", 120, 0.1) == ""
    assert halving.report("good", 160, 0.05) == halving.report("fair", 160, 0.1) == ""
    assert halving.report("good", 200, 0.05) == ""
    assert halving.report("fair", 200, 0.07) != ""


def test_the_reason_tells_value_step_and_the_best():
    halving = Halving(2, 8, ACCURACY)
    halving.report("a", 4, 0.75)
    assert halving.report("b", 4, 0.5) == (
        "validation accuracy 0.5 at step 4, where the best had 0.75"
    )


def test_after_the_last_step_nothing_is_judged():
    halving = Halving(2, 8, MSE)
    assert halving.report("a", 8, 0.1) == halving.report("b", 8, 0.9) == ""


def test_the_best_so_far_counts_as_in_the_choice():
    halving = Halving(2, 8, MSE)
    assert halving.report("a", 4, 0.3) == ""
    assert halving.report("b", 2, 0.2) == ""
    assert halving.report("b", 4, 0.9) == ""
    assert halving.report("b", 6, math.nan) == ""


def test_what_is_no_number_never_passes_a_rung():
    halving = Halving(2, 8, MSE)
    assert halving.report("a", 4, math.nan) == (
        "validation mse nan at step 4, where the best had nan"
    )
    assert halving.report("b", 4, math.inf) == ""  # the best there is


def test_optuna_says_nothing(capfd):
    halving = Halving(2, 8, MSE)
    halving.report("a", 4, 0.1)
    halving.report("b", 4, 0.2)
    halving.prune("b")
    assert capfd.readouterr() == ("", "")


# The request


def test_it_is_off_unless_asked_for_and_needs_no_optuna_then(monkeypatch):
    monkeypatch.setattr(pruning.importlib.util, "find_spec", lambda _: None)
    assert not experiment_request("adding", models="gru").protocol.prune


def test_without_optuna_it_is_refused_at_once(monkeypatch, create):
    assert experiment_request("adding", models="gru", protocol={"prune": True}).protocol.prune
    monkeypatch.setattr(pruning.importlib.util, "find_spec", lambda _: None)
    refusal = r'^protocol.prune: Optuna is not installed.*pip install "keras-seq\[optuna\]"\.$'
    with pytest.raises(RequestError, match=refusal):
        experiment_request("adding", models="gru", protocol={"prune": True})
    # Nor does a supervisor begin, where it was installed on another machine.
    folder = create(**PRUNING)
    with pytest.raises(RequestError, match=refusal):
        supervisor(folder, "completes")
    assert set(statuses(folder)) == {Status.QUEUED}


def test_pruning_without_tuning_is_refused():
    with pytest.raises(RequestError, match=r"^protocol.prune: only trials that tune are pruned"):
        toy.experiment(protocol={"tune": False, "prune": True})


# The stops, with fake workers


def supervisor(folder, behaviour):
    """Trials that tune behave in one way; those to compare are completed."""

    def command(trial):
        is_tuning = "-lr" in trial.name
        return fake_supervisor.command(behaviour if is_tuning else "completes")(trial)

    return Supervisor(folder, command, asked_seconds=0.2, terminated_seconds=0.2)


def test_rates_that_fall_behind_are_pruned_and_no_failure(create):
    folder = create(jobs=1, **PRUNING)
    supervisor(folder, "waits unless 0.0001").run()
    assert statuses(folder) == [COMPLETED, PRUNED, PRUNED, PRUNED, COMPLETED]
    for (_, reason), rate in zip(conclusions(folder)[1:4], RATES[1:], strict=True):
        distance = math.log(float(rate) / 0.0001)
        assert reason == f"validation mse {distance:.3g} at step 4, where the best had 0"
    # The supervisor's own journal says the same as the workers'.
    assert [(end.status, end.reason) for end in records(folder, TrialEnded)] == conclusions(folder)
    assert {event.trial for event in records(folder, StopRequested)} == set(NAMES[1:])
    view = ExperimentReader(folder).read()
    assert (view.status, exit_code(view)) == (COMPLETED, 0)
    (chosen,) = records(folder, RateChosen)
    assert chosen.learning_rate == 0.0001
    assert [rate for rate, value in chosen.values.items() if math.isnan(value)] == list(RATES[1:])


def test_every_model_is_halved_by_itself(create):
    folder = create(models=["gru", "lstm"], jobs=1, **PRUNING)
    supervisor(folder, "waits unless 0.0001").run()
    tuned = statuses(folder)[:8]
    assert tuned == 2 * [COMPLETED, PRUNED, PRUNED, PRUNED]


def test_one_that_does_not_listen_is_terminated_and_pruned_all_the_same(create):
    folder = create(jobs=1, **PRUNING)
    supervisor(folder, "ignores all unless 0.0001").run()
    assert statuses(folder) == [COMPLETED, PRUNED, PRUNED, PRUNED, COMPLETED]
    assert all(reason.endswith(" (terminated)") for _, reason in conclusions(folder)[1:4])


def test_where_nothing_is_pruned_the_same_trials_are_completed(create):
    folder = create(jobs=1, **{**PRUNING, "protocol": {"tune": True}})
    supervisor(folder, "prefers 0.0001").run()
    assert statuses(folder) == [COMPLETED] * 5


def test_a_person_s_stop_stays_a_person_s(create):
    folder = create(jobs=1, **PRUNING)
    ask(folder.trial(NAMES[1]), Request.STOP)
    supervisor(folder, "waits unless 0.0001").run()
    assert statuses(folder) == [COMPLETED, STOPPED, PRUNED, PRUNED, COMPLETED]


def test_one_that_falls_behind_once_a_person_has_stopped_it_is_stopped(create):
    folder = create(jobs=1, **PRUNING)
    supervisor(folder, "is stopped unless 0.0001").run()
    assert conclusions(folder)[1:4] == 3 * [(STOPPED, "stopped by a person")]
    assert [asked(folder.trial(name)).request for name in NAMES[1:]] == 3 * [Request.STOP]


# Successors


def written(folder, name, value, end=COMPLETED):
    journal = JournalWriter(folder.trial(name).journal)
    for event in begun() + trained({4: value}, "validation_mse") + ended(end):
        journal.append(event)
    journal.close()


def test_a_later_supervisor_judges_by_what_the_one_before_saw_and_prunes_nothing_twice(create):
    folder = create(jobs=1, **PRUNING)
    for name, end in zip(NAMES[:3], (COMPLETED, PRUNED, Status.FAILED), strict=True):
        written(folder, name, 0.0, end)
    before = folder.trial(NAMES[1]).journal.read_bytes()
    supervisor(folder, "waits unless 0.0001").run()
    assert statuses(folder) == [COMPLETED, PRUNED, Status.FAILED, PRUNED, COMPLETED]
    assert folder.trial(NAMES[1]).journal.read_bytes() == before
    assert [end.trial for end in records(folder, TrialEnded)] == [NAMES[3], "gru-s0"]


def test_a_later_supervisor_knows_what_the_one_before_was_about_to_prune(create):
    folder = create(jobs=1, **PRUNING)
    ask(folder.trial(NAMES[3]), Request.PRUNE, "far behind")
    supervisor(folder, "prefers 0.001").run()
    assert conclusions(folder)[3] == (PRUNED, "far behind")
    assert not folder.trial(NAMES[3]).console.exists()


def test_what_is_pruned_while_no_supervisor_lives_says_so_itself(create):
    folder = create(jobs=4, **PRUNING)
    with process(folder, "waits") as child:
        until(lambda: training(folder, *NAMES))
        child.kill()
        child.wait(30)
    reader = ExperimentReader(folder)
    for name in NAMES:
        ask(folder.trial(name), Request.PRUNE, f"{name} is far behind")
    until(lambda: all(reader.read().trial(name).status is PRUNED for name in NAMES))
    assert [reason for _, reason in conclusions(folder)[:4]] == [
        f"{name} is far behind" for name in NAMES
    ]


def test_an_attempt_that_was_lost_is_judged_by_nothing_it_had_reached(create):
    folder = create(jobs=1, **PRUNING)
    for name in NAMES[:3]:
        written(folder, name, 0.5)
    journal = JournalWriter(folder.trial(NAMES[3]).journal)
    gone = msgspec.structs.replace(this_process(), created=0.0)
    for event in begun(process=gone) + trained({4: 9.0}, "validation_mse"):
        journal.append(event)
    journal.close()
    # The fourth of four passes in the better half: now it is the one preferred.
    supervisor(folder, "waits unless 0.00316").run()
    assert statuses(folder) == [COMPLETED] * 5
