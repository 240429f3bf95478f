"""Recurrent layers with all that happens inside of a step. Imports Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_seq.layers import GRU, LSTM, PeepholeLSTM
from keras_seq.ops.gru import gru_gates, split_bias
from keras_seq.ops.lstm import lstm_gates
from keras_seq.ops.recurrence import project, recurrence

Signals = tuple[Any, ...]
"""What there is in a step, in the order of `signal_names`; the last are the states, `h` last."""

LSTM_SIGNALS = ("i", "f", "o", "g", "c", "h")
GRU_SIGNALS = ("z", "r", "candidate", "h")


def signal_names(layer: keras.Layer) -> tuple[str, ...] | None:
    """As the equations in `keras_seq.ops` call them; `None` for a layer of another kind."""
    if isinstance(layer, LSTM | PeepholeLSTM):
        return LSTM_SIGNALS
    return GRU_SIGNALS if isinstance(layer, GRU) else None


def with_signals(
    layer: keras.Layer,
    sequences: Any,
    initial_state: Any,
    weights: dict[str, Any],
    mask: Any,
    recurrent_mask: Any,
) -> tuple[Signals, Any]:
    """What `layer.run` gives, with all signals, `(batch, time, units)`, instead of the outputs."""
    steps = _gru if isinstance(layer, GRU) else _lstm
    bias, step = steps(layer, weights, recurrent_mask)
    names = signal_names(layer) or ()
    # States are given as h, then c.
    first = [ops.zeros_like(initial_state[0])] * (len(names) - len(initial_state))
    signals, last = recurrence(
        lambda xs: project(xs, weights["kernel"], bias),
        lambda x, state: (step(x, state[0]),),
        sequences,
        ((*first, *reversed(initial_state)),),
        mask,
        layer.go_backwards,
    )
    return signals, tuple(reversed(last[0][len(first) :]))


Step = Callable[[Any, Signals], Signals]


def _lstm(layer: Any, weights: dict[str, Any], recurrent_mask: Any) -> tuple[Any, Step]:
    output_activation = getattr(layer, "output_activation", None) or layer.activation

    def step(x: Any, before: Signals) -> Signals:
        *_, c, h = before
        gates = lstm_gates(
            x,
            (h, c),
            weights["recurrent_kernel"],
            weights.get("peephole_kernel"),
            layer.activation,
            layer.recurrent_activation,
            recurrent_mask,
        )
        _, _, o, _, c = gates
        return (*gates, o * output_activation(c))

    return weights.get("bias"), step


def _gru(layer: Any, weights: dict[str, Any], recurrent_mask: Any) -> tuple[Any, Step]:
    input_bias, recurrent_bias = split_bias(weights.get("bias"), layer.reset_after)

    def step(x: Any, before: Signals) -> Signals:
        h = before[-1]
        z, r, candidate = gru_gates(
            x,
            (h,),
            weights["recurrent_kernel"],
            recurrent_bias,
            layer.reset_after,
            layer.activation,
            layer.recurrent_activation,
            recurrent_mask,
        )
        return z, r, candidate, z * h + (1 - z) * candidate

    return input_bias, step
