"""What probes find in networks whose answers are known beforehand."""

import keras
import numpy as np
import pytest

from experiments.catalog import MODELS, PROBES, find_model, find_probe
from experiments.errors import UnknownNameError
from experiments.probes.chain import Chain
from experiments.probes.probe import is_step
from experiments.tasks.adding import Adding
from experiments.tasks.copy_memory import CopyMemory
from experiments.tasks.reverse import Reverse

TASK = Adding(length=12, test_size=40)
RECURRENT = ["simple_rnn", "lstm", "peephole_lstm", "gru"]


def built(name, task=TASK, **settings):
    keras.utils.set_random_seed(0)
    return find_model(name)(**settings).build(task)


@pytest.mark.parametrize("probe", PROBES.values())
@pytest.mark.parametrize("model", [m for m in MODELS if m not in ("seq2seq", "seq2seq_attention")])
def test_every_probe_examines_every_model(probe, model):
    task = TASK if MODELS[model]().serves(TASK) else CopyMemory(length=3, test_size=9)
    found = probe().measure(built(model, task), task, seed=0)
    assert all(type(value) is float and np.isfinite(value) for value in found.values())


@pytest.mark.parametrize("probe", PROBES.values())
def test_decoded_sequences_are_not_examined(probe):
    task = Reverse(max_length=5, test_size=4)
    assert probe().measure(built("seq2seq", task, units=4), task, seed=0) == {}


def test_an_unknown_probe_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'support'"):
        find_probe("suport")


@pytest.mark.parametrize("model", RECURRENT)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("per_step", [False, True])
def test_a_chain_predicts_as_its_network(model, num_layers, per_step):
    task = CopyMemory(length=3, test_size=5) if per_step else TASK
    network = built(model, task, units=4, num_layers=num_layers)
    inputs = task.evaluation_set("test", seed=0).inputs
    whole = Chain.of(network).predict(inputs, 5, lambda name, state: state)
    np.testing.assert_allclose(whole, network.predict_on_batch(inputs), rtol=2e-5, atol=2e-6)


