"""What a model says it costs, beside what it costs once it is built."""

import math
from dataclasses import fields

import keras
import numpy as np
import pytest
from forms import INPUTS, TARGETS, Toy
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.catalog import MODELS
from experiments.models.cost import Cost, attention, cell, dense, target_steps
from experiments.models.lstm import LSTM
from experiments.tasks.adding import Adding
from experiments.tasks.copy_memory import CopyMemory
from experiments.tasks.reverse import Reverse
from experiments.tasks.task import Sequences
from keras_seq.models import shift_right

pytestmark = pytest.mark.slow

FORMS = [
    *(Toy(form, target) for form in INPUTS.values() for target in TARGETS.values()),
    Reverse(3, 5, num_letters=4),
]
SMALL = st.integers(1, 6)
SETTINGS = {
    "units": SMALL,
    "key_dim": SMALL,
    "embedding_dim": SMALL,
    "intermediate_dim": SMALL,
    "num_layers": st.integers(1, 3),
    "max_sequence_length": st.sampled_from([0, 20]),
    "score": st.sampled_from(["dot", "scaled_dot", "general", "additive", "concat"]),
    "causal": st.booleans(),
    "pooling": st.sampled_from(["first", "mean"]),
    "positions": st.sampled_from(["sinusoidal", "rotary", "alibi"]),
    "placement": st.sampled_from(["bahdanau", "luong"]),
}


@st.composite
def sized(draw, model):
    """A model of any sizes, its heads sharing the width."""
    names = [field.name for field in fields(model) if field.name in SETTINGS]
    chosen = {name: draw(SETTINGS[name]) for name in names}
    if "num_heads" in {field.name for field in fields(model)}:
        chosen["num_heads"] = draw(st.integers(1, 3))
        # Sines and cosines come in pairs, but need not.
        chosen["hidden_dim"] = chosen["num_heads"] * draw(st.integers(1, 3))
    if chosen.get("positions") == "rotary":
        chosen["hidden_dim"] *= 2
    if chosen.get("positions") == "alibi":
        chosen["causal"] = True
    return model(**chosen)


def served(model):
    return st.sampled_from([task for task in FORMS if model().serves(task)])


def inputs_of(task):
    batch = task.train_batch(0, 0, 1)
    if isinstance(task.target, Sequences):
        return [batch.inputs, shift_right(batch.targets, task.target.start)]
    return batch.inputs


@pytest.fixture
def multiply_adds(monkeypatch):
    """Counts the multiply-adds of the matrix products that TensorFlow carries out."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("counts TensorFlow's products")
    import tensorflow as tf

    matmul, einsum, tensordot = tf.matmul, tf.einsum, tf.tensordot
    counted = []

    def counting_matmul(a, b, *args, **kwargs):
        product = matmul(a, b, *args, **kwargs)
        transposed = kwargs.get("transpose_a") or kwargs.get("adjoint_a")
        counted.append(math.prod(product.shape) * a.shape[-2 if transposed else -1])
        return product

    def counting_einsum(equation, *operands, **kwargs):
        subscripts = equation.partition("->")[0].split(",")
        sizes = {}
        for names, operand in zip(subscripts, operands, strict=True):
            sizes |= dict(zip(names, operand.shape, strict=True))
        counted.append(math.prod(sizes.values()))
        return einsum(equation, *operands, **kwargs)

    def counting_tensordot(a, b, *args, **kwargs):
        product = tensordot(a, b, *args, **kwargs)
        # Each of the sizes m, k and n of (m, k) times (k, n) stands in two of the three shapes.
        counted.append(math.isqrt(math.prod([*a.shape, *b.shape, *product.shape])))
        return product

    monkeypatch.setattr(tf, "matmul", counting_matmul)
    monkeypatch.setattr(tf, "einsum", counting_einsum)
    monkeypatch.setattr(tf, "tensordot", counting_tensordot)

    def count(call, *args):
        counted.clear()
        # Loops that XLA would compile are gone through step by step.
        tf.config.run_functions_eagerly(True)
        try:
            call(*args)
        finally:
            tf.config.run_functions_eagerly(False)
        return sum(counted)

    return count


def tried_once(network):
    """Cells that Keras's own loop calls once more, to learn the shapes of what they return."""
    return [layer.cell for layer in network.layers if isinstance(layer, keras.layers.SimpleRNN)]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_parameters_are_those_of_the_network(model):
    @settings(max_examples=12)
    @given(model=sized(model), task=served(model))
    def check(model, task):
        network = model.build(task)
        built = sum(math.prod(v.shape) for v in network.trainable_variables)
        assert model.cost(task).num_parameters == built
        keras.backend.clear_session()

    check()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_flops_are_those_of_the_products_carried_out(model, multiply_adds):
    @settings(max_examples=8)
    @given(model=sized(model), task=served(model))
    def check(model, task):
        network = model.build(task)
        forward = multiply_adds(network, inputs_of(task))
        for tried in tried_once(network):
            width = tried.kernel.shape[0]
            forward -= multiply_adds(tried, np.zeros((1, width)), np.zeros((1, tried.units)))
        # Two operations each; the gradients of both factors cost as much again.
        assert model.cost(task).flops == 2 * 3 * forward

    check()


