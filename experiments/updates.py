"""Updates of a network's weights, many at a time: Python is visited once for all of them.

For a small network Python takes up to a third of a step: it calls the compiled step, waits for the
loss, and on JAX copies the state. Here a loop that is compiled itself goes through the batches.
Imports Keras.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

if TYPE_CHECKING:
    from experiments.tasks.task import Array

Data = tuple[Any, "Array"]
"""What the network reads, an array or a list of them, and the targets."""


class Updates(NamedTuple):
    """What was seen in each of several updates, before the weights changed."""

    losses: Array
    gradient_norms: Array


Update = Callable[[Sequence[Data]], Updates]


def updater(model: keras.Model, most: int) -> Update:
    """What updates the weights of a compiled `model` with at most `most` batches, one by one.

    The model's optimizer is `Adam`. Every update is that of `model.train_on_batch`.
    """
    backend = keras.config.backend()
    if backend not in ("tensorflow", "jax"):
        # PyTorch compiles no loops.
        return lambda batches: _one_by_one(model, batches)
    model.optimizer.build(model.trainable_variables)
    run = (_tensorflow if backend == "tensorflow" else _jax)(model)

    def update(batches: Sequence[Data]) -> Updates:
        # A task may have batches of several lengths, and a loop goes through arrays of one shape.
        parts = [list(part) for _, part in itertools.groupby(batches, _shapes)]
        seen = [run(_stacked(part, most), len(part)) for part in parts]
        return Updates(*map(np.concatenate, zip(*seen, strict=True)))

    return update


def _one_by_one(model: keras.Model, batches: Sequence[Data]) -> Updates:
    seen = [
        (float(model.train_on_batch(*batch)), float(model.optimizer.gradient_norm))
        for batch in batches
    ]
    return Updates(*map(np.array, zip(*seen, strict=True)))


def _tensorflow(model: keras.Model) -> Callable[[Any, int], Updates]:
    import tensorflow as tf

    step = tf.function(model.train_step, jit_compile=model.jit_compile, autograph=False)

    def loop(batches: Any, count: Any) -> Any:
        def body(i: Any, losses: Any, norms: Any) -> Any:
            model.reset_metrics()  # the loss of this batch alone
            loss = step(keras.tree.map_structure(lambda array: array[i], batches))["loss"]
            return i + 1, losses.write(i, loss), norms.write(i, model.optimizer.gradient_norm)

        empty = tf.TensorArray("float32", count, element_shape=())
        _, losses, norms = tf.while_loop(
            lambda i, *_: i < count, body, (0, empty, empty), parallel_iterations=1
        )
        return losses.stack(), norms.stack()

    loop = tf.function(loop, autograph=False, reduce_retracing=True)
    return lambda batches, count: Updates(*(y.numpy() for y in loop(batches, tf.constant(count))))


def _jax(model: keras.Model) -> Callable[[Any, int], Updates]:
    import jax

    variables = [
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    ]
    norm = [v is model.optimizer.gradient_norm for v in model.optimizer.variables].index(True)

    def loop(state: Any, batches: Any, count: Any) -> Any:
        no_metrics = state[-1]

        def body(i: Any, carry: Any) -> Any:
            state, losses, norms = carry
            batch = keras.tree.map_structure(lambda array: array[i], batches)
            logs, state = model.train_step((*state[:-1], no_metrics), batch)
            return state, losses.at[i].set(logs["loss"]), norms.at[i].set(state[2][norm])

        empty = jax.numpy.zeros(len(keras.tree.flatten(batches)[0]))
        return jax.lax.fori_loop(0, count, body, (state, empty, empty))

    # The state is replaced, so its memory serves the new one.
    loop = jax.jit(loop, donate_argnums=0)

    def run(batches: Any, count: int) -> Updates:
        model.reset_metrics()
        values = tuple([v.value for v in part] for part in variables)
        state, losses, norms = loop(values, batches, count)
        for part, new in zip(variables, state, strict=True):
            for variable, value in zip(part, new, strict=True):
                variable.assign(value)
        return Updates(np.asarray(losses)[:count], np.asarray(norms)[:count])

    return run


def _shapes(batch: Data) -> list[tuple[int, ...]]:
    return [array.shape for array in keras.tree.flatten(batch)]


def _stacked(batches: Sequence[Data], most: int) -> Data:
    """All batches along a new first axis, filled up to `most`: one shape is compiled once."""

    def stack(*arrays: Array) -> Array:
        stacked = np.zeros((most, *arrays[0].shape), arrays[0].dtype)
        stacked[: len(arrays)] = arrays
        return stacked

    stacked: Data = keras.tree.map_structure(stack, *batches)
    return stacked


class Adam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam (Kingma and Ba 2015) that keeps the global norm of its last gradients, unclipped."""

    def build(self, variables: list[Any]) -> None:
        """Create the variables, that of the norm among them; once."""
        if self.built:
            return
        super().build(variables)
        self.gradient_norm = self.add_variable(
            shape=(), initializer="zeros", dtype="float32", name="gradient_norm"
        )

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> Any:
        """Keep the norm, then update."""
        if not self.built and trainable_variables is not None:
            self.build(trainable_variables)
        squares = [keras.ops.sum(keras.ops.square(g)) for g in grads if g is not None]
        norm = keras.ops.sqrt(sum(keras.ops.cast(s, "float32") for s in squares))
        self.gradient_norm.assign(norm)
        return super().apply(grads, trainable_variables)