def padded_network():
    """Tokens 1 to 4 behind an embedding that masks padding."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None,), dtype="int32")
    features = keras.layers.Embedding(5, 3, mask_zero=True)(inputs)
    from keras_seq.layers import LSTM

    return keras.Model(inputs, keras.layers.Dense(2)(LSTM(4)(features)))


@pytest.mark.backends
@pytest.mark.parametrize("cut", [2, 5])
def test_a_chain_masks_what_its_network_masks(cut):
    inputs = np.array([[1, 2, 3, 4, 1, 2], [3, 1, 4, 0, 0, 0]], np.int32)
    network = padded_network()
    whole = Chain.of(network).predict(inputs, cut, lambda name, state: state)
    np.testing.assert_allclose(whole, network.predict_on_batch(inputs), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("model", ["bidirectional_lstm", "transformer", "self_attention"])
def test_what_is_no_chain_of_recurrent_layers_has_no_state(model):
    assert Chain.of(built(model)) is None
    assert find_probe("reset_state")().measure(built(model), TASK, seed=0) == {}
    assert find_probe("state_change")().measure(built(model), TASK, seed=0) == {}


@pytest.mark.backends
def test_resetting_every_state_leaves_what_comes_after():
    """All states at zero after four steps: the network begins with the fifth."""
    network = built("lstm", units=4)
    inputs = TASK.evaluation_set("test", seed=0).inputs
    cut = Chain.of(network).predict(inputs, 4, lambda name, state: state * 0)
    np.testing.assert_allclose(cut, network.predict_on_batch(inputs[:, 4:]), rtol=2e-5, atol=2e-6)


def accumulator():
    """An LSTM whose cell state is the sum of the marked values, and its readout.

    Input gate and candidate are open where the marker is 1, forget and output gate always; the
    sum stays small enough for tanh to be nearly linear.
    """
    network = built("lstm", units=1)
    layer, dense = network.layers[-2:]
    open_, scale = 20.0, 0.01
    # Gates in the order input, forget, candidate, output; inputs value and marker.
    kernel = [[0, 0, scale, 0], [2 * open_, 0, 0, 0]]
    layer.set_weights(
        [np.array(kernel), np.zeros((1, 4)), np.array([-open_, open_, 0, open_], np.float32)]
    )
    dense.set_weights([np.array([[1 / scale]]), np.zeros(1)])
    return network


@pytest.mark.backends
def test_an_lstm_that_sums_in_its_cell_state_loses_the_sum_with_it():
    found = find_probe("reset_state")().measure(accumulator(), TASK, seed=0)
    assert sorted(found) == sorted(
        ["intact", *(f"{state}_{at}" for state in "hc" for at in (25, 50, 75))]
    )
    assert found["intact"] < 1e-4
    # Nothing is kept in h: its recurrent weights are zero.
    for at in (25, 50, 75):
        assert found[f"h_{at}"] == pytest.approx(found["intact"], abs=1e-6)
    # After half of the steps the sum is the first marked value.
    test = TASK.evaluation_set("test", seed=0)
    first = (test.inputs[:, :6, 0] * test.inputs[:, :6, 1]).sum(axis=1)
    assert found["c_50"] == pytest.approx(np.square(first).mean(), rel=1e-2)


@pytest.mark.backends
def test_a_cell_state_that_moves_twice_changes_less_than_an_output_that_follows_the_input():
    network = accumulator()
    found = find_probe("state_change")().measure(network, TASK, seed=0)
    inputs = TASK.evaluation_set("test", seed=0).inputs[:64]
    sums = np.cumsum(inputs[..., 0] * inputs[..., 1], axis=1)
    expected = np.sqrt(np.square(np.diff(sums)).mean() / np.square(sums[:, 1:]).mean())
    assert found["c"] == pytest.approx(expected, rel=1e-2)
    # Almost linear, so the output is the cell state.
    assert found["h"] == pytest.approx(found["c"], rel=1e-2)


def test_a_state_that_is_drawn_anew_at_each_step_changes_by_the_root_of_two(monkeypatch):
    def steps(self, inputs):
        generator = np.random.default_rng(0)
        return [{"h": generator.standard_normal((len(inputs), 64))} for _ in range(12)]

    monkeypatch.setattr(Chain, "steps", steps)
    found = find_probe("state_change")().measure(built("gru", units=4), TASK, seed=0)
    assert found == {"h": pytest.approx(2**0.5, rel=0.02)}


@pytest.mark.backends
def test_the_support_of_a_causal_network_is_its_past():
    task = CopyMemory(length=3, test_size=4)
    found = find_probe("support")().measure(built("lstm", task, units=8), task, seed=0)
    steps = task.sequence_length
    assert found["share"] == pytest.approx((steps + 1) / (2 * steps))
    assert found["distance_0_25"] > found["distance_75_100"]


def test_the_support_of_self_attention_is_everything():
    task = CopyMemory(length=3, test_size=4)
    found = find_probe("support")().measure(built("transformer", task), task, seed=0)
    assert found["share"] == 1
    assert min(found.values()) > 0


def test_a_network_that_sees_the_last_step_depends_on_it_alone():
    inputs = keras.Input((None, 2))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs[:, -1]))
    found = find_probe("support")().measure(network, TASK, seed=0)
    assert found["share"] == pytest.approx(1 / 12)
    assert found["distance_0_25"] == pytest.approx(12 / 3)  # of three steps one matters
    assert found["distance_75_100"] == 0


def test_a_network_that_ignores_its_input_depends_on_nothing():
    network = built("lstm", units=2)
    network.layers[-1].set_weights([np.zeros((2, 1)), np.ones(1)])
    assert find_probe("support")().measure(network, TASK, seed=0) == {"share": 0.0}


class Padded(CopyMemory):
    """Padding in place of blanks."""

    @property
    def input(self):
        from dataclasses import replace

        return replace(super().input, has_padding=True)


def test_padding_is_no_step_of_a_sequence():
    tokens = np.array([[3, 1, 0], [2, 2, 2]])
    assert is_step(Padded(), tokens).tolist() == [[True, True, False], [True, True, True]]
    assert is_step(CopyMemory(), tokens).all()
    assert is_step(Adding(), np.zeros((2, 3, 2))).shape == (2, 3)
