"""The plain recurrent network, what gates are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.models.cost import Cost, cell
from experiments.models.recurrent import RecurrentModel

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SimpleRNN(RecurrentModel):
    """A plain recurrent network: tanh, orthogonal recurrent start."""

    name: ClassVar[str] = "simple_rnn"

    units: Positive = 127
    """Width of the state."""

    def layer(self, return_sequences: bool) -> keras.layers.Layer:
        """Keras's own, which needs no gates."""
        from keras import layers  # with Keras 2-3 s, paid in the trial's process

        return layers.SimpleRNN(self.units, return_sequences=return_sequences)

    def layer_cost(self, inputs: int, steps: int) -> Cost:
        """One product, of the candidate."""
        return cell(inputs, self.units, steps)
