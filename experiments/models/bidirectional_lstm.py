"""The bidirectional long short-term memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.models.adapter import Rate
from experiments.models.cost import Cost, cell
from experiments.models.model import Model
from experiments.models.recurrent import stack, stack_cost

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Task


@dataclass(frozen=True)
class BidirectionalLSTM(Model):
    """Two LSTMs side by side, one reading forward, one backward."""

    name: ClassVar[str] = "bidirectional_lstm"
    reads_ahead: ClassVar[bool] = True
    widths: ClassVar[tuple[str, ...]] = ("units",)

    units: Positive = 45
    """Width of the state in each direction."""
    num_layers: Positive = 1
    """Layers on top of each other."""
    dropout: Rate = 0.0
    """Share of each layer's outputs dropped in training."""
    embedding_dim: Positive = 16
    """Width of the token embedding; unused where inputs are numbers."""

    def cost(self, task: Task) -> Cost:
        """That of both directions, side by side, and of the dense layer."""
        return stack_cost(
            task,
            lambda inputs: cell(inputs, self.units, task.sequence_length, gates=4, states=2) * 2,
            outputs=2 * self.units,
            num_layers=self.num_layers,
            embedding_dim=self.embedding_dim,
        )

    def build(self, task: Task) -> keras.Model:
        """The layers, then one dense layer."""
        from keras_seq import layers  # with Keras 2-3 s, paid in the trial's process

        return stack(
            task,
            lambda return_sequences: layers.Bidirectional(
                layers.LSTM(self.units, return_sequences=return_sequences)
            ),
            num_layers=self.num_layers,
            dropout=self.dropout,
            embedding_dim=self.embedding_dim,
            name=self.name,
        )
