"""Rules over made-up trials: each finds what it is for, and nothing else."""

import math
import threading

import pytest
import toy
from fake_supervisor import command
from history import begun, ended, trained, view_of
from hypothesis import given
from hypothesis import strategies as st

from experiments import supervisor as supervisor_module
from experiments.alert_rules import RULES, Circumstances, found
from experiments.alerts import Alerts
from experiments.assignment import set_value
from experiments.config import ExperimentConfig
from experiments.control import Request, asked
from experiments.errors import RequestError
from experiments.events import Alerted, LoadSampled, Measured, Pretrained, decode, encode
from experiments.journal import JournalReader
from experiments.read_model import fold_experiment
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder
from experiments.supervisor import Supervisor
from experiments.watch import Watch, memory

STEPS = 100
CONFIG = toy.experiment(budget={"steps": STEPS, "evaluations": 20}, models=["gru"], seeds=[0])
NAME = CONFIG.trials()[0].name


def view(train=None, validation=None, **others):
    """An experiment of one trial at work, with losses by step."""
    story = begun()
    series = {"train_loss": train, "validation_loss": validation, "validation_mse": validation}
    parts = [trained(v, key) for key, v in {**series, **others}.items() if v]
    story += sorted((event for part in parts for event in part), key=lambda event: event.time)
    return view_of(CONFIG, {NAME: story})


def load(trial, memory_bytes, cores=1.0, time=104.0):
    return LoadSampled(time=time, trial=trial, cores=cores, memory_bytes=memory_bytes)


def holding(of, memory_bytes, cores=1.0):
    """A view in which the process of the trial was looked at."""
    return fold_experiment(of, [load(NAME, memory_bytes, cores)])


def told(of, now=None, **known):
    trial = of.trials[0]
    alerts = known.pop("alerts", Alerts())
    return found(trial, Circumstances(alerts, trial.updated if now is None else now, **known))


def falling(steps=STEPS):
    return {step: 2.0 ** (-step / 20) for step in range(1, steps + 1)}


def every(series, steps=5):
    return {step: value for step, value in series.items() if step % steps == 0}


def test_a_healthy_run_is_left_alone():
    for until in range(1, STEPS + 1):
        losses = {step: loss for step, loss in falling().items() if step <= until}
        assert told(view(losses, every(losses)), memory_used=9.0, memory_total=10.0) == {}


@given(st.lists(st.floats(0.5, 1.5), min_size=STEPS, max_size=STEPS))
def test_noise_is_no_divergence(noise):
    losses = dict(enumerate(noise, 1))
    assert "divergence" not in told(view(losses))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "key", ["train_loss", "gradient_norm", "validation_loss", "validation_mse"]
)
def test_nan(key, value):
    story = view(**{key: {1: 1.0, 7: value}}) if key == "gradient_norm" else None
    story = story or view_of(CONFIG, {NAME: begun() + trained({1: 1.0, 7: value}, key)})
    assert told(story)["nan"] == f"{key} is {value} at step 7"


def test_divergence_is_a_loss_far_above_where_it_began():
    losses = falling(50) | dict.fromkeys(range(51, 70), 4.0)
    assert "was" in told(view(losses))["divergence"]
    assert told(view(losses), alerts=Alerts(divergence_factor=10.0)) == {}
    # A peak of a few batches is none.
    assert told(view(falling(90) | {91: 50.0, 92: 50.0, 93: 0.1})) == {}


@pytest.mark.parametrize("flat", [40, 49, 50, 60])
def test_a_plateau_is_as_long_as_its_share(flat):
    values = every(falling(STEPS - 60))
    values |= dict.fromkeys(range(45, 40 + flat + 1, 5), 0.5)
    values[40 + flat] = 0.5
    assert ("plateau" in told(view(validation=values))) is (flat >= 50)


def test_a_loss_that_still_falls_is_no_plateau():
    stuck = dict.fromkeys(range(5, STEPS + 1, 5), 1.0)
    moving = view(validation=every(falling()), validation_mse=stuck)
    assert told(moving) == {}
    assert set(told(view(validation=stuck))) == {"plateau"}


