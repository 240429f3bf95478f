"""A recurrent decoder with attention as loops over rows and steps, and cells to run it with."""

import keras
import numpy as np
import numpy_reference
from keras import ops
from test_attention_scores import convolve, score_of, softmax
from test_sparsemax import nearest_probabilities

from keras_seq.layers import Attention, AttentionRNN, GRUCell, LSTMCell, PeepholeLSTMCell

SCORES = ["dot", "scaled_dot", "general", "additive", "concat", "location", "location_aware"]
SAME_WIDTH = ["dot", "scaled_dot"]
PLACEMENTS = {
    "bahdanau": {"placement": "bahdanau"},
    "bahdanau_with_output": {"placement": "bahdanau", "attention_units": 6},
    "luong": {"placement": "luong"},
    "luong_wide": {"placement": "luong", "attention_units": 6, "input_feeding": True},
    "luong_without_feeding": {"placement": "luong", "input_feeding": False},
}


@keras.saving.register_keras_serializable(package="tests")
class ProjectedCell(keras.layers.Layer):
    """A cell whose output is not its state, nor as wide: `y = s' V`, `s' = tanh(x W + s U)`."""

    state_size, output_size = 3, 4

    def build(self, input_shape):
        shapes = [(input_shape[-1], 3), (3, 3), (3, 4)]
        self.kernels = [
            self.add_weight(shape, name=f"kernel_{n}") for n, shape in enumerate(shapes)
        ]

    def call(self, inputs, states):
        w, u, v = self.kernels
        state = ops.tanh(ops.matmul(inputs, w) + ops.matmul(states[0], u))
        return ops.matmul(state, v), [state]


def lstm(x, states, *weights):
    h, c = numpy_reference.lstm_step(x, states, *weights, np.zeros((3, 4)), np.tanh)
    return h, (h, c)


def peephole(x, states, *weights):
    h, c = numpy_reference.lstm_step(x, states, *weights, np.tanh)
    return h, (h, c)


def gru(x, states, kernel, recurrent_kernel, biases):
    (h,) = numpy_reference.gru_step(x, states, kernel, recurrent_kernel, *biases, True)
    return h, (h,)


def simple(x, states, kernel, recurrent_kernel, bias):
    h = np.tanh(x @ kernel + states[0] @ recurrent_kernel + bias)
    return h, (h,)


def projected(x, states, w, u, v):
    state = np.tanh(x @ w + states[0] @ u)
    return state @ v, (state,)


def stacked(x, states, *weights):
    h, first = gru(x, states[:1], *weights[:3])
    h, second = lstm(h, states[1:], *weights[3:])
    return h, (*first, *second)


# How to make a cell of four outputs, its step, and which state stands for the output before.
CELLS = {
    "lstm": (lambda: LSTMCell(4), lstm, 0),
    "peephole": (lambda: PeepholeLSTMCell(4), peephole, 0),
    "gru": (lambda: GRUCell(4), gru, 0),
    "simple_of_keras": (lambda: keras.layers.SimpleRNNCell(4), simple, 0),
    "lstm_of_keras": (lambda: keras.layers.LSTMCell(4), lstm, 0),
    "gru_of_keras": (lambda: keras.layers.GRUCell(4), gru, 0),
    "stacked": (
        lambda: keras.layers.StackedRNNCells([GRUCell(3), keras.layers.LSTMCell(4)]),
        stacked,
        1,
    ),
    "projected": (ProjectedCell, projected, None),
}


def built(score, placement, cell, random, normalizer="softmax", **kwargs):
    """Return a layer for three features and a memory of four or five, with random weights."""
    attention = Attention(
        score,
        units=3,
        max_source_length=6,
        filters=2,
        kernel_size=3,
        normalizer=normalizer,
        dtype=kwargs.get("dtype"),
    )
    layer = AttentionRNN(
        CELLS[cell][0](), attention, return_state=True, **PLACEMENTS[placement], **kwargs
    )
    layer.build((None, None, 3), (None, None, 4 if score in SAME_WIDTH else 5))
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    layer.cell_name = cell
    return layer


def reference(layer, inputs, memory, sequences_mask=None, memory_mask=None, initial_state=None):
    """Return the outputs and the attention weights of a layer from `built`."""
    _, step, place = CELLS[layer.cell_name]
    sizes = keras.tree.flatten(layer.cell.state_size)
    (batch, steps, _), memory_steps = inputs.shape, memory.shape[1]
    if initial_state is None:
        initial_state = [np.zeros((batch, size)) for size in sizes]
    cell_weights = [np.asarray(w, "float64") for w in layer.cell.get_weights()]
    attention = layer.attention
    named = {w.name: np.asarray(keras.ops.convert_to_numpy(w)) for w in attention.weights}
    normalize = {"softmax": softmax, "sparsemax": nearest_probabilities}[attention.normalizer]
    kernel = None if layer.kernel is None else keras.ops.convert_to_numpy(layer.kernel)
    width = 4 if kernel is None else kernel.shape[1]
    outputs, alignments = np.zeros((batch, steps, width)), np.zeros((batch, steps, memory_steps))

    def attend(row, query, alignment):
        features = None
        if attention.score == "location_aware":
            features = convolve(alignment, named["convolution_kernel"])
        seen = [s for s in range(memory_steps) if memory_mask is None or memory_mask[row, s]]
        found = np.zeros(memory_steps)
        if seen:
            scores = [
                score_of(attention.score, query, memory[row, s], s, features, named) for s in seen
            ]
            found[seen] = normalize(np.array(scores))
        return found, sum((found[s] * memory[row, s] for s in seen), np.zeros(memory.shape[2]))

    for row in range(batch):
        states = tuple(state[row].astype("float64") for state in initial_state)
        hidden = np.zeros(4) if place is None else states[place]
        output = hidden if kernel is None else np.zeros(width)
        alignment = np.zeros(memory_steps)
        for t in range(steps):
            if sequences_mask is None or sequences_mask[row, t]:
                x = inputs[row, t].astype("float64")
                if layer.placement == "bahdanau":
                    alignment, context = attend(row, hidden, alignment)
                    hidden, states = step(np.concatenate([x, context]), states, *cell_weights)
                else:
                    x = x if layer.input_feeding is False else np.concatenate([x, output])
                    hidden, states = step(x, states, *cell_weights)
                    alignment, context = attend(row, hidden, alignment)
                output = hidden
                if kernel is not None:
                    output = np.tanh(np.concatenate([context, hidden]) @ kernel)
            outputs[row, t], alignments[row, t] = output, alignment
    return outputs, alignments
