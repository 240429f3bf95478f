"""Gradients of every layer, to its inputs and weights: exact, and in half precision near."""

import contextlib
import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras import ops

from keras_seq import layers

BATCH, TIME, WIDTH, UNITS = 3, 4, 4, 2
SEQUENCES, STATE = (BATCH, TIME, WIDTH), (BATCH, UNITS)
# Holes, nothing at all, and everything.
MASK = np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], "bool")
MASK_OF_KEYS = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 0]], "bool")
# Of `(batch, time, time)`: the second query of the first row sees nothing.
PAIRS = np.random.default_rng(1).random((BATCH, TIME, TIME)) > 0.3
PAIRS[0, 1] = False


class Case(NamedTuple):
    """How to make a layer of a dtype, how to call it with tensors, and the tensors' shapes."""

    make: Callable
    call: Callable
    shapes: list


def recurrent(cls, **arguments):
    states = 1 if cls is layers.GRU else 2
    return Case(
        lambda dtype: cls(
            UNITS, return_sequences=True, return_state=True, dtype=dtype, **arguments
        ),
        lambda layer, x, *states: layer(x, initial_state=list(states), mask=MASK),
        [SEQUENCES, *[STATE] * states],
    )


def cell(cls, **arguments):
    states = 1 if cls is layers.GRUCell else 2
    return Case(
        lambda dtype: keras.layers.RNN(
            cls(UNITS, dtype=dtype, **arguments), return_sequences=True, dtype=dtype
        ),
        lambda layer, x, *states: layer(x, initial_state=list(states), mask=MASK),
        [SEQUENCES, *[STATE] * states],
    )


def bidirectional(cls, merge_mode, **arguments):
    return Case(
        lambda dtype: layers.Bidirectional(
            cls(UNITS, dtype=dtype, **arguments), merge_mode=merge_mode, dtype=dtype
        ),
        lambda layer, x: layer(x, mask=MASK),
        [SEQUENCES],
    )


def attention(*args, causal=False, **arguments):
    return Case(
        lambda dtype: layers.Attention(*args, dtype=dtype, **arguments),
        lambda layer, query, value, key: layer(
            [query, value, key],
            mask=[MASK, MASK_OF_KEYS],
            use_causal_mask=causal,
            return_attention_scores=True,
        ),
        [SEQUENCES, (BATCH, 3, 2), (BATCH, 3, WIDTH)],
    )


def heads(causal=False, **arguments):
    return Case(
        lambda dtype: layers.MultiHeadAttention(2, 2, dtype=dtype, **arguments),
        lambda layer, query, value, key: layer(
            query,
            value,
            key,
            query_mask=MASK,
            value_mask=MASK_OF_KEYS,
            use_causal_mask=causal,
            return_attention_scores=True,
        ),
        [SEQUENCES, (BATCH, 3, 3), (BATCH, 3, WIDTH)],
    )


def block(**arguments):
    return Case(
        lambda dtype: layers.TransformerBlock(5, 2, dtype=dtype, **arguments),
        lambda layer, x: layer(
            x, padding_mask=MASK, attention_mask=PAIRS, return_attention_scores=True
        ),
        [SEQUENCES],
    )


def decoder_block(**arguments):
    return Case(
        lambda dtype: layers.TransformerDecoderBlock(5, 2, dtype=dtype, **arguments),
        lambda layer, x, memory: layer(
            x,
            memory,
            decoder_padding_mask=MASK,
            decoder_attention_mask=PAIRS,
            encoder_padding_mask=MASK_OF_KEYS,
            return_attention_scores=True,
        ),
        [SEQUENCES, (BATCH, 3, 3)],
    )


def decoder(cell, attention, **arguments):
    return Case(
        lambda dtype: layers.AttentionRNN(
            cell(UNITS, dtype=dtype),
            layers.Attention(**attention, dtype=dtype),
            return_state=True,
            dtype=dtype,
            **arguments,
        ),
        lambda layer, x, memory, state: layer(
            x,
            memory,
            initial_state=[state] * len(keras.tree.flatten(layer.cell.state_size)),
            sequences_mask=MASK,
            memory_mask=MASK_OF_KEYS,
            return_attention_scores=True,
        ),
        [SEQUENCES, (BATCH, 3, 3), STATE],
    )


def positions(cls, *args, **call):
    return Case(
        lambda dtype: cls(*args, dtype=dtype), lambda layer, x: layer(x, **call), [SEQUENCES]
    )


