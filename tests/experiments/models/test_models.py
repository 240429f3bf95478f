"""What every model of the catalog keeps to, on toy tasks."""

import re
from dataclasses import fields, replace

import keras
import msgspec
import numpy as np
import pytest
from forms import INPUTS, TARGETS, Toy

from experiments.assignment import set_value
from experiments.budget import Budget
from experiments.catalog import MODELS, find_task, models_for
from experiments.config import (
    ExperimentConfig,
    ModelChoice,
    TaskChoice,
    TrialConfig,
)
from experiments.control import Control
from experiments.errors import RequestError
from experiments.events import Measured
from experiments.lengths import longer
from experiments.listener import Listener
from experiments.losses import loss_of
from experiments.models.bert import Bert
from experiments.models.self_attention import SelfAttention
from experiments.models.transformer import Transformer
from experiments.tasks.adding import Adding
from experiments.tasks.copy_memory import CopyMemory
from experiments.tasks.digits import Digits
from experiments.tasks.mqar import MQAR
from experiments.tasks.reverse import Reverse
from experiments.tasks.task import (
    Channels,
    Classes,
    Sequences,
    Tokens,
)
from experiments.training import train

VARIANTS = {
    "self_attention_causal": SelfAttention(causal=True, num_layers=2),
    "transformer_causal": Transformer(causal=True),
    "transformer_alibi": Transformer(causal=True, positions="alibi"),
    "transformer_rotary": Transformer(positions="rotary"),
}
STEPWISE = [model for model in MODELS.values() if Classes in model.predicts]
DECODING = [model for model in MODELS.values() if Sequences in model.predicts]


@pytest.fixture(
    params=[*(model() for model in STEPWISE), *VARIANTS.values()],
    ids=[*(model.name for model in STEPWISE), *VARIANTS],
)
def model(request):
    """A model that gives one prediction, or one per step."""
    return request.param


@pytest.fixture(autouse=True)
def same_start():
    """First weights that are the same each time."""
    keras.utils.set_random_seed(0)


@pytest.fixture
def readable(model):
    """A form of input that the model reads; numbers where it can."""
    return INPUTS["channels" if Channels in model.reads else "tokens"]


@pytest.fixture(
    params=[*(model() for model in DECODING), VARIANTS["transformer_alibi"]],
    ids=[*(model.name for model in DECODING), "transformer_alibi"],
)
def decoding_model(request):
    """A model that writes sequences."""
    return request.param


@pytest.fixture(params=TARGETS.values(), ids=TARGETS.keys())
def target_form(request):
    return request.param


def compiled(network, task, **options):
    loss = "mse"
    if isinstance(task.target, Classes):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(task.budget.learning_rate, global_clipnorm=1.0)
    network.compile(optimizer, loss, **options)
    return network


def predictions(network, inputs):
    return keras.ops.convert_to_numpy(network(inputs, training=False))


def changed(inputs, steps):
    """The inputs with other values at `steps`."""
    other = inputs.copy()
    other[:, steps] += 1
    return other % 7 if inputs.ndim == 2 else other


@pytest.mark.parametrize("kind", INPUTS)
def test_predicts_and_trains_for_every_form_of_task(model, kind, target_form):
    task = Toy(INPUTS[kind], target_form)
    assert model.serves(task) == isinstance(task.input, model.reads)
    if not model.serves(task):
        return
    model.check(task)
    network = model.build(task)
    inputs, targets = task.train_batch(seed=0, index=0, size=5)
    width = target_form.count if isinstance(target_form, Classes) else target_form.width
    steps = (6,) if target_form.per_step else ()
    assert predictions(network, inputs).shape == (5, *steps, width)
    before = [weight.copy() for weight in network.get_weights()]
    compiled(network, task, run_eagerly=True)
    assert np.isfinite(network.train_on_batch(inputs, targets))
    moved = [not np.array_equal(*pair) for pair in zip(before, network.get_weights(), strict=True)]
    assert np.mean(moved) > 0.7  # a key's bias in attention has no gradient


