"""The gated recurrent unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.models.cost import Cost, cell
from experiments.models.recurrent import RecurrentModel

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class GRU(RecurrentModel):
    """A gated recurrent unit: two gates, no separate cell state."""

    name: ClassVar[str] = "gru"

    units: Positive = 73
    """Width of the state."""

    def layer(self, return_sequences: bool) -> keras.layers.Layer:
        """The layer with the reset gate after the product."""
        from keras_seq import layers  # with Keras 2-3 s, paid in the trial's process

        return layers.GRU(self.units, return_sequences=return_sequences)

    def layer_cost(self, inputs: int, steps: int) -> Cost:
        """Three products, each with two biases."""
        return cell(inputs, self.units, steps, gates=3, biases=2)