def predictions(arguments):
    return Case(
        lambda dtype: layers.MaskedLMHead(
            **arguments(dtype), intermediate_activation="gelu", dtype=dtype
        ),
        lambda layer, x: layer(x, np.array([[0, 3], [2, 2], [3, 1]])),
        [SEQUENCES],
    )


CASES = {
    "lstm": recurrent(layers.LSTM),
    "lstm_unrolled_backwards": recurrent(layers.LSTM, unroll=True, go_backwards=True),
    "lstm_zero_output": recurrent(layers.LSTM, zero_output_for_mask=True, use_bias=False),
    "peephole": recurrent(layers.PeepholeLSTM),
    "peephole_linear_output": recurrent(layers.PeepholeLSTM, output_activation="linear"),
    "gru": recurrent(layers.GRU),
    "gru_reset_before": recurrent(layers.GRU, reset_after=False, go_backwards=True),
    "lstm_cell": cell(layers.LSTMCell),
    "peephole_cell": cell(layers.PeepholeLSTMCell),
    "gru_cell": cell(layers.GRUCell),
    "gru_cell_reset_before": cell(layers.GRUCell, reset_after=False),
    "both_joined": bidirectional(layers.LSTM, "concat", return_sequences=True),
    "both_summed": bidirectional(layers.GRU, "sum", return_sequences=True),
    "both_multiplied": bidirectional(layers.PeepholeLSTM, "mul", return_sequences=True),
    "both_averaged": bidirectional(layers.LSTM, "ave", return_state=True),
    "both_apart": bidirectional(layers.GRU, None),
    "both_by_a_function": bidirectional(layers.GRU, lambda a, b: a * a - b, return_sequences=True),
    "dot": attention("dot", causal=True),
    "scaled_dot": attention("scaled_dot", use_scale=True),
    "general": attention("general"),
    "additive": attention("additive", units=3, use_bias=True),
    "concat": attention("concat"),
    "location": attention("location", max_source_length=4, use_bias=True),
    "location_aware": attention("location_aware", units=3, filters=2, kernel_size=3),
    "location_aware_goes_on": Case(
        lambda dtype: layers.Attention("location_aware", filters=2, kernel_size=3, dtype=dtype),
        lambda layer, x, alignments: layer([x, x], previous_alignments=alignments),
        [SEQUENCES, (BATCH, TIME)],
    ),
    "sums_of_keras": attention(score_mode="concat", use_scale=True),
    "sparsemax": attention("general", normalizer="sparsemax"),
    "heads": heads(),
    "heads_extended": heads(
        num_key_value_heads=1, qk_norm=True, use_gate=True, position="rotary", sliding_window=2
    ),
    "heads_alibi": heads(position="alibi", causal=True, value_dim=3, output_shape=5),
    "heads_biased": Case(
        lambda dtype: layers.MultiHeadAttention(2, 2, dtype=dtype),
        lambda layer, x, bias: layer(x, x, attention_bias=bias, attention_mask=PAIRS),
        [SEQUENCES, (BATCH, 2, TIME, TIME)],
    ),
    "self_attention": Case(
        lambda dtype: layers.MultiHeadSelfAttention(2, 2, position="rotary", dtype=dtype),
        lambda layer, x: layer(x, mask=MASK, use_causal_mask=True),
        [SEQUENCES],
    ),
    "block": block(),
    "block_normalized_first": block(normalize_first=True, activation="gelu"),
    "block_causal": block(use_causal_mask=True, activation="tanh"),
    "block_gated": block(
        normalization="rms", gated_feedforward=True, activation="silu", position="rotary"
    ),
    "decoder_block": decoder_block(),
    "decoder_block_normalized_first": decoder_block(
        normalize_first=True,
        normalization="rms",
        gated_feedforward=True,
        activation="gelu",
        num_key_value_heads=1,
        position="alibi",
        use_bias=False,
    ),
    "attention_rnn": decoder(
        layers.LSTMCell, {"score": "location_aware", "units": 3, "filters": 2, "kernel_size": 3}
    ),
    "attention_rnn_with_output": decoder(
        layers.PeepholeLSTMCell, {"score": "additive"}, attention_units=3
    ),
    "attention_rnn_luong": decoder(layers.GRUCell, {"score": "general"}, placement="luong"),
    "attention_rnn_luong_sparse": decoder(
        layers.GRUCell,
        {"score": "location", "max_source_length": 4, "normalizer": "sparsemax"},
        placement="luong",
        input_feeding=False,
        attention_units=3,
    ),
    "sines": positions(layers.SinusoidalPositionEncoding, start_index=2),
    "vectors": positions(layers.PositionEmbedding, 6, start_index=1),
    "rotations": positions(layers.RotaryEmbedding, start_index=2),
    "predictions": predictions(lambda dtype: {"vocabulary_size": 5}),
    "predictions_tied": predictions(
        lambda dtype: {"token_embedding": keras.layers.ReversibleEmbedding(5, 3, dtype=dtype)}
    ),
}


