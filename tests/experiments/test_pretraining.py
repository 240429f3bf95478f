"""Pretraining with the real TensorFlow, on a small text."""

import dataclasses
import math

import numpy as np
import pytest
import toy

from experiments.best_weights import BestWeights
from experiments.checkpoint import CheckpointFile
from experiments.control import Control, Request
from experiments.errors import DivergedError, RequestError
from experiments.events import DataRead, Measured, Pretrained, RateChanged
from experiments.fingerprint import Fingerprint
from experiments.listener import Listener
from experiments.models.bert import Bert
from experiments.tasks.topics import MaskedTopics, Topics
from experiments.training import train

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.slow  # TensorFlow takes seconds to import

SMALL = {"hidden_dim": 8, "num_heads": 2, "intermediate_dim": 8, "num_layers": 1}
TASK = {"labelled": 1, "vocabulary_size": 30, "length": 8}
BUDGET = {"steps": 4, "batch_size": 8, "evaluations": 2, "learning_rate": 0.01}


def trial(updates=5, seed=0, **settings):
    model = {"name": "bert", "pretraining_steps": updates, **SMALL, **settings}
    return toy.experiment(
        task={"name": "topics", **TASK},
        models=[model],
        seeds=[seed],
        budget=BUDGET,
        protocol={"causality": False},
    ).trials()[0]


def listener(read=Control):
    return Listener(read, lambda event: None)


def trained(config):
    records = []
    assert train(config, records.append, listener(), threads=1)
    return records


@pytest.fixture(scope="module")
def records():
    """Those of a trial that pretrains."""
    return trained(trial())


def curve(records, kind, key):
    return {r.step: r.values[key] for r in records if isinstance(r, kind) and key in r.values}


def plain(records):
    """All that was measured but for time and memory."""
    return {
        (type(record), record.step, key): value
        for record in records
        if isinstance(record, Measured | Pretrained)
        for key, value in record.values.items()
        if "seconds" not in key and "memory" not in key
    }


def numbers(records):
    """The same, up to the order in which threads add."""
    return {key: pytest.approx(value, rel=1e-4) for key, value in plain(records).items()}


def weights(network):
    return {v.path: v.numpy() for v in network.trainable_variables}


@pytest.fixture
def short(monkeypatch):
    """Pretraining that validates once, after its last update."""
    budget = dataclasses.replace(MaskedTopics.budget, evaluations=1, batch_size=8)
    monkeypatch.setattr(MaskedTopics, "budget", budget)
    return budget


def begun(config, records=None):
    """The network of a trial as training begins with it."""
    from experiments.pretraining import pretrain

    keras.utils.set_random_seed(config.seed)
    network = config.model.model.build(config.task.task)
    tell = (records if records is not None else []).append
    assert pretrain(network, config, tell, listener())
    return network


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_weights_that_both_networks_have_move_over_and_no_others(pooling):
    from experiments.pretraining import carry_over

    model, task = Bert(**SMALL, pooling=pooling), Topics(**TASK)
    learned, network = model.build(task.pretraining()), model.build(task)
    for variable in [*learned.trainable_variables, *network.trainable_variables]:
        variable.assign(keras.random.normal(variable.shape))
    source, before = weights(learned), weights(network)
    carry_over(learned, network)
    after = weights(network)
    own = {path for path in after if path.startswith(("predictions/", "encoder/pooled_dense/"))}
    assert len(own) == (4 if pooling == "first" else 2)
    assert after.keys() - own == source.keys() - {"predictions/kernel", "predictions/bias"}
    for path, values in after.items():
        np.testing.assert_array_equal(values, (before if path in own else source)[path])


def test_predictions_stay_where_they_happen_to_have_the_same_shape():
    from experiments.pretraining import carry_over

    model, task = Bert(**SMALL), Topics(labelled=1, vocabulary_size=8, length=8)
    learned, network = model.build(task.pretraining()), model.build(task)
    before = weights(network)["predictions/kernel"]
    assert weights(learned)["predictions/kernel"].shape == before.shape
    carry_over(learned, network)
    np.testing.assert_array_equal(weights(network)["predictions/kernel"], before)


def test_networks_without_weights_in_common_are_refused():
    from experiments.pretraining import carry_over

    inputs = keras.Input((3,))
    learned, network = (
        keras.Model(inputs, keras.layers.Dense(2, name=name)(inputs)) for name in ("a", "b")
    )
    with pytest.raises(RequestError, match=r"no weights in common.*Received: a and b\.$"):
        carry_over(learned, network)


def test_what_is_learned_is_what_plain_keras_learns(short):
    """Warm-up and decay, the batches of the task without labels, and the loss of what is asked."""
    config = trial(updates=12)
    found = weights(begun(config))
    task = config.task.task.pretraining()
    keras.utils.set_random_seed(config.seed)
    start = weights(config.model.model.build(config.task.task))
    learned = config.model.model.build(task)
    adam = keras.optimizers.Adam(0.0, global_clipnorm=short.clip_norm)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    learned.compile(adam, loss)
    for step in range(12):
        # Up in the first tenth, and then down along half a wave.
        wave = 0.5 * (1 + math.cos(math.pi * (step - 1) / 11))
        adam.learning_rate = short.learning_rate * (wave if step else 0)
        learned.train_on_batch(*task.train_batch(config.seed, step, short.batch_size))
    expected = {**start, **weights(learned)}
    own = {"predictions/kernel", "predictions/bias"}
    path = "encoder/token_embedding/embeddings"
    assert not np.allclose(found[path], start[path], atol=1e-3)
    for path, values in found.items():
        oracle = start[path] if path in own else expected[path]
        np.testing.assert_allclose(values, oracle, rtol=1e-3, atol=1e-5, err_msg=path)


