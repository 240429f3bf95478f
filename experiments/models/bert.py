"""BERT's encoder, trained from scratch on the task itself or pretrained on another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

from msgspec import Meta

from experiments.budget import Positive, PositiveReal
from experiments.errors import RequestError
from experiments.lengths import longer
from experiments.models.adapter import Rate, input_of, predict, target_of
from experiments.models.attention import check_heads, pool
from experiments.models.cost import (
    Cost,
    attention,
    dense,
    feed_forward,
    normalization,
    predictions,
    table,
)
from experiments.models.model import Model
from experiments.tasks.task import Channels, Tokens

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Task


@dataclass(frozen=True)
class Bert(Model):
    """BERT's encoder: learned positions, normalization after each sublayer, GELU.

    One prediction per sequence is made from the first step, by way of BERT's pooler, or from the
    mean over the steps. It reads tokens only. Where the task has text without labels, it may learn
    from that first. Every position it can read has a vector of its own, so there are as many as
    the longest sequence that will be tested has steps; what a vector says that no training has
    reached is noise.
    """

    name: ClassVar[str] = "bert"
    reads: ClassVar[tuple[type[Tokens | Channels], ...]] = (Tokens,)
    widths: ClassVar[tuple[str, ...]] = ("hidden_dim", "intermediate_dim")

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
    max_sequence_length: Annotated[int, Meta(ge=0)] = 0
    """Positions to learn; 0 for as many as the longest test needs."""
    pooling: Literal["first", "mean"] = "first"
    """Of one prediction per sequence: the first step behind a dense layer, or the mean."""
    initializer_stddev: PositiveReal = 0.02
    """Of the first weights: BERT's, for a width of 768. A narrow network starts slowly with it."""
    pretraining_steps: Annotated[int, Meta(ge=0)] = 0
    """Updates before training, on the task without labels that `Task.pretraining` gives."""

    @property
    def reads_ahead(self) -> bool:
        """Always: its attention has no mask but that of padding."""
        return True

    def check(self, task: Task) -> None:
        """Heads share the width evenly, and there are positions for every step of `task`."""
        check_heads(self.name, self.hidden_dim, self.num_heads)
        if 0 < self.max_sequence_length < (longest := _longest_sequence(task)):
            raise RequestError(
                f"{self.name}: max_sequence_length must be at least the length of the sequences, "
                "or 0 for that of the longest that are tested. Received: "
                f"max_sequence_length={self.max_sequence_length}, sequences of {longest} steps."
            )

        if self.pretraining_steps and task.pretraining() is None:
            raise RequestError(
                f"{self.name}: {task.name} has nothing to learn from before its labels. Expected a "
                "task with pretraining, such as topics, or pretraining_steps=0. Received: "
                f"pretraining_steps={self.pretraining_steps}."
            )

    def width_step(self, name: str) -> int:
        """Heads share `hidden_dim` evenly."""
        return self.num_heads if name == "hidden_dim" else 1

    def cost(self, task: Task) -> Cost:
        """That of the three embeddings, the blocks, the pooler and the dense layer."""
        width, steps = self.hidden_dim, task.sequence_length
        vectors = cast("Tokens", task.input).vocabulary_size + 1 + self._positions(task)
        norm = normalization(width)
        inside = feed_forward(width, self.intermediate_dim, steps)
        block = attention(width, steps, steps) + inside + norm * 2
        pooler = dense(width, width) if self._has_pooler(task) else Cost()
        blocks = block * self.num_layers
        return table(vectors, width) + norm + blocks + pooler + predictions(task, width)

    def _has_pooler(self, task: Task) -> bool:
        return self.pooling == "first" and not target_of(task).per_step

    def _positions(self, task: Task) -> int:
        if self.max_sequence_length:
            return self.max_sequence_length
        return max([_longest_sequence(task), *(other.sequence_length for other in longer(task))])

    def pretraining_updates(self) -> int:
        """`pretraining_steps`."""
        return self.pretraining_steps

    def build(self, task: Task) -> keras.Model:
        """The encoder, one dense layer."""
        import keras  # 2-3 s, paid in the trial's process

        from keras_seq.models import BertEncoder

        tokens = cast("Tokens", task.input)
        inputs = input_of(task)
        has_pooler = self._has_pooler(task)
        encoder = BertEncoder(
            vocabulary_size=tokens.vocabulary_size,
            num_layers=self.num_layers,
            num_heads=self.num_heads,
            hidden_dim=self.hidden_dim,
            intermediate_dim=self.intermediate_dim,
            dropout=self.dropout,
            max_sequence_length=self._positions(task),
            num_segments=1,
            use_pooler=has_pooler,
            initializer_stddev=self.initializer_stddev,
            name="encoder",
        )
        # Without padding the first token of the vocabulary is one like the others.
        padding_mask = inputs != 0 if tokens.has_padding else keras.ops.ones_like(inputs, "bool")
        outputs = encoder({"token_ids": inputs, "padding_mask": padding_mask})
        if has_pooler:
            features = outputs["pooled_output"]
        else:
            features = pool(task, outputs["sequence_output"])
        return keras.Model(inputs, predict(task, features), name=self.name)


@cache
def _longest_sequence(task: Task) -> int:
    """Steps of the longest sequence in any split."""
    if "extrapolation" not in task.evaluation_splits:
        return task.sequence_length
    beyond: int = task.evaluation_set("extrapolation", 0).inputs.shape[1]
    return max(task.sequence_length, beyond)