def scalar(case, dtype, scope=None):
    """Return a function of the inputs and the weights of a layer, and arrays to call it with."""
    with scope or contextlib.nullcontext():
        layer = case.make(dtype)
    case.call(layer, *[keras.Input(batch_shape=shape) for shape in case.shapes])
    weights = layer.trainable_variables
    random = np.random.default_rng(0)
    shapes = [*case.shapes, *[tuple(weight.shape) for weight in weights]]

    def f(*tensors):
        inputs, values = tensors[: len(case.shapes)], tensors[len(case.shapes) :]
        # As `stateless_call` does, but with Keras's casts of inputs and weights.
        with keras.StatelessScope(state_mapping=list(zip(weights, values, strict=True))):
            outputs = keras.tree.flatten(case.call(layer, *inputs))
        total = 0.0
        for number, output in enumerate(outputs):
            # Every entry counts differently.
            factors = np.cos(np.arange(np.prod(output.shape)) + number).reshape(output.shape)
            factors = ops.convert_to_tensor(factors, tensors[0].dtype)
            total = total + ops.sum(ops.cast(output, tensors[0].dtype) * factors)
        return total

    return f, [random.normal(size=shape) for shape in shapes]


def test_every_layer_has_a_case():
    made = [case.make("float32") for case in CASES.values()]

    names = {type(getattr(layer, "cell", layer)).__name__ for layer in made}
    names |= {type(layer).__name__ for layer in made}
    assert names - {"RNN"} == set(layers.__all__)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", CASES)
def test_equal_central_differences(name, differentiate):
    f, arrays = scalar(CASES[name], "float64")
    g = differentiate(f)
    _, gradients = g(*arrays)
    random, step = np.random.default_rng(2), 1e-5

    assert len(gradients) == len(arrays)
    for index, gradient in enumerate(gradients):
        # No error of an entry is orthogonal to a random direction.
        direction = random.normal(size=gradient.shape)
        values = []
        for sign in (1, -1):
            moved = [array.copy() for array in arrays]
            moved[index] += sign * step * direction
            values.append(g(*moved)[0])
        expected = (values[0] - values[1]) / (2 * step)
        assert gradient.dtype == "float64"
        np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-7, atol=1e-8)


@functools.cache
def single_precision(name, differentiate):
    f, arrays = scalar(CASES[name], "float32")
    return differentiate(f)(*[array.astype("float32") for array in arrays])[1]


@pytest.mark.parametrize(("dtype", "digits"), [("mixed_bfloat16", 8), ("mixed_float16", 11)])
@pytest.mark.parametrize("name", CASES)
def test_half_precision_points_the_same_way(name, dtype, digits, differentiate):
    expected = single_precision(name, differentiate)
    f, arrays = scalar(CASES[name], dtype)

    _, gradients = differentiate(f)(*[array.astype("float32") for array in arrays])

    # Rounding to so many binary digits moves a number by up to 2^-digits of its size. The longest
    # ways through these layers, forth and back, are four steps of a recurrence and a block: fewer
    # than 64 roundings of operations that neither magnify nor cancel much.
    bound = 64 * 2.0**-digits
    whole = np.sqrt(sum(np.sum(gradient**2) for gradient in expected))
    for gradient, expected_gradient in zip(gradients, expected, strict=True):
        size = np.linalg.norm(expected_gradient)
        # What is zero in exact numbers, as for the bias of the keys in a softmax, is here the
        # rounding of terms that cancel, and these are as large as other gradients.
        size = whole if size < 1e-5 * whole else size
        assert gradient.dtype == "float32"
        assert np.linalg.norm(gradient - expected_gradient) < bound * size
