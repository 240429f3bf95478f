"""Training steps of layers on one sequence: seconds, or memory, as JSON.

`python -m benchmarks.training_step seconds LENGTH LAYER...` times layers in turn in this process,
`python -m benchmarks.training_step mebibytes LENGTH LAYER` tells what one layer alone needs. A step
is the forward and the backward pass, for the weights and the inputs, as one TensorFlow function.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras.layers import GRU as KerasGRU
from keras.layers import LSTM as KerasLSTM
from keras.layers import Bidirectional as KerasBidirectional
from keras.layers import MultiHeadAttention as KerasMultiHeadAttention

from keras_seq.layers import (
    GRU,
    LSTM,
    Bidirectional,
    MultiHeadSelfAttention,
    PeepholeLSTM,
    TransformerBlock,
)

WIDTH = 64
HEADS = 4
WINDOW = 512
# Steps are timed until there are so many of each layer, or so many seconds are over.
ROUNDS = 15
ENOUGH = 3.0
# Seconds between two looks at the memory.
PAUSE = 1e-3


@dataclass(frozen=True)
class Contender:
    """A layer from sequences of some width to sequences, and how it is called."""

    make: Callable[[], Any]
    inputs: int = 1
    arguments: dict[str, Any] = field(default_factory=dict)


def _recurrent(layer: type) -> Contender:
    return Contender(lambda: layer(WIDTH, return_sequences=True))


def _bidirectional(wrapper: type, layer: type) -> Contender:
    return Contender(lambda: wrapper(layer(WIDTH, return_sequences=True)))


def _attention(layer: type, inputs: int, causal: bool, **options: Any) -> Contender:
    arguments = {"use_causal_mask": causal}
    return Contender(lambda: layer(HEADS, WIDTH // HEADS, **options), inputs, arguments)


CONTENDERS = {
    "LSTM": _recurrent(LSTM),
    "PeepholeLSTM": _recurrent(PeepholeLSTM),
    "Keras LSTM": _recurrent(KerasLSTM),
    "GRU": _recurrent(GRU),
    "Keras GRU": _recurrent(KerasGRU),
    "Bidirectional(LSTM)": _bidirectional(Bidirectional, LSTM),
    "Keras Bidirectional(LSTM)": _bidirectional(KerasBidirectional, KerasLSTM),
    "MultiHeadSelfAttention": _attention(MultiHeadSelfAttention, 1, False),
    "Keras MultiHeadAttention": _attention(KerasMultiHeadAttention, 2, False),
    "MultiHeadSelfAttention, causal": _attention(MultiHeadSelfAttention, 1, True),
    "Keras MultiHeadAttention, causal": _attention(KerasMultiHeadAttention, 2, True),
    "MultiHeadSelfAttention, window": _attention(
        MultiHeadSelfAttention, 1, False, sliding_window=WINDOW
    ),
    "TransformerBlock": Contender(lambda: TransformerBlock(4 * WIDTH, HEADS)),
}


def main() -> None:
    """Print the seconds of several steps by layer, or the mebibytes of one layer."""
    quantity, length, *names = sys.argv[1:]
    found = seconds(int(length), names) if quantity == "seconds" else mebibytes(int(length), *names)
    print(json.dumps(found))


def seconds(length: int, names: list[str]) -> dict[str, list[float]]:
    """Take steps of all layers in turn; the first, which compiles, does not count."""
    steps = {name: training_step(CONTENDERS[name], length) for name in names}
    for step in steps.values():
        step()
    found: dict[str, list[float]] = {name: [] for name in names}
    started = time.perf_counter()
    for number in range(ROUNDS):
        if number and time.perf_counter() - started > ENOUGH:
            break
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            found[name].append(time.perf_counter() - begin)
    return found


def mebibytes(length: int, name: str) -> float:
    """What this process holds at most during some steps, above the imported libraries.

    What compiles the layer counts, and so does what compiled code keeps from one step for the next.
    """
    before = _anonymous()
    step = training_step(CONTENDERS[name], length)
    over = threading.Event()

    def watch() -> float:
        largest = _anonymous()
        while not over.wait(PAUSE):
            largest = max(largest, _anonymous())
        return max(largest, _anonymous())

    with ThreadPoolExecutor(1) as pool:
        watched = pool.submit(watch)
        try:
            # The second finds memory in other pieces than the first, and can take more.
            step()
            step()
        finally:
            over.set()
        return watched.result() - before


def training_step(contender: Contender, length: int) -> Callable[[], Any]:
    """Return a function without arguments that computes all gradients of a layer."""
    keras.utils.set_random_seed(0)
    sequence = tf.random.normal((1, length, WIDTH))
    layer = contender.make()
    layer.build(*[sequence.shape] * contender.inputs)
    weights = [variable.value for variable in layer.trainable_variables]

    @tf.function(autograph=False)
    def gradients(sequence: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(sequence)
            inputs = [sequence] * contender.inputs
            outputs = layer(*inputs, training=True, **contender.arguments)
            loss = tf.reduce_mean(tf.square(outputs))
        return tape.gradient(loss, [sequence, *weights])

    return lambda: gradients(sequence)


def _anonymous() -> float:
    """Mebibytes that this process has allocated and touched, as Linux counts them.

    The kernel keeps a peak too, but of all pages: it counts those of libraries, which come when
    they are first used and go when another process wants memory.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
