"""The Transformer: an encoder, and a decoder where the task has sequences to write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from experiments.budget import Positive
from experiments.errors import RequestError
from experiments.models.adapter import Rate, input_of, predict
from experiments.models.attention import check_heads, features_of, first_kernels, pool
from experiments.models.cost import (
    Cost,
    attention,
    feed_forward,
    normalization,
    predictions,
    steps_as_features,
    target_steps,
)
from experiments.models.encoder_decoder import encoder_decoder, encoder_decoder_cost
from experiments.models.model import Model
from experiments.tasks.task import Classes, Sequences, Target, Task, Values

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Transformer(Model):
    """A Transformer: every step attends to every other, or with `causal` to none after it.

    Normalization before each sublayer, and for one prediction per sequence the mean over the
    steps, of which a causal one's last has seen all. Sequences are written by a decoder of as many
    blocks, whose steps attend to those before them and to the encoder's.
    """

    name: ClassVar[str] = "transformer"
    predicts: ClassVar[tuple[type[Target], ...]] = (Classes, Values, Sequences)
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
    """Share of activations dropped in training."""
    causal: bool = False
    """Whether steps see no later ones, in the blocks of an encoder too."""
    positions: Literal["sinusoidal", "rotary", "alibi"] = "sinusoidal"
    """How steps know where they are: sines added to their features; queries and keys turned in
    each head; or scores that fall with the distance, faster in the first heads, which a causal
    network alone can read an order from."""

    @property
    def reads_ahead(self) -> bool:
        """Unless it is causal."""
        return not self.causal

    def check(self, task: Task) -> None:
        """Heads share the width evenly, and steps know their order."""
        check_heads(self.name, self.hidden_dim, self.num_heads)
        if self.positions == "rotary" and self.hidden_dim % (2 * self.num_heads):
            raise RequestError(
                f"{self.name}: with positions='rotary' the width of a head must be even. Received: "
                f"hidden_dim={self.hidden_dim}, num_heads={self.num_heads}."
            )
        if self.positions == "alibi" and not self.causal:
            raise RequestError(
                f"{self.name}: positions='alibi' tells how far a step is and not on which side, "
                "so it needs causal=true. Received: causal=false."
            )

    def width_step(self, name: str) -> int:
        """Heads share `hidden_dim` evenly, and rotary positions turn pairs of their features."""
        if name != "hidden_dim":
            return 1
        return self.num_heads * (2 if self.positions == "rotary" else 1)

    def cost(self, task: Task) -> Cost:
        """That of embedding, blocks, normalizations and the dense layer.

        Writing keeps the keys and values of the decoder's steps and, in each of its blocks, those
        of the encoder's.
        """
        width, steps = self.hidden_dim, task.sequence_length
        norm = normalization(width)
        inside = feed_forward(width, self.intermediate_dim, steps)
        block = attention(width, steps, steps) + inside + norm * 2
        encoder = block * self.num_layers + norm
        if not isinstance(task.target, Sequences):
            return steps_as_features(task, width) + encoder + predictions(task, width)
        written = target_steps(task)
        inside = feed_forward(width, self.intermediate_dim, written)
        attentions = attention(width, written, written) + attention(width, written, steps)
        decoder = (attentions + inside + norm * 3) * self.num_layers + norm
        around = encoder_decoder_cost(task, embedding_dim=width, outputs=width)
        return replace(encoder, state_size=0) + decoder + around

    def build(self, task: Task) -> keras.Model:
        """Embedding, positions, blocks, normalization, one dense layer."""
        import keras  # 2-3 s, paid in the trial's process

        from keras_seq.layers import (
            SinusoidalPositionEncoding,
            TransformerBlock,
            TransformerDecoderBlock,
        )

        is_added = self.positions == "sinusoidal"
        writes = isinstance(task.target, Sequences)
        # First kernels and first embeddings belong together, and those of `Seq2Seq` are Keras's.
        kernels = "glorot_uniform" if writes else first_kernels(self.hidden_dim)

        def blocks(block: type[keras.layers.Layer], **settings: Any) -> list[keras.layers.Layer]:
            settings |= {
                "dropout": self.dropout,
                "normalize_first": True,
                "position": "none" if is_added else self.positions,
                "kernel_initializer": kernels,
            }
            return [
                *([SinusoidalPositionEncoding()] if is_added else []),
                *(
                    block(self.intermediate_dim, self.num_heads, **settings)
                    for _ in range(self.num_layers)
                ),
                keras.layers.LayerNormalization(),
            ]

        encoder = blocks(TransformerBlock, use_causal_mask=self.causal)
        if writes:
            return encoder_decoder(
                task,
                encoder=encoder,
                decoder=blocks(TransformerDecoderBlock),
                embedding_dim=self.hidden_dim,
                name=self.name,
            )
        inputs = input_of(task)
        features = features_of(task, inputs, self.hidden_dim)
        for layer in encoder:
            features = layer(features)
        return keras.Model(inputs, predict(task, pool(task, features)), name=self.name)
