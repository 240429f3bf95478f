"""Training with a real backend, on a toy."""

import dataclasses
import math
from unittest.mock import ANY

import numpy as np
import psutil
import pytest
import toy

from experiments.control import Control, Request
from experiments.errors import DivergedError
from experiments.evaluation import evaluate
from experiments.events import (
    Built,
    DataRead,
    DependenceFound,
    Measured,
    NotRecorded,
    Recorded,
    Solved,
)
from experiments.fingerprint import Fingerprint
from experiments.fit import BLOCK_SECONDS, MOST_UPDATES, next_size
from experiments.listener import Listener
from experiments.recorders.recording import read_recording
from experiments.store import TrialFolder
from experiments.training import train
from experiments.trial_data import HASHED_BATCHES

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.slow  # TensorFlow takes seconds to import


EVALUATED = ("validation", "test")


def trial(model="toy:Linear", seed=0, **changes):
    return toy.experiment(models=[model], seeds=[seed], **changes).trials()[0]


def trained(config, stop_after=None):
    """The records of a training, in which a stop is asked after so many steps."""
    records = []
    asked = 0

    def read():
        nonlocal asked
        asked += 1
        is_enough = stop_after is not None and asked > stop_after
        return Control(request=Request.STOP if is_enough else Request.NONE)

    done = train(config, records.append, Listener(read, records.append), threads=1)
    assert done is (stop_after is None)
    return records


def train_all(config, records, folder=None):
    """Train while nobody asks for anything."""
    listener = Listener(Control, records.append)
    return train(config, records.append, listener, threads=1, folder=folder)


def curve(records, key):
    return {
        record.step: record.values[key]
        for record in records
        if isinstance(record, Measured) and key in record.values
    }


@pytest.fixture(autouse=True)
def nothing_asked_before():
    toy.Sums.asked.clear()


@pytest.fixture
def quick_steps(monkeypatch):
    """Steps that take no time, as far as the training knows: at most 1, 2, 4 ... at a time."""
    monkeypatch.setattr("experiments.fit.BLOCK_SECONDS", math.inf)


def test_a_training_tells_what_the_issue_promises():
    config = trial()
    records = trained(config)
    built, measured = records[0], [r for r in records if isinstance(r, Measured)]
    assert isinstance(built, Built)
    assert built.num_parameters == 4  # three weights and a bias
    assert built.backend == keras.backend.backend()
    assert built.threads == 1
    for key in ("train_loss", "learning_rate", "gradient_norm", "step_seconds", "memory_bytes"):
        assert list(curve(measured, key)) == list(range(1, 9))  # thinned from 1,000 steps on
    assert list(curve(measured, "learning_rate").values()) == pytest.approx([1e-3] * 8)
    assert all(seconds > 0 for seconds in curve(measured, "step_seconds").values())
    memory = curve(measured, "memory_bytes")[8]
    assert 1 << 24 < memory < psutil.virtual_memory().total
    assert list(curve(measured, "peak_memory_bytes")) == [8]
    peak = curve(measured, "peak_memory_bytes")[8]
    # The kernel's count of pages runs a little behind, differently in the two places.
    assert 0.98 * memory < peak < psutil.virtual_memory().total
    assert list(curve(measured, "validation_mse")) == [2, 4, 6, 8]
    assert list(curve(measured, "test_mse")) == list(curve(measured, "test_loss")) == [8]


def test_the_loss_told_is_the_mean_since_the_last_record(monkeypatch):
    # At a learning rate of nothing the weights stay, so each loss can be computed afterwards.
    config = trial(budget={"steps": 7, "learning_rate": 1e-9})
    monkeypatch.setattr("experiments.budget.Budget.record_every", lambda budget: 3)
    told = curve(trained(config), "train_loss")
    assert list(told) == [1, 3, 6, 7]
    task = config.task.task
    keras.utils.set_random_seed(config.seed)
    model = config.model.model.build(task)
    for since, (step, loss) in zip([0, *told], told.items(), strict=False):
        batches = [task.train_batch(config.seed, i, 4) for i in range(since, step)]
        errors = [model.predict_on_batch(b.inputs) - b.targets for b in batches]
        assert loss == pytest.approx(np.mean(np.square(errors)), rel=1e-5)


