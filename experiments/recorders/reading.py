"""One reading of a few sequences by a network that recorders look into. Imports Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import keras
import numpy as np
from keras import ops

from experiments.evaluation import EVALUATION_BATCH, network_inputs
from experiments.losses import loss_of
from experiments.recorders.recorder import Recorder, Seen
from experiments.recorders.replaced import replaced
from experiments.recorders.trace import Trace
from experiments.tasks.task import Array, Batch, Task, Tokens

SAMPLES = 4
"""The first sequences of the validation split: those that are looked at closely."""


class Reading:
    """The first sequences of the validation split, read again and again by a network that learns.

    Nothing of the network changes: it is no training, and layers are looked into from outside.
    """

    def __init__(
        self, model: keras.Model, task: Task, validation: Batch, recorders: Sequence[Recorder]
    ) -> None:
        self._model, self._task, self._recorders = model, task, recorders
        self._more = _first(validation, EVALUATION_BATCH)
        self._look = _looking(model, task, _first(validation, SAMPLES), recorders)

    @property
    def is_compiled(self) -> bool:
        """Whether the first one takes the time to compile it."""
        return bool(keras.config.backend() == "jax")

    def traces(self, resolution: int) -> list[Trace]:
        """What the recorders see, `resolution` places along an axis at most."""
        gradients, kept = self._look()
        return [
            trace
            for number, recorder in enumerate(self._recorders)
            for trace in recorder.traces(
                Seen(self._task, kept[number], gradients, self._more, self._predict, resolution)
            )
        ]

    def _predict(self) -> Array:
        return np.asarray(self._model.predict_on_batch(network_inputs(self._task, self._more)))


def _first(batch: Batch, count: int) -> Batch:
    return Batch(batch.inputs[:count], batch.targets[:count])


Kept = list[dict[str, Any]]
"""What each recorder keeps."""
Looking = Callable[[Any], tuple[Any, Kept]]
"""Gives a loss, or its gradient, by a change of what is read, and what the recorders keep."""


def _looking(
    model: keras.Model, task: Task, samples: Batch, recorders: Sequence[Recorder]
) -> Callable[[], tuple[Array | None, Kept]]:
    """What gives the gradients by what is read, and what the recorders keep meanwhile."""
    inputs, targets, loss = network_inputs(task, samples), samples.targets, loss_of(task)
    layers = list(_layers(model))

    def loss_at(change: Any) -> tuple[Any, Kept]:
        kept: Kept = [{} for _ in recorders]
        with ExitStack() as stack:
            for number, recorder in enumerate(recorders):
                _watch(layers, recorder, kept[number], stack)
            if embedding is not None:
                stack.enter_context(_changed(embedding, change))
            read = inputs if is_embedded else ops.convert_to_tensor(inputs) + change
            predictions = model(read, training=False)
        return loss(targets, predictions), kept

    is_embedded = isinstance(task.input, Tokens)
    embedding = _embedding(layers, task.input) if isinstance(task.input, Tokens) else None
    width = embedding.output_dim if embedding is not None else samples.inputs.shape[-1]
    can_tell = embedding is not None or not is_embedded
    gradient = _gradient(loss_at, model)

    def look() -> tuple[Array | None, Kept]:
        gradients, kept = gradient(ops.zeros((*samples.inputs.shape[:2], width)))
        numbers: Kept = keras.tree.map_structure(ops.convert_to_numpy, kept)
        return ops.convert_to_numpy(gradients) if can_tell else None, numbers

    return look


def _layers(owner: keras.Layer, path: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """All layers inside of one, with their paths, each before those inside of it."""
    # Keras has no public way to the layers of a layer.
    for layer in owner._flatten_layers(include_self=False, recursive=False):
        own = f"{path}{layer.name}"
        yield own, layer
        yield from _layers(layer, f"{own}/")


def _watch(
    layers: list[tuple[str, keras.Layer]],
    recorder: Recorder,
    kept: dict[str, Any],
    stack: ExitStack,
) -> None:
    watched: list[str] = []
    for path, layer in layers:
        if any(path.startswith(f"{outer}/") for outer in watched):
            continue

        def keep(tensors: Any, path: str = path) -> None:
            kept[path] = tensors

        context = recorder.watch(layer, keep)
        if context is not None:
            watched.append(path)
            stack.enter_context(context)


def _embedding(
    layers: list[tuple[str, keras.Layer]], tokens: Tokens
) -> keras.layers.Embedding | None:
    """The first one for the tokens of the input."""
    for _, layer in layers:
        if isinstance(layer, keras.layers.Embedding) and layer.input_dim == tokens.vocabulary_size:
            return layer
    return None


def _changed(embedding: keras.layers.Embedding, change: Any) -> Any:
    """A context in which an embedding adds `change` to what it first gives."""
    is_read = False

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal is_read
        outputs = before(*args, **kwargs)
        # A decoder, or predictions that share the weights, may use it again.
        if is_read:
            return outputs
        is_read = True
        return outputs + change

    before = embedding.call
    return replaced(embedding, "call", call)


def _gradient(function: Looking, model: keras.Model) -> Looking:
    """What gives the gradient of the first result of `function`, and the second.

    Compiling takes longer than all readings together, except on JAX: there each operation alone
    would be compiled, which takes several times as long.
    """
    backend = keras.config.backend()
    if backend == "jax":
        return _compiled(function, model)
    return _tensorflow(function) if backend == "tensorflow" else _torch(function)


def _tensorflow(function: Looking) -> Looking:
    import tensorflow as tf

    def gradient(at: Any) -> tuple[Any, Kept]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            loss, kept = function(at)
        unread = tf.UnconnectedGradients.ZERO
        return tape.gradient(loss, at, unconnected_gradients=unread), kept

    return gradient


def _compiled(function: Looking, model: keras.Model) -> Looking:
    import jax

    form: Kept = []

    def stateless(at: Any, values: Sequence[Any]) -> tuple[Any, list[Any]]:
        # Else the weights would be constants, those of the first reading.
        with keras.StatelessScope(list(zip(model.variables, values, strict=True))):
            loss, kept = function(at)
        # JAX would give what is kept by name in the order of the names.
        form[:] = keras.tree.map_structure(lambda _: 0, kept)
        return loss, keras.tree.flatten(kept)

    compiled = jax.jit(jax.grad(stateless, has_aux=True))

    def gradient(at: Any) -> tuple[Any, Kept]:
        found, kept = compiled(at, [variable.value for variable in model.variables])
        return found, keras.tree.pack_sequence_as(form, kept)

    return gradient


def _torch(function: Looking) -> Looking:
    import torch

    def gradient(at: Any) -> tuple[Any, Kept]:
        at.requires_grad_(True)
        loss, kept = function(at)
        (found,) = torch.autograd.grad(loss, at, allow_unused=True, materialize_grads=True)
        return found, kept

    return gradient