def test_a_stall_is_a_silence_longer_than_any_before():
    at_work = view(falling(50))
    last = at_work.trials[0].updated
    assert told(at_work, now=last + 59) == {}
    assert told(at_work, now=last + 61)["stall"] == "no step for 61 s"
    slow = trained({1: 1.0}, "train_loss") + [
        Measured(time=200.0 + 10 * step, step=step, values={"train_loss": 1.0})
        for step in range(2, 40)
    ]
    slow_view = view_of(CONFIG, {NAME: begun() + slow})
    last = slow_view.trials[0].updated
    assert told(slow_view, now=last + 299) == {}
    # Training is over: what tests take is their own affair.
    assert told(view(falling()), now=1e9) == {}


def pretraining(updates, until):
    """A view of a trial that pretrains, a second an update, with its last update `until`."""
    config = toy.experiment(
        task={"name": "topics"}, models=[{"name": "bert", "pretraining_steps": updates}], seeds=[0]
    )
    steps = [
        Pretrained(time=102.0 + step, step=step, values={"loss": 1.0})
        for step in range(1, until + 1)
    ]
    name = config.trials()[0].name
    return config, name, begun() + steps


def test_a_stall_of_pretraining():
    config, name, story = pretraining(updates=100, until=50)
    at_work = view_of(config, {name: story})
    last = at_work.trials[0].updated
    assert told(at_work, now=last + 59) == {}
    assert told(at_work, now=last + 61)["stall"] == "no step of pretraining for 61 s"
    # Before that was seen a while, nobody knows what is long.
    assert told(view_of(config, {name: story[:20]}), now=1e9) == {}


def test_between_pretraining_and_training_nothing_stalls():
    config, name, story = pretraining(updates=50, until=50)
    assert told(view_of(config, {name: story}), now=1e9) == {}
    # From then on training alone counts, of which a pause before it is no part.
    story += trained(falling(30), "train_loss", since=300.0)
    at_work = view_of(config, {name: story})
    last = at_work.trials[0].updated
    assert told(at_work, now=last + 61)["stall"] == "no step for 61 s"


def test_memory_is_told_of_the_largest():
    nothing_known = view(falling(20))
    at_work = holding(nothing_known, 2**30)
    full = {"memory_used": 9.6 * 2**30, "memory_total": 10.0 * 2**30}
    assert told(at_work, **full) == {}
    said = told(at_work, **full, is_largest=True)["memory"]
    assert said == "9.6 of 10.0 GiB of memory are in use, of which it holds 1.0"
    assert told(at_work, is_largest=True) == {}  # nobody knows how much there is
    assert told(nothing_known, **full, is_largest=True) == {}


def test_the_largest_is_who_holds_most_as_seen_from_outside():
    settings = toy.experiment(models=["gru"], seeds=[0, 1, 2])
    names = [trial.name for trial in settings.trials()]
    stories = {name: begun() for name in names}
    loads = [load(names[1], 2**30), load(names[2], 2**29)]
    limits = Alerts(memory_share=1e-9)
    (event,) = Watch(limits, found_view := view_of(settings, stories, loads)).look(found_view, 0.0)
    assert (event.trial, event.rule) == (names[1], "memory")
    assert event.message.endswith("are in use, of which it holds 1.0")


def test_a_stall_tells_what_its_process_does():
    hung = holding(view(falling(50)), 2**30, cores=0.0)
    last = hung.trials[0].updated
    said = told(hung, now=last + 61)["stall"]
    assert said == "no step for 61 s, and its process keeps 0.0 cores busy"


def test_overfit_is_a_gap_that_opens_and_stays():
    rising = every({step: 0.5 + abs(step - 30) / 10 for step in range(1, STEPS + 1)})
    assert "0.5" in told(view(falling(), rising))["overfit"]
    # Training loss rises, too: the data became harder, or it diverges.
    training = {step: 1.0 + step / 100 for step in range(1, STEPS + 1)}
    assert "overfit" not in told(view(training, rising))
    # Two bad validations come and go.
    values = every(falling()) | {95: 9.0, 100: 9.0}
    assert "overfit" not in told(view(falling(), values))