@pytest.mark.backends
def test_same_seed_same_curve_and_another_seed_another():
    def curves(seed):
        records = trained(trial(seed=seed))
        return [
            curve(records, key)
            for key in ("train_loss", "gradient_norm", "validation_mse", "test_mse")
        ]

    assert curves(0) == curves(0)
    assert curves(0) != curves(1)


@pytest.mark.usefixtures("quick_steps")
@pytest.mark.parametrize("record_every", [1, 3])
def test_how_many_updates_are_made_at_a_time_changes_no_number(monkeypatch, record_every):
    monkeypatch.setattr("experiments.budget.Budget.record_every", lambda budget: record_every)
    config = trial("gru", budget={"steps": 12, "evaluations": 2})  # 1, 2, 3; 6
    many = trained(config)
    monkeypatch.setattr("experiments.fit.MOST_UPDATES", 1)
    single = trained(config)
    for key in ("train_loss", "gradient_norm", "learning_rate", "validation_mse", "test_mse"):
        assert curve(many, key) == pytest.approx(curve(single, key), rel=1e-6)


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [
        (1, 0.1 * BLOCK_SECONDS, 2),
        (MOST_UPDATES, 0.1 * BLOCK_SECONDS, MOST_UPDATES),
        (4, 0.9 * BLOCK_SECONDS, 4),
        (4, 1.1 * BLOCK_SECONDS, 2),
        (1, 9 * BLOCK_SECONDS, 1),
    ],
)
def test_updates_at_a_time_take_about_as_long_as_a_person_waits(size, seconds, expected):
    assert next_size(size, seconds) == expected


@pytest.mark.parametrize("model", ["toy:Linear", "gru"])
def test_every_model_sees_the_same_data_in_the_same_order(model):
    trained(trial(model, seed=3))
    train_steps = [("train", 3, index) for index in range(8)]
    assert [asked for asked in toy.Sums.asked if asked[0] == "train"] == train_steps
    assert toy.Sums.asked[0] == ("validation", 3, 0)
    # Test is read once, after everything else.
    assert [asked for asked in toy.Sums.asked if asked[0] == "test"] == [("test", 3, 0)]
    assert toy.Sums.asked[-1] == ("test", 3, 0)


def test_the_test_is_taken_by_the_weights_that_validated_best():
    """A learning rate that overshoots: validation is best in the middle."""
    config = trial(budget={"steps": 12, "evaluations": 12, "learning_rate": 2.0})
    records = trained(config)
    validation = curve(records, "validation_mse")
    best = min(validation, key=validation.get)
    assert 1 < best < 12
    # The same training ended at the best step tests the same weights.
    budget = dataclasses.replace(config.budget, steps=best, evaluations=best)
    short = dataclasses.replace(config, budget=budget)
    assert curve(trained(short), "test_mse")[best] == pytest.approx(
        curve(records, "test_mse")[12], rel=1e-6
    )


def test_of_equal_validations_the_one_of_least_loss_is_tested(monkeypatch):
    measure = toy.Sums.measure
    monkeypatch.setattr(toy.Sums, "measure", lambda *arguments: {**measure(*arguments), "mse": 1.0})
    budget = {"steps": 12, "evaluations": 12, "learning_rate": 2.0}
    records = trained(trial(budget=budget))
    losses = curve(records, "validation_loss")
    best = min(losses, key=losses.get)
    assert 1 < best < 12
    short = trained(trial(budget={**budget, "steps": best, "evaluations": best}))
    assert curve(records, "test_loss")[12] == pytest.approx(curve(short, "test_loss")[best], 1e-6)


@pytest.mark.parametrize("clip_norm", [1e9, 1e-3])
def test_the_gradient_norm_is_that_of_all_gradients_before_clipping(clip_norm):
    """For a linear model and squared error the gradient is known in closed form."""
    config = trial(budget={"clip_norm": clip_norm, "learning_rate": 1e-9})
    told = curve(trained(config), "gradient_norm")
    task = config.task.task
    keras.utils.set_random_seed(config.seed)
    weights, bias = config.model.model.build(task).get_weights()
    for step, norm in told.items():
        batch = task.train_batch(config.seed, step - 1, config.budget.batch_size)
        x = batch.inputs[..., 0]
        error = 2 * (x @ weights + bias - batch.targets) / len(x)
        squares = np.sum((x.T @ error) ** 2) + np.sum(error.sum(axis=0) ** 2)
        assert norm == pytest.approx(math.sqrt(squares), rel=1e-4)


