"""What joins any architecture to any task: how it reads inputs, how it gives predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from msgspec import Meta

from experiments.tasks.task import Classes, Task, Tokens, Values

if TYPE_CHECKING:
    import keras

Rate = Annotated[float, Meta(ge=0, lt=1)]
"""A share of activations to drop."""


def input_of(task: Task) -> keras.KerasTensor:
    """The symbolic input; the length stays open, so that other lengths can be predicted."""
    import keras  # 2-3 s, paid in the trial's process

    if isinstance(task.input, Tokens):
        return keras.Input((None,), dtype="int32", name="tokens")
    return keras.Input((None, task.input.width), name="channels")


def embed(
    task: Task,
    inputs: keras.KerasTensor,
    embedding_dim: int,
    initializer: str | keras.Initializer = "uniform",
) -> keras.KerasTensor:
    """Tokens as learned vectors of `embedding_dim`, padding masked; channels as they are."""
    import keras  # 2-3 s, paid in the trial's process

    if isinstance(task.input, Tokens):
        return keras.layers.Embedding(
            task.input.vocabulary_size,
            embedding_dim,
            embeddings_initializer=initializer,
            mask_zero=task.input.has_padding,
            name="token_embedding",
        )(inputs)
    return inputs


def target_of(task: Task) -> Classes | Values:
    """The target of a task that is served without decoding."""
    return cast("Classes | Values", task.target)  # `Model.serves` has seen to it


def predict(task: Task, features: keras.KerasTensor) -> keras.KerasTensor:
    """Logits for classes, numbers for values; `features` has a time axis if `per_step`."""
    import keras  # 2-3 s, paid in the trial's process

    target = target_of(task)
    width = target.count if isinstance(target, Classes) else target.width
    return keras.layers.Dense(width, name="predictions")(features)