def numbers(tensors):
    return sum(math.prod(tensor.shape[1:]) for tensor in keras.tree.flatten(tensors))


def kept(layer, length):
    """Numbers that a layer, or the layers in it, hand from step to step."""
    if hasattr(layer, "backward_layer"):
        return kept(layer.forward_layer, length) + kept(layer.backward_layer, length)
    if isinstance(layer, keras.layers.RNN):
        return int(np.sum(layer.cell.state_size))
    if hasattr(layer, "get_initial_cache"):
        return numbers(layer.get_initial_cache(1, length))
    return sum(kept(inner, length) for inner in getattr(layer, "layers", ()))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("target", ["values", "classes_per_step"])
def test_the_state_is_that_of_the_layers(model, target):
    task = Toy(INPUTS["tokens"], TARGETS[target])
    if not model().serves(task):
        return
    model = model(num_layers=2)
    assert model.cost(task).state_size == kept(model.build(task), task.sequence_length)


@pytest.mark.parametrize(
    "settings",
    [{"score": score} for score in ("dot", "general", "additive")] + [{"placement": "luong"}],
    ids=str,
)
def test_an_attending_decoder_keeps_its_state_and_what_it_attends_to(settings):
    # All of the same length: no step of the memory is hidden.
    task, model = Reverse(4, 4), MODELS["seq2seq_attention"](units=5, **settings)
    source, _ = inputs_of(task)
    constants, state = model.build(task).begin_decoding(source, target_steps(task))
    (memory, _, projected), (hidden, carry, output, _) = constants[0], state[0]
    held = [hidden, carry, memory]
    if not np.array_equal(*map(keras.ops.convert_to_numpy, (memory, projected))):
        held.append(projected)
    if model.placement == "luong":
        held.append(output)
    assert model.cost(task).state_size == numbers(held)


def test_a_decoder_of_blocks_keeps_keys_and_values():
    task, model = FORMS[-1], MODELS["transformer"](num_layers=3)
    source, _ = inputs_of(task)
    constants, state = model.build(task).begin_decoding(source, target_steps(task))
    caches = [of_layer[-1] for of_layer in constants if of_layer]
    assert len(caches) == 3
    assert model.cost(task).state_size == numbers([*caches, state])


def test_a_decoder_without_attention_keeps_its_state_alone():
    task, model = FORMS[-1], MODELS["seq2seq"](units=7)
    source, _ = inputs_of(task)
    _, state = model.build(task).begin_decoding(source, 1)
    assert model.cost(task).state_size == numbers(state) == 2 * 7


@pytest.mark.parametrize(("units", "inputs"), [(64, 2), (1, 1), (7, 300)])
def test_the_formulas_of_recurrent_layers(units, inputs):
    square = units * (units + inputs)
    lstm = cell(inputs, units, 1, gates=4, states=2)
    assert lstm.num_parameters == 4 * (square + units)
    peephole = cell(inputs, units, 1, gates=4, states=2, peepholes=3)
    assert peephole.num_parameters == lstm.num_parameters + 3 * units
    gru = cell(inputs, units, 1, gates=3, biases=2)
    assert gru.num_parameters == 3 * (square + 2 * units)


def test_a_worked_example():
    """An LSTM of one unit on two steps of two channels: 4 gates read 3 numbers, then a dense one.

    2 * 4 * 3 + 1 = 25 multiply-adds forward, 75 in training, two operations each.
    """
    assert LSTM(units=1).cost(Adding(length=2)) == Cost(num_parameters=18, state_size=2, flops=150)


@pytest.mark.parametrize("steps", [1, 10, 20])
def test_attention_compares_every_step_with_every_other(steps):
    cost, projections = attention(8, steps, steps), dense(8, 8, steps) * 4
    assert cost.num_parameters == dense(8, 8).num_parameters * 4
    assert cost.flops - projections.flops == 6 * 2 * steps**2 * 8


def test_the_cost_of_many_layers_takes_no_loop():
    deep = LSTM(num_layers=2**40)
    assert deep.cost(CopyMemory()).state_size == 2**41 * 64