@pytest.mark.backends
def test_updates_are_keras_s_own_adam_with_the_clip_norm_asked():
    """What tells the norm must change nothing: the curve is that of plain Keras."""
    config = trial(budget={"clip_norm": 0.5, "learning_rate": 0.1})
    told = curve(trained(config), "validation_mse")
    task, budget = config.task.task, config.budget
    keras.utils.set_random_seed(config.seed)
    model = config.model.model.build(task)
    model.compile(keras.optimizers.Adam(0.1, global_clipnorm=0.5), "mse")
    validation = task.evaluation_set("validation", config.seed)
    for step in range(1, budget.steps + 1):
        batch = task.train_batch(config.seed, step - 1, budget.batch_size)
        model.train_on_batch(batch.inputs, batch.targets)
        if step in told:
            error = model.predict_on_batch(validation.inputs) - validation.targets
            assert told[step] == pytest.approx(np.mean(error**2), rel=1e-5)


@pytest.mark.usefixtures("quick_steps")
@pytest.mark.parametrize("evaluations", [4, 1])  # first of 5, 6; second of 4, 5, 6, 7
def test_a_loss_that_is_no_number_ends_the_training_and_stays_in_the_journal(evaluations):
    records = []
    budget = {"evaluations": evaluations}
    config = trial(task={"name": "toy:Sums", "nan_at": 4}, budget=budget)
    with pytest.raises(DivergedError, match=r"^the loss became nan at step 5; a lower learning"):
        train_all(config, records)
    assert list(curve(records, "train_loss")) == [1, 2, 3, 4, 5]
    last = records[-1]
    assert last.step == 5
    assert math.isnan(last.values["train_loss"])
    assert not curve(records, "test_mse")
    assert "test" not in {asked[0] for asked in toy.Sums.asked}


def test_a_last_update_that_diverges_is_not_a_result():
    """The loss of the last step is finite; what the step made of the weights is not."""
    budget = {"steps": 1, "learning_rate": 1e9, "evaluations": 1}
    task = {"name": "toy:Sums", "scale": 1e12}
    records = []
    with pytest.raises(DivergedError, match=r"^the test loss became nan after step 1$"):
        train_all(trial(budget=budget, task=task), records)
    assert math.isfinite(curve(records, "train_loss")[1])
    assert curve(records, "gradient_norm")[1] == math.inf
    assert math.isnan(curve(records, "test_mse")[1])  # stored, not dropped


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_stop_is_heard_between_two_steps_that_take_long(monkeypatch, steps):
    monkeypatch.setattr("experiments.fit.BLOCK_SECONDS", 0)
    records = trained(trial(), stop_after=steps)
    assert max(curve(records, "train_loss"), default=0) == steps
    assert not curve(records, "test_mse")


@pytest.mark.usefixtures("quick_steps")
@pytest.mark.parametrize(("times", "steps"), [(0, 0), (1, 1), (2, 3), (3, 7)])
def test_a_stop_is_heard_when_the_updates_of_one_go_are_made(times, steps):
    records = trained(trial(budget={"evaluations": 1}), stop_after=times)
    assert list(curve(records, "train_loss")) == list(range(1, steps + 1))
    assert not curve(records, "test_mse")


def test_long_tests_are_predicted_in_parts(monkeypatch):
    whole = curve(trained(trial()), "test_mse")
    monkeypatch.setattr("experiments.evaluation.EVALUATION_BATCH", 5)  # of 16 sequences
    assert curve(trained(trial()), "test_mse") == pytest.approx(whole, rel=1e-6)


def test_measures_are_plain_numbers_whatever_the_task_returns():
    measured = [record for record in trained(trial()) if isinstance(record, Measured)]
    for record in measured:
        assert {type(value) for value in record.values.values()} == {float}