def test_other_lengths_can_be_predicted(model, readable):
    network = model.build(Toy(readable, TARGETS["classes_per_step"]))
    for length in (2, 6, 11):
        inputs = Toy(readable, sequence_length=length).train_batch(0, 0, 2).inputs
        assert predictions(network, inputs).shape == (2, length, 4)


def test_stacks_and_drops_as_asked(model, readable):
    task = Toy(readable)
    deep = replace(model, num_layers=3, dropout=0.5).build(task)
    assert deep.count_params() > replace(model, num_layers=2).build(task).count_params()
    inputs = task.train_batch(0, 0, 5).inputs
    assert np.array_equal(predictions(deep, inputs), predictions(deep, inputs))
    first, second = (keras.ops.convert_to_numpy(deep(inputs, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_looks_ahead_only_where_it_says_so(model, readable):
    task = Toy(readable, TARGETS["values_per_step"])
    network = model.build(task)
    inputs = task.train_batch(0, 0, 5).inputs
    other = changed(inputs, slice(4, None))
    same = np.isclose(predictions(network, inputs), predictions(network, other), atol=1e-6)
    assert same[:, :4].all() == (not model.reads_ahead)
    assert not same[:, 4:].any()


def test_every_step_counts(model, readable):
    task = Toy(readable, TARGETS["values"])
    network = model.build(task)
    inputs = task.train_batch(0, 0, 1).inputs
    expected = predictions(network, inputs)
    for step in range(6):
        found = predictions(network, changed(inputs, step))
        # BERT begins with weights so small that one token changes the seventh digit.
        assert not np.allclose(found, expected, rtol=0, atol=1e-7)


def test_padding_changes_nothing(model, target_form):
    task = Toy(Tokens(7, has_padding=True), target_form)
    network = model.build(task)
    inputs = np.random.default_rng(0).integers(1, 7, size=(3, 4))
    padded = np.pad(inputs, [(0, 0), (0, 3)])
    expected, found = predictions(network, inputs), predictions(network, padded)
    found = found[:, :4] if target_form.per_step else found
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_order_counts(model, readable):
    task = Toy(readable, TARGETS["values"])
    network = model.build(task)
    inputs = task.train_batch(0, 0, 1).inputs
    assert not np.allclose(predictions(network, inputs), predictions(network, inputs[:, ::-1]))


def test_start_is_decided_by_the_seed(model):
    def start(seed):
        keras.utils.set_random_seed(seed)
        return model.build(Toy(INPUTS["tokens"])).get_weights()

    first, again, other = start(1), start(1), start(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


# Keras 3.15 on TensorFlow copies variables in a way that numpy 2.4 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_saves_and_loads(model, tmp_path):
    task = Toy(INPUTS["tokens"], TARGETS["classes_per_step"])
    network = model.build(task)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    inputs = task.train_batch(0, 0, 5).inputs
    assert np.allclose(predictions(loaded, inputs), predictions(network, inputs), atol=1e-6)


@pytest.mark.parametrize("task", [Adding(), CopyMemory()], ids=lambda task: task.name)
def test_builds_for_the_tasks_of_the_catalog(model, task):
    if not model.serves(task):
        return
    model.check(task)
    network = model.build(task)
    batch = task.train_batch(0, 0, 2)
    width = task.target.count if isinstance(task.target, Classes) else task.target.width
    steps = (task.sequence_length,) if task.target.per_step else ()
    assert predictions(network, batch.inputs).shape == (2, *steps, width)


DIGITS = [model for model in STEPWISE if model().serves(Digits())]


@pytest.mark.parametrize("model", DIGITS, ids=lambda model: model.name)
def test_default_sizes_are_alike_on_digits(model):
    reference = MODELS["lstm"]().build(Digits()).count_params()
    assert model().build(Digits()).count_params() == pytest.approx(reference, rel=0.02)


@pytest.mark.parametrize("model", DIGITS, ids=lambda model: model.name)
def test_learns_digits_in_four_epochs(model):
    task = Digits()
    keras.utils.set_random_seed(0)
    network = compiled(model().build(task), task)
    for index in range(150):
        network.train_on_batch(*task.train_batch(seed=0, index=index, size=32))
    batch = task.evaluation_set("validation", 0)
    assert task.measure(predictions(network, batch.inputs), batch)["accuracy"] > 0.2


@pytest.mark.slow
def test_writes_sequences_and_trains(decoding_model):
    """A trial from the first step to the test, on words of two or three letters."""
    config = TrialConfig(
        experiment="reverse",
        task=TaskChoice("reverse", Reverse(2, 3, num_letters=3, validation_size=8, test_size=8)),
        model=ModelChoice(decoding_model.name, decoding_model.name, decoding_model),
        seed=0,
        budget=Budget(steps=60, batch_size=32, learning_rate=1e-2, evaluations=2),
    )
    records = []
    assert train(config, records.append, Listener(Control, records.append), threads=1)
    values = [record.values for record in records if isinstance(record, Measured)]
    losses = [value["train_loss"] for value in values if "train_loss" in value]
    assert losses[-1] < 0.7 * losses[0]
    told = {key for value in values for key in value}
    for split in ("validation", "test", "extrapolation"):
        assert {f"{split}_loss", f"{split}_exact_match", f"{split}_token_accuracy"} <= told
    assert {"test_exact_match_2_2", "extrapolation_exact_match_4_4"} <= told


@pytest.mark.parametrize("name", ["lstm", "bert"])
def test_a_model_without_a_decoder_is_refused_by_name(name):
    message = "cannot read tokens and predict sequences, as reverse asks.*seq2seq, seq2seq_att"
    with pytest.raises(RequestError, match=rf"^models\.{name}: {name} {message}"):
        ExperimentConfig.from_document({"name": "x", "task": {"name": "reverse"}, "models": [name]})


@pytest.mark.parametrize("task", ["reber", "counting"])
def test_a_model_that_reads_ahead_is_refused_where_later_steps_hold_the_answers(task):
    message = (
        rf"bert reads ahead, where the later steps of {task} hold its answers\. Models.*: simp"
    )
    document = {"name": "x", "task": {"name": task}, "models": ["bert"]}
    with pytest.raises(RequestError, match=message):
        ExperimentConfig.from_document(document)
    served = models_for(find_task(task)())
    assert {"simple_rnn", "lstm", "gru"} <= set(served)
    assert not any(MODELS[name]().reads_ahead for name in served)


@pytest.mark.parametrize("name", ["transformer", "self_attention"])
def test_one_that_can_be_causal_is_told_how(name):
    document = {"name": "x", "task": {"name": "counting"}, "models": [{"name": name}]}
    document["models"][0]["label"] = "mine"
    way_out = rf"mine: {name} reads ahead.*gru, .*mine with --set (models\.mine\.causal=true)\.$"
    with pytest.raises(RequestError, match=way_out) as refused:
        ExperimentConfig.from_document(document)
    set_value(document, re.search(way_out, str(refused.value))[1])
    assert ExperimentConfig.from_document(document).models[0].model.causal


def test_a_decoder_has_nothing_to_write_where_steps_are_predicted(decoding_model):
    served = decoding_model.serves(Adding())
    assert served == (decoding_model.name == "transformer")


@pytest.mark.parametrize(
    ("model", "field"),
    [(model, field.name) for model in MODELS.values() for field in fields(model)],
)
def test_settings_out_of_bounds_are_refused_by_name(model, field):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: -1}, model)


@pytest.mark.parametrize("model", [Transformer, Bert])
def test_width_must_divide_by_heads(model):
    with pytest.raises(RequestError, match=r"multiple of num_heads.*hidden_dim=30, num_heads=4"):
        model(hidden_dim=30).check(Toy())


def test_the_mean_of_bert_is_that_of_the_steps_that_are_not_padding():
    task = Toy(Tokens(7, has_padding=True))
    network = Bert(pooling="mean").build(task)
    inputs = np.random.default_rng(0).integers(1, 7, size=(3, 4))
    padded = np.pad(inputs, [(0, 0), (0, 3)])
    expected, found = predictions(network, inputs), predictions(network, padded)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    encoder = network.get_layer("encoder")
    mask = {"token_ids": inputs, "padding_mask": inputs != 0}
    mean = keras.ops.mean(encoder(mask)["sequence_output"], axis=1)
    oracle = network.get_layer("predictions")(mean)
    np.testing.assert_allclose(expected, keras.ops.convert_to_numpy(oracle), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"positions": "alibi"}, r"alibi' .*, so it needs causal=true\. Received: causal=false"),
        (
            {"positions": "rotary", "hidden_dim": 36},
            r"rotary' the width of a head must be even\. .*hidden_dim=36, num_heads=4",
        ),
    ],
    ids=lambda given: given.get("positions") if isinstance(given, dict) else "",
)
def test_positions_that_could_tell_no_order_are_refused(settings, message):
    with pytest.raises(RequestError, match=f"^transformer: .*{message}"):
        Transformer(**settings).check(Toy())


