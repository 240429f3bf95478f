"""How recurrent layers are stacked into a network, and what the stack costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from experiments.models.adapter import embed, input_of, predict, target_of
from experiments.models.cost import Cost, predictions, stacked, table
from experiments.tasks.task import Task, Tokens

if TYPE_CHECKING:
    import keras


def stack(
    task: Task,
    layer: Callable[[bool], keras.layers.Layer],
    *,
    num_layers: int,
    dropout: float,
    embedding_dim: int,
    name: str,
) -> keras.Model:
    """`num_layers` of what `layer(return_sequences)` makes, `dropout` after each.

    The last one gives every step when the task asks for predictions per step, else its last.
    """
    import keras  # 2-3 s, paid in the trial's process

    inputs = input_of(task)
    features = embed(task, inputs, embedding_dim)
    for number in range(num_layers):
        is_last = number == num_layers - 1
        features = layer(target_of(task).per_step or not is_last)(features)
        if dropout:
            features = keras.layers.Dropout(dropout)(features)
    return keras.Model(inputs, predict(task, features), name=name)


def stack_cost(
    task: Task, layer: Callable[[int], Cost], *, outputs: int, num_layers: int, embedding_dim: int
) -> Cost:
    """What a stack costs of which `layer(inputs)` is one layer, with that many `outputs`."""
    if isinstance(task.input, Tokens):
        inputs, embedding = embedding_dim, table(task.input.vocabulary_size, embedding_dim)
    else:
        inputs, embedding = task.input.width, Cost()
    layers = stacked(layer(inputs), layer(outputs), num_layers)
    return embedding + layers + predictions(task, outputs)