def test_probes_come_last_and_are_recorded_under_their_names():
    records = trained(trial(probes=["support"]))
    last = [record for record in records if isinstance(record, Measured)][-1]
    assert last.step == 8
    # A dense layer over the whole sequence depends on all of it.
    assert last.values["probe_support_share"] == 1
    assert all(key.startswith("probe_support_") for key in last.values)


# The protocol


def told(records, kind):
    return [record for record in records if isinstance(record, kind)]


def splits_asked():
    return [asked[0] for asked in toy.Sums.asked if asked[0] != "train"]


def test_a_trial_ends_once_validation_has_said_three_times_that_the_task_is_solved():
    records = trained(trial(task={"name": "toy:Easy"}))  # validates after 2, 4, 6 and 8 steps
    assert told(records, Solved) == [Solved(time=ANY, step=2)]
    assert list(curve(records, "train_loss")) == [1, 2, 3, 4, 5, 6]
    assert list(curve(records, "validation_mse")) == [2, 4, 6]
    assert list(curve(records, "test_mse")) == [6]


@pytest.mark.parametrize(
    "changes",
    [
        {"task": {"name": "toy:Easy"}, "protocol": {"stop_early": False}},
        {"task": {"name": "toy:Sums"}},  # knows no threshold
        {"task": {"name": "toy:Easy"}, "budget": {"evaluations": 2}},
    ],
)
def test_otherwise_it_trains_to_the_end_of_its_budget(changes):
    records = trained(trial(**changes))
    assert list(curve(records, "test_mse")) == [8]


def test_a_trial_that_tunes_reads_validation_only_and_trains_all_its_steps():
    config = dataclasses.replace(trial(task={"name": "toy:Easy"}), role="tuning")
    records = trained(config)
    assert splits_asked() == ["validation"]
    assert max(curve(records, "train_loss")) == 8
    assert told(records, DependenceFound) == []
    assert {record.split for record in told(records, DataRead)} == {"train", "validation"}


def test_a_rate_that_diverges_with_the_last_update_comes_to_no_good_end():
    task = {"name": "toy:Sums", "scale": 1e12}
    budget = {"steps": 1, "learning_rate": 1e9, "evaluations": 1}
    config = dataclasses.replace(trial(budget=budget, task=task), role="tuning")
    with pytest.raises(DivergedError, match=r"^the validation loss became nan after step 1$"):
        train_all(config, [])


def test_longer_sequences_are_tested_last():
    records = trained(trial("gru", task={"name": "toy:Growing"}))
    assert splits_asked() == ["validation", "test", *4 * ["extrapolation"]]
    (test,) = curve(records, "test_mse").values()
    assert curve(records, "test_mse_4_4") == {8: test}
    values = [curve(records, f"extrapolation_mse_{n}_{n}")[8] for n in (6, 8, 16, 32)]
    assert curve(records, "extrapolation_mse")[8] == pytest.approx(np.mean(values))


@pytest.mark.parametrize(
    ("item", "split", "kind"), [("lengths", "extrapolation", None), ("causality", None, True)]
)
def test_what_is_switched_off_is_not_done(item, split, kind):
    records = trained(trial("gru", task={"name": "toy:Growing"}, protocol={item: False}))
    assert split not in splits_asked()
    assert bool(told(records, DependenceFound)) is (kind is None)


def test_what_the_network_reads_is_found_before_training():
    records = trained(trial())
    kinds = [type(record) for record in records]
    (found,) = told(records, DependenceFound)
    assert kinds.index(DependenceFound) < kinds.index(Measured)
    assert (found.is_causal, found.tried, found.unread) == (None, (0, 1, 2), ())


@pytest.mark.parametrize("steps", [3, 8, 12])
def test_the_hashes_are_of_what_was_read(steps):
    task = toy.Sums()
    splits = {split: Fingerprint().add(task.evaluation_set(split, 5)) for split in EVALUATED}
    splits["train"] = Fingerprint()
    for index in range(min(steps, HASHED_BATCHES)):
        splits["train"].add(task.train_batch(5, index, 4))
    for model in ("toy:Linear", "gru"):
        records = trained(trial(model, seed=5, budget={"steps": steps, "evaluations": 1}))
        assert {record.split: record.sha256 for record in told(records, DataRead)} == {
            split: data.text for split, data in splits.items()
        }