def test_a_width_that_is_solved_suits_rotary_positions():
    document = {
        "name": "x",
        "task": {"name": "mqar"},
        "models": ["lstm", {"name": "transformer", "positions": "rotary"}],
    }
    hidden_dim = ExperimentConfig.from_document(document).models[1].model.hidden_dim
    assert hidden_dim % 8 == 0
    assert hidden_dim != Transformer.hidden_dim


def weights_of(network, ending):
    named = zip(network.weights, network.get_weights(), strict=True)
    return next(values for weight, values in named if weight.path.endswith(ending))


@pytest.mark.parametrize("num_heads", [1, 4, 16])
@pytest.mark.parametrize("model", [Transformer, SelfAttention])
def test_attention_begins_with_features_as_large_as_the_sines(model, num_heads):
    """Tokens do not drown in them, and no more do queries and keys in many heads."""
    keras.utils.set_random_seed(0)
    model = model(hidden_dim=64, num_heads=num_heads)
    network = model.build(Toy(Tokens(200), TARGETS["classes"]))
    tokens = weights_of(network, "token_embedding/embeddings")
    assert tokens.std() == pytest.approx(1, rel=0.05)
    for name in ("query", "key", "value"):
        kernel = weights_of(network, f"{name}/kernel")
        assert (tokens @ kernel.reshape(64, -1)).std() == pytest.approx(1, rel=0.1)


