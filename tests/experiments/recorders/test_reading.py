"""What is seen inside of networks, beside plain computations of the same."""

import keras
import numpy as np
import pytest

from experiments.catalog import MODELS, RECORDERS, find_model
from experiments.evaluation import network_inputs
from experiments.losses import loss_of
from experiments.recorders.reading import SAMPLES, Reading
from experiments.tasks.adding import Adding
from experiments.tasks.copy_memory import CopyMemory
from experiments.tasks.mqar import MQAR
from experiments.tasks.reverse import Reverse
from experiments.tasks.task import Batch
from experiments.tasks.timing import Timing
from keras_seq import layers

pytestmark = pytest.mark.slow  # TensorFlow takes seconds to import

TASK = Adding(length=7, validation_size=6)
WORDS = MQAR(length=16, num_pairs=2, vocabulary_size=20, validation_size=9)


def built(name, task=TASK, **settings):
    keras.utils.set_random_seed(0)
    return find_model(name)(**settings).build(task)


def reading(model, task=TASK, batch=None):
    batch = batch or task.evaluation_set("validation", seed=0)
    return Reading(model, task, batch, [recorder() for recorder in RECORDERS.values()])


def seen(reading, resolution=128):
    return {(trace.name, trace.layer): trace for trace in reading.traces(resolution)}


def traces(model, task=TASK, resolution=128, batch=None):
    return seen(reading(model, task, batch), resolution)