@pytest.mark.parametrize("model", ["lstm", "self_attention"])
def test_recording_changes_no_number(model, monkeypatch, tmp_path):
    monkeypatch.setattr("experiments.recorders.time_budget.SHARE", math.inf)
    config = trial(model, budget={"steps": 20, "evaluations": 5})
    kept = {}

    def weights_of(name, folder):
        def evaluated(model, task, batch):
            kept.setdefault(name, []).append(model.get_weights())
            return evaluate(model, task, batch)

        monkeypatch.setattr("experiments.fit.evaluate", evaluated)
        monkeypatch.setattr("experiments.training.evaluate", evaluated)
        records = []
        assert train_all(config, records, folder)
        return records

    with_it = weights_of("with", TrialFolder(tmp_path))
    without = weights_of("without", None)
    recorded = [record for record in with_it if isinstance(record, Recorded)]
    assert [record.step for record in recorded] == [4, 8, 12, 16, 20]
    for key in ("train_loss", "gradient_norm", "validation_mse", "test_mse"):
        assert curve(with_it, key) == curve(without, key)
    for one, other in zip(kept["with"], kept["without"], strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "changes", [{"protocol": {"record": False}}, {"budget": {"steps": 8}, "role": "tuning"}]
)
def test_only_comparisons_are_recorded_and_only_where_they_are_to_be(
    changes, monkeypatch, tmp_path
):
    monkeypatch.setattr("experiments.recorders.time_budget.SHARE", math.inf)
    role = changes.pop("role", "comparison")
    config = dataclasses.replace(trial("lstm", **changes), role=role)
    records = []
    assert train_all(config, records, TrialFolder(tmp_path))
    assert not any(isinstance(record, Recorded | NotRecorded) for record in records)
    assert list(tmp_path.iterdir()) == []


# Every kind of task, with all that a trial does


KINDS = {
    "a class per step": (
        {"name": "lookahead", "length": 6, "offset": 1, "validation_size": 8, "test_size": 8},
        {"name": "lstm", "units": 4},
        ["accuracy", "states", "states_over_units", "gradient_norm"],
    ),
    "a sequence": (
        {"name": "reverse", "max_length": 4, "validation_size": 8, "test_size": 8},
        {"name": "seq2seq_attention", "units": 4},
        ["accuracy", "attention", "states", "states_over_units", "gradient_norm"],
    ),
    "a value": (
        {"name": "adding", "length": 6, "validation_size": 8, "test_size": 8},
        {"name": "transformer", "hidden_dim": 8, "dropout": 0.1},
        ["attention", "gradient_norm"],
    ),
}


@pytest.mark.backends
@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_does_all_that_it_has_to(kind, monkeypatch, tmp_path):
    monkeypatch.setattr("experiments.recorders.time_budget.SHARE", math.inf)
    task, model, recorded = KINDS[kind]
    probes = ["reset_state", "state_change", "support"]
    config = trial(
        model,
        task=task,
        budget={"steps": 4, "batch_size": 4, "evaluations": 2},
        probes=probes,
        protocol={"match": "none"},
    )
    records, folder = [], TrialFolder(tmp_path)
    assert train_all(config, records, folder)
    (built,) = told(records, Built)
    assert built.backend == keras.config.backend()
    assert told(records, DependenceFound)
    measured = {key: v for record in told(records, Measured) for key, v in record.values.items()}
    assert all(math.isfinite(value) for value in measured.values())
    metric = config.task.task.metric.name
    assert {"train_loss", "gradient_norm", f"validation_{metric}", f"test_{metric}"} <= set(
        measured
    )
    # A network that is no chain of layers has no state to reset, one that decodes no support.
    answered = {
        name for name in probes if any(key.startswith(f"probe_{name}_") for key in measured)
    }
    expected = {"lookahead": set(probes), "reverse": set(), "adding": {"support"}}
    assert answered == expected[task["name"]]
    assert [record.step for record in told(records, Recorded)] == [2, 4]
    assert {trace.name for trace in read_recording(folder.recording(4)).traces} == set(recorded)