@pytest.mark.slow
def test_a_causal_transformer_recalls():
    """Every value of four keys, after some hundred updates"""
    task = MQAR(length=16, num_pairs=4, vocabulary_size=20, validation_size=100)
    keras.utils.set_random_seed(0)
    network = Transformer(causal=True, positions="alibi").build(task)
    network.compile(keras.optimizers.Adam(3e-3), loss_of(task))
    for index in range(600):
        network.train_on_batch(*task.train_batch(seed=0, index=index, size=64))
    batch = task.evaluation_set("validation", 0)
    assert task.measure(network.predict(batch.inputs, verbose=0), batch)["accuracy"] > 0.95


def test_bert_has_a_position_for_every_step_that_will_be_tested():
    task = Toy(INPUTS["tokens"])
    longest = [*longer(task)][-1]
    asked, at_once = (
        Bert(max_sequence_length=length).build(task) for length in (longest.sequence_length, 0)
    )
    assert asked.count_params() == at_once.count_params()
    assert predictions(at_once, longest.train_batch(0, 0, 2).inputs).shape == (2, 4)


def test_bert_needs_a_position_for_every_step():
    with pytest.raises(RequestError, match=r"max_sequence_length=5, sequences of 6 steps"):
        Bert(max_sequence_length=5).check(Toy(INPUTS["tokens"]))
    Bert(max_sequence_length=6).check(Toy(INPUTS["tokens"]))


def test_bert_needs_them_to_the_end_of_an_extrapolation_split_too():
    beyond = Toy(INPUTS["tokens"], sequence_length=11).train_batch(0, 0, 2)
    changes = {
        "evaluation_splits": ("validation", "test", "extrapolation"),
        "evaluation_set": lambda self, split, seed: beyond,
    }
    task = type("Longer", (Toy,), changes)(INPUTS["tokens"])
    with pytest.raises(RequestError, match=r"max_sequence_length=10, sequences of 11 steps"):
        Bert(max_sequence_length=10).check(task)
    assert predictions(Bert().build(task), beyond.inputs).shape == (2, 4)
