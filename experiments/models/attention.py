"""What networks of attention share: heads that fit, positions, one prediction from many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.errors import RequestError
from experiments.models.adapter import embed, target_of
from experiments.tasks.task import Task, Tokens

if TYPE_CHECKING:
    import keras


def check_heads(name: str, hidden_dim: int, num_heads: int) -> None:
    """Raise `RequestError` unless the heads share the width evenly."""
    if hidden_dim % num_heads:
        raise RequestError(
            f"{name}: hidden_dim must be a multiple of num_heads. "
            f"Received: hidden_dim={hidden_dim}, num_heads={num_heads}."
        )


def embed_with_positions(
    task: Task, inputs: keras.KerasTensor, hidden_dim: int
) -> keras.KerasTensor:
    """Steps as vectors of `hidden_dim`, with sines that say where each one stands."""
    import keras  # 2-3 s, paid in the trial's process

    from keras_seq.layers import SinusoidalPositionEncoding

    features = embed(task, inputs, hidden_dim)
    if not isinstance(task.input, Tokens):
        features = keras.layers.Dense(hidden_dim, name="projection")(features)
    return SinusoidalPositionEncoding()(features)


def pool(task: Task, features: keras.KerasTensor) -> keras.KerasTensor:
    """The mean over the steps where the task asks for one prediction per sequence."""
    import keras  # 2-3 s, paid in the trial's process

    if target_of(task).per_step:
        return features
    return keras.layers.GlobalAveragePooling1D()(features)
