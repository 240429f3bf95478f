"""What networks of attention share: heads that fit, first weights, positions, pooling.

Recall is learned by two layers that are of no use without each other: one tells a step what stood
before it, the other finds the step by it. While the first weights say too little, neither learns.
"""

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


def first_tokens() -> keras.Initializer:
    """Draws embeddings as large as the sines of positions, in which Keras's own would drown."""
    import keras  # 2-3 s, paid in the trial's process

    return keras.initializers.RandomNormal(stddev=1.0)


def first_kernels(hidden_dim: int) -> keras.Initializer:
    """Draws kernels whose outputs are as large as the features they read, `hidden_dim` a step.

    Glorot's counts the heads of a kernel as inputs and as outputs: the more heads, the smaller
    queries and keys, and the nearer is their attention to a mean of all steps.
    """
    import keras  # 2-3 s, paid in the trial's process

    return keras.initializers.RandomNormal(stddev=hidden_dim**-0.5)


def features_of(task: Task, inputs: keras.KerasTensor, hidden_dim: int) -> keras.KerasTensor:
    """Steps as vectors of `hidden_dim`: embedded tokens, or a projection of channels."""
    import keras  # 2-3 s, paid in the trial's process

    features = embed(task, inputs, hidden_dim, first_tokens())
    if isinstance(task.input, Tokens):
        return features
    return keras.layers.Dense(hidden_dim, name="projection")(features)


def pool(task: Task, features: keras.KerasTensor) -> keras.KerasTensor:
    """The mean over the steps where the task asks for one prediction per sequence."""
    import keras  # 2-3 s, paid in the trial's process

    if target_of(task).per_step:
        return features
    return keras.layers.GlobalAveragePooling1D()(features)
