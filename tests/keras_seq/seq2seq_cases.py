"""Models of every kind of encoder and decoder, and sequences for them."""

import functools

import keras
import numpy as np
from keras import ops

from keras_seq import layers
from keras_seq.models import Seq2Seq, shift_right

to_numpy = ops.convert_to_numpy

START, END, LENGTH = 1, 2, 5
VOCABULARY = {"source_vocabulary_size": 7, "target_vocabulary_size": 6, "embedding_dim": 4}
SOURCE = np.array([[3, 4, 5, 6], [6, 1, 0, 0], [2, 2, 3, 0]])
TARGETS = np.array([[5, 4, 3, 5, 2], [3, 2, 0, 0, 0], [4, 3, 2, 0, 0]])
INPUTS = shift_right(TARGETS, START)
VALID = TARGETS != 0


def both_directions():
    return layers.Bidirectional(layers.GRU(3, return_sequences=True, return_state=True))


def stacked_cells():
    return [keras.layers.LSTMCell(3), layers.GRUCell(4)]


# Encoder and decoder of each kind.
KINDS = {
    "gru": lambda: (layers.GRU(3, return_state=True), layers.GRU(3, return_sequences=True)),
    "bridged lstm": lambda: (
        both_directions(),
        [layers.LSTM(4, return_sequences=True, return_state=True), keras.layers.Dense(4)],
    ),
    "lstm of keras": lambda: (
        keras.layers.LSTM(3, return_sequences=True, return_state=True),
        [keras.layers.LSTM(3, return_sequences=True), keras.layers.LayerNormalization()],
    ),
    "stacked cells": lambda: (
        both_directions(),
        keras.layers.RNN(stacked_cells(), return_sequences=True),
    ),
    "bahdanau": lambda: (
        both_directions(),
        layers.AttentionRNN(layers.GRUCell(4), layers.Attention("additive")),
    ),
    "luong": lambda: (
        [keras.layers.Conv1D(4, 3, padding="same"), layers.LSTM(3, return_sequences=True)],
        [
            layers.LSTM(4, return_sequences=True),
            layers.AttentionRNN(layers.LSTMCell(4), layers.Attention("general"), "luong"),
            keras.layers.Dropout(0.5),
        ],
    ),
    "transformer": lambda: (
        [layers.SinusoidalPositionEncoding(), layers.TransformerBlock(6, 2)],
        [
            layers.PositionEmbedding(LENGTH),
            layers.TransformerDecoderBlock(6, 2),
            layers.TransformerDecoderBlock(6, 2, normalize_first=True, position="rotary"),
            keras.layers.LayerNormalization(),
        ],
    ),
}
ATTENDING = ["bahdanau", "luong", "transformer"]


def make(kind, **arguments):
    """Return a model whose weights are large enough to tell one sequence from the other."""
    model = Seq2Seq(*KINDS[kind](), **{**VOCABULARY, **arguments})
    model.build([(None, None), (None, None)])
    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape))
    return model


# For tests that do not change the model.
shared = functools.cache(make)


def logits_of(model, source, inputs):
    """Return the logits, compiled once for all inputs of the same shape."""
    return model.predict_on_batch([np.asarray(source), np.asarray(inputs)])


def log_softmax(logits):
    logits = logits.astype("float64")
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
