"""What a recurrent network holds: its gates and its states, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.recorders.recorder import Keep, Recorder, Seen
from experiments.recorders.replaced import replaced
from experiments.recorders.trace import Trace, chosen

if TYPE_CHECKING:
    import keras

MOST_UNITS = 64
LOW, HIGH = 10, 90
STATISTICS = ("mean", f"{LOW} %", f"{HIGH} %")
"""Of all units: their mean, and the percentiles between which most of them are."""


class States(Recorder):
    """The gates and the states of every LSTM, with or without peepholes, and GRU.

    `states` has values of up to 64 units, evenly chosen: `(sample, signal, step, unit)`;
    `states_over_units` a summary of all: `(sample, signal, statistic, step)`. Of long sequences
    steps are chosen evenly. Steps that pad a sequence repeat the one before.
    """

    name: ClassVar[str] = "states"

    def watch(self, layer: keras.Layer, keep: Keep) -> AbstractContextManager[None] | None:
        """Go through the sequence step by step."""
        from keras import ops  # imported with the layer

        from experiments.recorders.signals import signal_names, with_signals  # imports Keras

        names = signal_names(layer)
        if names is None:
            return None

        def run(
            sequences: Any, initial_state: Any, weights: Any, mask: Any, recurrent_mask: Any
        ) -> Any:
            signals, states = with_signals(
                layer, sequences, initial_state, weights, mask, recurrent_mask
            )
            # Outputs are in the order in which the steps were read, what is kept in theirs.
            in_order = [ops.flip(x, axis=1) if layer.go_backwards else x for x in signals]
            keep(dict(zip(names, in_order, strict=True)))
            return signals[-1], states

        return replaced(layer, "run", run)

    def traces(self, seen: Seen) -> Iterable[Trace]:
        """Two of each layer."""
        for path, signals in seen.kept.items():
            # (sample, signal, step, unit)
            values = np.stack(list(signals.values()), axis=1)
            steps, units = (
                chosen(values.shape[2], seen.resolution),
                chosen(values.shape[3], min(MOST_UNITS, seen.resolution)),
            )
            labels = {"signal": tuple(signals)}
            values = values[:, :, steps]
            yield Trace(
                name=self.name,
                layer=path,
                axes=("sample", "signal", "step", "unit"),
                values=values[..., units].astype(np.float16),
                places={"step": steps, "unit": units},
                labels=labels,
            )
            summary = [values.mean(axis=-1), *np.percentile(values, (LOW, HIGH), axis=-1)]
            yield Trace(
                name="states_over_units",
                layer=path,
                axes=("sample", "signal", "statistic", "step"),
                values=np.stack(summary, axis=2).astype(np.float16),
                places={"step": steps},
                labels={**labels, "statistic": STATISTICS},
            )
