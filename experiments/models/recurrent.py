"""Recurrent layers in a stack: what all recurrent models have in common."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.models.adapter import Rate, embed, input_of, predict, target_of
from experiments.models.cost import Cost, predictions, stacked, table
from experiments.models.model import Model
from experiments.tasks.task import Task, Tokens

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class RecurrentModel(Model):
    """Recurrent layers on top of each other, then a dense one. Subclasses say which layer."""

    widths: ClassVar[tuple[str, ...]] = ("units",)
    directions: ClassVar[int] = 1
    """With two, each layer reads backward too, beside itself."""

    units: Positive = 64
    """Width of the state, in each direction."""
    num_layers: Positive = 1
    """Layers on top of each other."""
    dropout: Rate = 0.0
    """Share of each layer's outputs dropped in training."""
    embedding_dim: Positive = 16
    """Width of the token embedding; unused where inputs are numbers."""

    @property
    def reads_ahead(self) -> bool:
        """Those that read backward too."""
        return self.directions > 1

    @abc.abstractmethod
    def layer(self, return_sequences: bool) -> keras.layers.Layer:
        """One layer that reads forward."""

    @abc.abstractmethod
    def layer_cost(self, inputs: int, steps: int) -> Cost:
        """What that layer costs with so many features at so many steps."""

    def cost(self, task: Task) -> Cost:
        """That of the embedding, the layers and the dense one."""
        if isinstance(task.input, Tokens):
            inputs = self.embedding_dim
            embedding = table(task.input.vocabulary_size, inputs)
        else:
            inputs, embedding = task.input.width, Cost()
        outputs = self.directions * self.units
        first, other = (
            self.layer_cost(width, task.sequence_length) * self.directions
            for width in (inputs, outputs)
        )
        return embedding + stacked(first, other, self.num_layers) + predictions(task, outputs)

    def build(self, task: Task) -> keras.Model:
        """The layers, `dropout` after each, then one dense layer.

        The last one gives every step when the task asks for predictions per step, else its last.
        """
        import keras  # 2-3 s, paid in the trial's process

        from keras_seq.layers import Bidirectional

        inputs = input_of(task)
        features = embed(task, inputs, self.embedding_dim)
        for number in range(self.num_layers):
            is_last = number == self.num_layers - 1
            layer = self.layer(target_of(task).per_step or not is_last)
            features = (layer if self.directions == 1 else Bidirectional(layer))(features)
            if self.dropout:
                features = keras.layers.Dropout(self.dropout)(features)
        return keras.Model(inputs, predict(task, features), name=self.name)
