"""Self-attention alone: a Transformer without its feed-forward networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.models.adapter import Rate, input_of, predict
from experiments.models.attention import features_of, first_kernels, pool
from experiments.models.cost import Cost, attention, normalization, predictions, steps_as_features
from experiments.models.model import Model

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Task


@dataclass(frozen=True)
class SelfAttention(Model):
    """Layers of multi-head self-attention, each added to what it reads, and nothing between them.

    Sinusoidal positions, normalization before each layer, and for one prediction per sequence the
    mean over the steps, of which a causal one's last has seen all.
    """

    name: ClassVar[str] = "self_attention"
    widths: ClassVar[tuple[str, ...]] = ("key_dim", "hidden_dim")

    hidden_dim: Positive = 64
    """Width of a step's features."""
    num_heads: Positive = 4
    """Attention heads of a layer."""
    key_dim: Positive = 16
    """Width of a head."""
    num_layers: Positive = 1
    """Layers on top of each other."""
    dropout: Rate = 0.0
    """Share of attention weights and of each layer's outputs dropped in training."""
    causal: bool = False
    """Whether steps see no later ones."""

    @property
    def reads_ahead(self) -> bool:
        """Unless it is causal."""
        return not self.causal

    def cost(self, task: Task) -> Cost:
        """That of embedding, attention, normalization and the dense layer."""
        width, steps = self.hidden_dim, task.sequence_length
        heads = attention(width, steps, steps, self.num_heads * self.key_dim)
        layer = heads + normalization(width)
        features = steps_as_features(task, width) + layer * self.num_layers + normalization(width)
        return features + predictions(task, width)

    def build(self, task: Task) -> keras.Model:
        """Embedding with positions, attention, normalization, one dense layer."""
        import keras  # 2-3 s, paid in the trial's process

        from keras_seq.layers import MultiHeadSelfAttention, SinusoidalPositionEncoding

        inputs = input_of(task)
        features = SinusoidalPositionEncoding()(features_of(task, inputs, self.hidden_dim))
        for _ in range(self.num_layers):
            attend = MultiHeadSelfAttention(
                self.num_heads,
                self.key_dim,
                dropout=self.dropout,
                kernel_initializer=first_kernels(self.hidden_dim),
            )
            normalized = keras.layers.LayerNormalization()(features)
            attended = attend(normalized, use_causal_mask=self.causal)
            dropped = keras.layers.Dropout(self.dropout)(attended)
            # Unlike the operator, the layer hands the mask on.
            features = keras.layers.Add()([features, dropped])
        features = keras.layers.LayerNormalization()(features)
        return keras.Model(inputs, predict(task, pool(task, features)), name=self.name)