def test_the_weights_that_validated_best_are_handed_on(monkeypatch):
    """A learning rate that overshoots: what the best step had is not what the last one has."""
    budget = dataclasses.replace(MaskedTopics.budget, evaluations=10, learning_rate=1.0)
    monkeypatch.setattr(MaskedTopics, "budget", budget)
    seen = []

    def offer(best, values, network):
        seen.append((values["accuracy"], -values["loss"], weights(network)))
        kept(best, values, network)

    kept = BestWeights.offer
    monkeypatch.setattr(BestWeights, "offer", offer)
    found = weights(begun(trial(updates=10)))
    assert len(seen) == 10
    *_, best = max(seen, key=lambda each: each[:2])
    *_, last = seen[-1]
    path = "encoder/token_embedding/embeddings"
    assert not np.array_equal(best[path], last[path])
    np.testing.assert_array_equal(found[path], best[path])


@pytest.mark.backends
def test_training_counts_from_the_first_step_again_and_what_was_read_is_told(records):
    losses = curve(records, Pretrained, "loss")
    assert list(losses) == [1, 2, 3, 4, 5]
    assert losses[1] == pytest.approx(math.log(30), rel=0.2)  # of an untrained network
    assert list(curve(records, Measured, "train_loss")) == [1, 2, 3, 4]
    assert 5 in curve(records, Pretrained, "accuracy")
    kinds = [type(record) for record in records]
    assert max(i for i, kind in enumerate(kinds) if kind is Pretrained) < kinds.index(Measured)
    task = trial().task.task.pretraining()
    size = task.budget.batch_size
    first = Fingerprint()
    for index in range(5):
        first.add(task.train_batch(0, index, size))
    told = {r.split: r.sha256 for r in records if isinstance(r, DataRead)}
    assert told["pretraining_train"] == first.text
    assert told.keys() == {
        "pretraining_train",
        "pretraining_validation",
        "train",
        "validation",
        "test",
    }


def test_same_seed_same_numbers(records):
    assert plain(trained(trial())) == numbers(records)


def test_without_pretraining_a_task_that_offers_it_is_like_one_that_does_not():
    scratch = trained(trial(updates=0))
    assert not [record for record in scratch if isinstance(record, Pretrained)]
    bare = type("Bare", (Topics,), {"pretraining": lambda self: None})
    config = trial(updates=0)
    config = dataclasses.replace(config, task=dataclasses.replace(config.task, task=bare(**TASK)))
    assert plain(trained(config)) == numbers(scratch)


def test_a_trial_that_tunes_pretrains_too():
    records = trained(dataclasses.replace(trial(), role="tuning"))
    assert len(curve(records, Pretrained, "loss")) == 5
    assert not curve(records, Measured, "test_accuracy")


def test_a_stop_is_heard_during_pretraining():
    records = []
    looks = iter([Request.NONE, Request.NONE])
    stop = listener(lambda: Control(request=next(looks, Request.STOP)))
    assert not train(trial(updates=1000), records.append, stop, threads=1)
    assert 0 < len(curve(records, Pretrained, "loss")) < 100
    assert not [record for record in records if isinstance(record, Measured)]


def test_a_learning_rate_asked_for_meanwhile_is_that_of_training(records):
    told = []
    asked = Listener(lambda: Control(learning_rate=0.5), told.append)
    assert train(trial(), told.append, asked, threads=1)
    losses = pytest.approx(curve(records, Pretrained, "loss"), rel=1e-4)
    assert curve(told, Pretrained, "loss") == losses
    (changed,) = [record for record in told if isinstance(record, RateChanged)]
    assert (changed.step, changed.before, changed.learning_rate) == (0, 0.01, 0.5)


@pytest.mark.backends
def test_a_training_taken_up_again_is_not_pretrained_again(records, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.fit.MOST_UPDATES", 1)

    def attempt(stop_after=math.inf):
        told = []

        def read():
            is_enough = len(curve(told, Measured, "train_loss")) >= stop_after
            return Control(request=Request.STOP if is_enough else Request.NONE)

        checkpoints = CheckpointFile(tmp_path / "checkpoint", told.append)
        done = train(trial(), told.append, listener(read), 1, checkpoints)
        assert done is (stop_after == math.inf)
        return told

    before, after = attempt(stop_after=2), attempt()
    assert not [record for record in after if isinstance(record, Pretrained)]
    assert plain(before) | plain(after) == numbers(records)


def test_a_loss_that_is_no_number_ends_the_trial(monkeypatch):
    budget = dataclasses.replace(MaskedTopics.budget, learning_rate=1e9, clip_norm=1e9)
    monkeypatch.setattr(MaskedTopics, "budget", budget)
    records = []
    with pytest.raises(DivergedError, match=r"^pretraining: the loss became (nan|inf) at step \d+"):
        train(trial(updates=30), records.append, listener(), threads=1)
    assert not math.isfinite(list(curve(records, Pretrained, "loss").values())[-1])


def test_a_task_with_nothing_to_learn_from_before_is_refused_before_the_first_trial():
    message = (
        r"^bert: parity has nothing to learn from before its labels\. Expected .* topics, or "
        r"pretraining_steps=0\. Received: pretraining_steps=5\.$"
    )
    with pytest.raises(RequestError, match=message):
        toy.experiment(task={"name": "parity"}, models=[{"name": "bert", "pretraining_steps": 5}])
