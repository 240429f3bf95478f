"""The long short-term memory with peepholes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.models.cost import Cost, cell
from experiments.models.recurrent import RecurrentModel

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PeepholeLSTM(RecurrentModel):
    """An LSTM whose gates see the cell state."""

    name: ClassVar[str] = "peephole_lstm"

    units: Positive = 64
    """Width of the state."""

    def layer(self, return_sequences: bool) -> keras.layers.Layer:
        """The layer with peepholes."""
        from keras_seq import layers  # with Keras 2-3 s, paid in the trial's process

        return layers.PeepholeLSTM(self.units, return_sequences=return_sequences)

    def layer_cost(self, inputs: int, steps: int) -> Cost:
        """That of an LSTM, and three weights for each unit."""
        return cell(inputs, self.units, steps, gates=4, states=2, peepholes=3)