@pytest.mark.parametrize("rule", list(RULES))
def test_a_rule_that_is_off_finds_nothing(rule):
    bad = holding(view(dict.fromkeys(range(1, 50), math.nan)), 1)
    known = {"memory_used": 1.0, "memory_total": 1.0, "is_largest": True, "now": 1e9}
    said = told(bad, **known)
    assert told(bad, **known, alerts=Alerts(**{rule: "off"})) == {
        name: words for name, words in said.items() if name != rule
    }


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.RUNNING])
def test_only_trials_at_work_are_judged(status):
    story = begun() + trained({1: math.nan}, "train_loss") + ended(status)
    assert told(view_of(CONFIG, {NAME: story})) == {}


# Configuration


def test_the_settings_are_written_where_they_differ():
    document = toy.experiment().document()
    assert "alerts" not in document
    set_value(document, "alerts.nan=stop")
    set_value(document, "alerts.stall_factor=50")
    config = ExperimentConfig.from_document(document)
    assert config.alerts == Alerts(nan="stop", stall_factor=50.0)
    assert config.document()["alerts"] == {"nan": "stop", "stall_factor": 50.0}
    assert ExperimentConfig.from_document(config.document()) == config


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("alerts.nan=stopp", "Did you mean 'stop'?"),
        ("alerts.divergense=stop", "Did you mean 'divergence'?"),
        ("alerts.memory_share=2", "alerts.memory_share: expected float <= 1.0. Received: 2."),
        ("alerts.stall_factor=1", "alerts.stall_factor: expected float > 1.0. Received: 1."),
    ],
)
def test_what_is_no_setting_is_refused(assignment, message):
    document = toy.experiment().document()
    set_value(document, assignment)
    with pytest.raises(RequestError) as refused:
        ExperimentConfig.from_document(document)
    assert message in str(refused.value)


# Watching


def test_each_is_told_once_for_every_attempt():
    bad = view({1: 1.0, 2: math.nan})
    watch = Watch(Alerts(nan="checkpoint"), bad)
    (event,) = watch.look(bad, 0.0)
    assert (event.trial, event.rule, event.action, event.step) == (NAME, "nan", "checkpoint", 2)
    assert not list(watch.look(bad, 0.0))
    # Another supervisor knows from the journal what was told.
    known = view_of(CONFIG, {}, [decode(encode(event))])
    assert known.alerts == (event,)
    assert not list(Watch(Alerts(), known).look(bad, 0.0))
    again = begun(300.0, attempt=2) + trained({1: math.nan}, "train_loss", since=300.0)
    assert [e.attempt for e in watch.look(view_of(CONFIG, {NAME: again}), 0.0)] == [2]


def test_memory_is_the_machines_or_the_nearer_limit(tmp_path):
    used, total = memory(tmp_path)
    assert 0 < used < total
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("990\n")
    (tmp_path / "memory.stat").write_text("anon 900\ninactive_file 10\n")
    assert memory(tmp_path) == (980.0, 1000.0)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory(tmp_path)[1] == total


@pytest.mark.parametrize(
    ("action", "status"),
    [("stop", Status.STOPPED), ("checkpoint", Status.COMPLETED), ("notify", Status.RUNNING)],
)
def test_the_supervisor_does_what_the_rule_says(tmp_path, monkeypatch, action, status):
    monkeypatch.setattr(supervisor_module, "WATCH_SECONDS", 0.0)
    config = toy.experiment(models=["gru"], seeds=[0], alerts={"nan": action})
    folder = ExperimentFolder.create(tmp_path, config, {})
    supervisor = Supervisor(
        folder, command("loses its gradient"), asked_seconds=5, terminated_seconds=0.2
    )
    trial = folder.trial(config.trials()[0].name)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        alerted = []
        while not alerted and thread.is_alive():
            records = JournalReader(folder.journal).read()
            alerted = [event for event in records if isinstance(event, Alerted)]
            threading.Event().wait(0.02)
        (event,) = alerted
        assert (event.rule, event.action) == ("nan", action)
        assert event.message == "gradient_norm is nan at step 8"
        if action == "notify":
            assert asked(trial).request is Request.NONE
            assert ExperimentReader(folder).read().trials[0].status is status
            return
        thread.join(30)
        found = ExperimentReader(folder).read().trials[0]
        assert found.status is status
        if action == "stop":
            assert found.reason == f"alerts.nan: {event.message}"
    finally:
        supervisor.stop()
        thread.join(30)
