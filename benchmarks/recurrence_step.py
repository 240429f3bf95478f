"""A training step of LSTM and GRU on JAX or PyTorch beside Keras's, and PyTorch's own.

Runs in the environment and on the backend it is started with: `KERAS_BACKEND=torch
.venv-torch/bin/python -m benchmarks.recurrence_step`. Numbers of rows may follow, then only
those are measured.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.timing import Pair, pairs, print_table
from keras_seq import layers

# Batch, time, features, units.
ROWS = ((32, 256, 64, 128), (32, 1024, 64, 128), (64, 400, 2, 128), (16, 1024, 128, 256))
LAYERS = ((layers.LSTM, "LSTM"), (layers.PeepholeLSTM, "LSTM"), (layers.GRU, "GRU"))
# On PyTorch a step of Keras's layers takes seconds.
REPEATS = {"jax": 7, "torch": 3}


def main() -> None:
    """Print the table."""
    chosen = [int(number) for number in sys.argv[1:]] or range(len(ROWS))
    backend = keras.config.backend()
    measured = []
    ratios: dict[str, list[float]] = {}
    for batch, time, features, units in (ROWS[number] for number in chosen):
        x = np.random.default_rng(0).normal(size=(batch, time, features)).astype("float32")
        for cls, peer in LAYERS:
            ours = _step(cls(units, return_sequences=True), x)
            peers = {"Keras": _step(getattr(keras.layers, peer)(units, return_sequences=True), x)}
            if backend == "torch":
                peers["torch.nn"] = _step_of_torch(peer, units, x)
            for name, theirs in peers.items():
                pair = pairs(ours, theirs, REPEATS[backend])
                contest = f"{cls.__name__} beside {name} {peer}"
                label = f"{batch}, {time}, {features}, {units}: {contest}"
                measured.append(_in_milliseconds(pair).row(label))
                ratios.setdefault(contest, []).append(pair.ratio)
    print_table(
        f"Training step on {backend} (milliseconds)",
        ("B, T, D, H", "ours", "theirs", "ratio"),
        measured,
    )
    means = [(name, f"{statistics.geometric_mean(found):.2f}") for name, found in ratios.items()]
    print_table(f"Geometric means on {backend}", ("layer", "ratio"), means)


def _in_milliseconds(pair: Pair) -> Pair:
    return Pair([1e3 * seconds for seconds in pair.ours], [1e3 * s for s in pair.theirs])


def _step(layer: keras.Layer, x: np.ndarray) -> Callable[[], object]:
    """Return a function that computes a loss and its gradients, run once already."""
    layer.build(x.shape)
    if keras.config.backend() == "jax":
        return _step_of_jax(layer, x)
    return _differentiated(layer, [weight.value for weight in layer.trainable_variables], x)


def _step_of_jax(layer: keras.Layer, x: np.ndarray) -> Callable[[], object]:
    import jax

    fixed = [variable.value for variable in layer.non_trainable_variables]
    weights = [variable.value for variable in layer.trainable_variables]

    def loss(weights: list[jax.Array], x: jax.Array) -> jax.Array:
        outputs, _ = layer.stateless_call(weights, fixed, x)
        return (outputs**2).mean()

    compiled = jax.jit(jax.grad(loss, argnums=(0, 1)))
    inputs = jax.numpy.asarray(x)

    def step() -> None:
        jax.block_until_ready(compiled(weights, inputs))

    step()
    return step


def _step_of_torch(peer: str, units: int, x: np.ndarray) -> Callable[[], object]:
    import torch

    module = getattr(torch.nn, peer)(x.shape[-1], units, batch_first=True)
    return _differentiated(lambda x: module(x)[0], list(module.parameters()), x)


def _differentiated(
    f: Callable[..., Any], weights: list[Any], x: np.ndarray
) -> Callable[[], object]:
    import torch

    inputs = torch.tensor(x, requires_grad=True)

    def step() -> None:
        torch.autograd.grad(f(inputs).square().mean(), [inputs, *weights])

    step()
    return step


if __name__ == "__main__":
    main()