def task_for(model):
    tasks = (TASK, CopyMemory(length=3, validation_size=9), Reverse(max_length=5, test_size=4))
    return next(task for task in tasks if MODELS[model]().serves(task))


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_looked_into_and_stays_as_it_is(model):
    task = task_for(model)
    network = built(model, task)
    inputs = network_inputs(task, task.evaluation_set("validation", seed=0))
    before, weights = network.predict_on_batch(inputs), network.get_weights()
    attributes = [set(vars(layer)) for layer in network._flatten_layers()]
    seen = traces(network, task)
    assert ("gradient_norm", "") in seen
    assert all(np.isfinite(trace.values).all() for trace in seen.values())
    assert attributes == [set(vars(layer)) for layer in network._flatten_layers()]
    for old, new in zip(weights, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(network.predict_on_batch(inputs), before)
    names = {name for name, _ in seen}
    is_attentive = model in ("seq2seq_attention", "self_attention", "transformer", "bert")
    assert ("attention" in names) is is_attentive
    is_gated = "lstm" in model or "gru" in model or "seq2seq" in model
    assert ({"states", "states_over_units"} <= names) is is_gated
    for trace in seen.values():
        assert trace.values.ndim == len(trace.axes)
        for axis, labels in trace.labels.items():
            assert trace.values.shape[trace.axes.index(axis)] == len(labels)


@pytest.mark.backends
@pytest.mark.parametrize("model", ["gru", "transformer"])
def test_a_network_that_has_learned_is_seen_as_it_is_now(model):
    network = built(model)
    again = reading(network)
    before = seen(again)
    network.set_weights([2 * weights for weights in network.get_weights()])
    after, afresh = seen(again), traces(network)
    assert after.keys() == afresh.keys()
    for key, trace in after.items():
        np.testing.assert_allclose(trace.values, afresh[key].values, rtol=1e-5, atol=1e-6)
        assert (trace.values != before[key].values).any()


@pytest.mark.backends
def test_a_layer_inside_of_another_has_the_names_of_both():
    network = built("bidirectional_lstm")
    (outer,) = (x for x in network.layers if isinstance(x, layers.Bidirectional))
    expected = [f"{outer.name}/{x.name}" for x in (outer.forward_layer, outer.backward_layer)]
    assert [layer for name, layer in traces(network) if name == "states"] == expected


def test_the_blocks_of_a_decoder_give_their_own_attention_and_that_to_the_encoder():
    task = task_for("seq2seq")
    network = built("transformer", task, num_layers=1)
    shapes = {
        layer.partition("_block")[2]: trace.values.shape[2:]
        for (name, layer), trace in traces(network, task).items()
        if name == "attention" and "decoder" in layer
    }
    batch = task.evaluation_set("validation", seed=0)
    source, target = batch.inputs.shape[1], batch.targets.shape[1]
    assert sorted(shapes.values()) == sorted([(target, target), (target, source)])
    assert any(name.endswith("/cross") for name in shapes)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def attentive(mask_zero=False):
    inputs = keras.Input((None,), dtype="int32")
    features = keras.layers.Embedding(20, 6, mask_zero=mask_zero, name="words")(inputs)
    layer = layers.MultiHeadSelfAttention(num_heads=2, key_dim=3, name="attend")
    return keras.Model(inputs, keras.layers.Dense(20)(layer(features))), layer


def plain_weights(layer, x, valid):
    kernel_q, bias_q, kernel_k, bias_k = layer.get_weights()[:4]
    query, key = (
        np.einsum("btf,fhd->bhtd", x, kernel) + bias[:, np.newaxis]
        for kernel, bias in ((kernel_q, bias_q), (kernel_k, bias_k))
    )
    scores = np.einsum("bhqd,bhkd->bhqk", query, key) / np.sqrt(3)
    return softmax(np.where(valid[:, np.newaxis, np.newaxis], scores, -1e9))


@pytest.mark.backends
@pytest.mark.parametrize("is_padded", [False, True])
def test_attention_weights_are_those_of_a_plain_softmax(is_padded):
    keras.utils.set_random_seed(0)
    model, layer = attentive(mask_zero=is_padded)
    batch = WORDS.evaluation_set("validation", seed=0)
    trace = traces(model, WORDS)["attention", "attend"]
    assert trace.axes == ("sample", "head", "query", "key")
    words = batch.inputs[:SAMPLES]
    valid = words != 0 if is_padded else np.ones_like(words, bool)
    table = model.get_layer("words").get_weights()[0]
    # Nothing is looked at from padding.
    expected = plain_weights(layer, table[words], valid) * valid[:, np.newaxis, :, np.newaxis]
    np.testing.assert_allclose(trace.values, expected, atol=1e-3)
    sums = trace.values.astype(float).sum(axis=-1)
    np.testing.assert_allclose(sums, np.repeat(valid[:, np.newaxis], 2, axis=1), atol=4e-3)


def test_blocks_of_keys_take_their_weights_together():
    keras.utils.set_random_seed(0)
    model, _ = attentive()
    fine = traces(model, WORDS)["attention", "attend"].values.astype(float)
    coarse = traces(model, WORDS, resolution=4)["attention", "attend"]
    assert coarse.values.shape == (SAMPLES, 2, 4, 4)
    np.testing.assert_array_equal(coarse.places_of("key"), [0, 4, 8, 12])
    expected = fine.reshape(SAMPLES, 2, 4, 4, 4, 4).mean(axis=3).sum(axis=-1)
    np.testing.assert_allclose(coarse.values, expected, atol=2e-3)


def lstm(x, kernel, recurrent_kernel, bias, peephole_kernel=None):
    """The signals of one sequence, step by step."""
    units = recurrent_kernel.shape[0]
    p_i, p_f, p_o = np.zeros((3, units)) if peephole_kernel is None else peephole_kernel
    h = c = np.zeros(units)
    for step in x:
        z_i, z_f, z_g, z_o = np.split(step @ kernel + h @ recurrent_kernel + bias, 4)
        i, f, g = sigmoid(z_i + p_i * c), sigmoid(z_f + p_f * c), np.tanh(z_g)
        c = f * c + i * g
        o = sigmoid(z_o + p_o * c)
        h = o * np.tanh(c)
        yield i, f, o, g, c, h


def gru(x, kernel, recurrent_kernel, bias):
    h = np.zeros(recurrent_kernel.shape[0])
    for step in x:
        x_z, x_r, x_h = np.split(step @ kernel + bias[0], 3)
        h_z, h_r, h_h = np.split(h @ recurrent_kernel + bias[1], 3)
        z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        candidate = np.tanh(x_h + r * h_h)
        h = z * h + (1 - z) * candidate
        yield z, r, candidate, h


RECURRENT = {
    "lstm": (layers.LSTM, lstm, ("i", "f", "o", "g", "c", "h")),
    "peephole": (layers.PeepholeLSTM, lstm, ("i", "f", "o", "g", "c", "h")),
    "gru": (layers.GRU, gru, ("z", "r", "candidate", "h")),
}


@pytest.mark.backends
@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("kind", RECURRENT)
def test_gates_and_states_are_those_of_plain_equations(kind, is_backward):
    keras.utils.set_random_seed(0)
    cls, reference, names = RECURRENT[kind]
    inputs = keras.Input((None, 2))
    layer = cls(5, name="layer", go_backwards=is_backward)
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    model.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in model.get_weights()])
    seen = traces(model)
    trace = seen["states", "layer"]
    assert trace.axes == ("sample", "signal", "step", "unit")
    assert trace.labels["signal"] == names
    sequences = TASK.evaluation_set("validation", seed=0).inputs[:SAMPLES]
    order = -1 if is_backward else 1
    for row, sequence in zip(trace.values, sequences, strict=True):
        signals = np.array(list(reference(sequence[::order], *layer.get_weights())))[::order]
        np.testing.assert_allclose(row, signals.swapaxes(0, 1), atol=2e-3)
    summary = seen["states_over_units", "layer"]
    assert summary.labels["statistic"] == ("mean", "10 %", "90 %")
    np.testing.assert_allclose(summary.values[:, :, 0], trace.values.mean(axis=-1), atol=2e-3)
    np.testing.assert_allclose(
        summary.values[:, :, 2],
        np.percentile(trace.values.astype(float), 90, axis=-1),
        atol=4e-3,
    )


def test_padding_repeats_the_step_before():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None,), dtype="int32")
    features = keras.layers.Embedding(20, 3, mask_zero=True)(inputs)
    outputs = layers.GRU(4, return_sequences=True, name="layer")(features)
    model = keras.Model(inputs, keras.layers.Dense(20)(outputs))
    words = np.tile([3, 4, 5, 6, 0, 0], (4, 1)).astype(np.int32)
    values = traces(model, WORDS, batch=Batch(words, words))["states", "layer"].values
    np.testing.assert_array_equal(values[:, :, 4:], values[:, :, [3, 3]])
    assert (values[:, :, 3] != values[:, :, 2]).any()


