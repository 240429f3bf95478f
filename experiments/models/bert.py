"""BERT's encoder, trained from scratch on the task itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from experiments.budget import Positive
from experiments.errors import RequestError
from experiments.models.adapter import Rate, input_of, predict, target_of
from experiments.models.attention import check_heads
from experiments.models.model import Model
from experiments.tasks.task import Channels, Tokens

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Task


@dataclass(frozen=True)
class Bert(Model):
    """BERT's encoder: learned positions, normalization after each sublayer, GELU.

    One prediction per sequence is made from the first step, by way of BERT's pooler. There is no
    pretraining here. It reads tokens only, at most `max_sequence_length` of them.
    """

    name: ClassVar[str] = "bert"
    reads: ClassVar[tuple[type[Tokens | Channels], ...]] = (Tokens,)

    hidden_dim: Positive = 32
    """Width of a step's features; a multiple of `num_heads`."""
    num_heads: Positive = 4
    """Attention heads of a block."""
    intermediate_dim: Positive = 64
    """Width inside the feed-forward sublayers."""
    num_layers: Positive = 2
    """Blocks on top of each other."""
    dropout: Rate = 0.0
    """Share of activations dropped in training; the paper has 0.1."""
    max_sequence_length: Positive = 512
    """Positions to learn."""

    def check(self, task: Task) -> None:
        """Heads share the width evenly, and there are positions for the whole sequence."""
        check_heads(self.name, self.hidden_dim, self.num_heads)
        if task.sequence_length > self.max_sequence_length:
            raise RequestError(
                f"{self.name}: max_sequence_length must be at least the length of the sequences. "
                f"Received: max_sequence_length={self.max_sequence_length}, sequences of "
                f"{task.sequence_length} steps."
            )

    def build(self, task: Task) -> keras.Model:
        """The encoder, one dense layer."""
        import keras  # 2-3 s, paid in the trial's process

        from keras_seq.models import BertEncoder

        tokens = cast("Tokens", task.input)
        inputs = input_of(task)
        per_step = target_of(task).per_step
        encoder = BertEncoder(
            vocabulary_size=tokens.vocabulary_size,
            num_layers=self.num_layers,
            num_heads=self.num_heads,
            hidden_dim=self.hidden_dim,
            intermediate_dim=self.intermediate_dim,
            dropout=self.dropout,
            max_sequence_length=self.max_sequence_length,
            num_segments=1,
            use_pooler=not per_step,
        )
        # Without padding the first token of the vocabulary is one like the others.
        padding_mask = inputs != 0 if tokens.has_padding else keras.ops.ones_like(inputs, "bool")
        outputs = encoder({"token_ids": inputs, "padding_mask": padding_mask})
        features = outputs["sequence_output" if per_step else "pooled_output"]
        return keras.Model(inputs, predict(task, features), name=self.name)