def test_of_long_sequences_and_wide_layers_some_places_are_chosen():
    network = built("lstm", units=12)
    fine, coarse = traces(network), traces(network, resolution=4)
    for (name, layer), trace in coarse.items():
        if name != "states":
            continue
        assert trace.values.shape[2:] == (4, 4)
        steps, units = trace.places_of("step"), trace.places_of("unit")
        assert (steps[0], steps[-1], units[0], units[-1]) == (0, 6, 0, 11)
        whole = fine[name, layer].values
        np.testing.assert_array_equal(trace.values, whole[:, :, steps][..., units])
        # The summary is of all units all the same.
        summary = coarse["states_over_units", layer].values[:, :, 0]
        np.testing.assert_allclose(summary, whole.mean(axis=-1)[:, :, steps], atol=2e-3)


@pytest.mark.backends
def test_gradients_of_a_linear_network_are_those_of_its_weights():
    inputs = keras.Input((7, 2))
    dense = keras.layers.Dense(1)
    model = keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))
    model.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in model.get_weights()])
    batch = TASK.evaluation_set("validation", seed=0)
    kernel, bias = dense.get_weights()
    rows, targets = batch.inputs[:SAMPLES], batch.targets[:SAMPLES]
    errors = rows.reshape(SAMPLES, -1) @ kernel + bias - targets
    expected = np.abs(2 * errors / SAMPLES) * np.linalg.norm(kernel.reshape(7, 2), axis=1)
    values = traces(model)["gradient_norm", ""].values
    np.testing.assert_allclose(values, expected, rtol=1e-4)


@pytest.mark.backends
@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_gradients_are_those_of_finite_differences(model):
    network = built(model)
    batch = TASK.evaluation_set("validation", seed=0)
    inputs, targets = batch.inputs[:SAMPLES], batch.targets[:SAMPLES]
    norms = traces(network)["gradient_norm", ""].values
    loss, size = loss_of(TASK), 3e-3

    def loss_at(changed):
        predictions = network.predict_on_batch(changed)  # compiled, which is quicker on JAX
        return float(keras.ops.convert_to_numpy(loss(targets, predictions)))

    gradients = np.zeros(inputs.shape)
    for place in np.ndindex(*inputs.shape):
        change = np.zeros_like(inputs)
        change[place] = size
        gradients[place] = (loss_at(inputs + change) - loss_at(inputs - change)) / (2 * size)
    expected = np.linalg.norm(gradients, axis=-1)
    np.testing.assert_allclose(norms, expected, atol=0.02 * expected.max())


@pytest.mark.backends
def test_gradients_by_tokens_are_those_by_their_embeddings():
    model, _ = attentive()
    # No word twice, so that a row of the table is one step of one sequence.
    words = np.arange(16, dtype=np.int32).reshape(4, 4)
    targets = (words + 1) % 20
    norms = traces(model, WORDS, batch=Batch(words, targets))["gradient_norm", ""].values
    table, loss, size = model.get_layer("words").embeddings, loss_of(WORDS), 3e-3
    expected = np.zeros((4, 4))
    for place in np.ndindex(4, 4):
        for feature in range(6):
            found = []
            for sign in (1, -1):
                change = np.zeros(table.shape, np.float32)
                change[words[place], feature] = sign * size
                table.assign_add(change)
                found.append(float(keras.ops.convert_to_numpy(loss(targets, model(words)))))
                table.assign_sub(change)
            expected[place] += ((found[0] - found[1]) / (2 * size)) ** 2
    np.testing.assert_allclose(norms, np.sqrt(expected), atol=0.02 * np.sqrt(expected.max()))


@pytest.mark.backends
def test_accuracy_by_position_sums_to_the_accuracy():
    network = built("gru", WORDS)
    batch = WORDS.evaluation_set("validation", seed=0)
    trace = traces(network, WORDS)["accuracy", ""]
    asked = (batch.targets >= 0).sum(axis=0)
    places = trace.places_of("step")
    np.testing.assert_array_equal(places, np.flatnonzero(asked))
    total = WORDS.measure(network.predict_on_batch(batch.inputs), batch)["accuracy"]
    right = (trace.values * asked[places]).sum()
    assert right / asked.sum() == pytest.approx(total, abs=1e-6)


def test_error_by_position_averages_to_the_error():
    task = Timing(validation_size=6)
    network = built("lstm", task)
    batch = task.evaluation_set("validation", seed=0)
    trace = traces(network, task)["mse", ""]
    predictions = network.predict_on_batch(batch.inputs)
    errors = np.ma.masked_invalid(np.square(predictions - batch.targets))
    expected = errors.mean(axis=(0, 2))
    np.testing.assert_array_equal(trace.places_of("step"), np.flatnonzero(~expected.mask))
    np.testing.assert_allclose(trace.values, expected.compressed(), rtol=1e-4)
