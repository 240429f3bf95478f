"""One attention layer in a process of its own: seconds of a training step, and peak memory.

`python benchmarks/attention_step.py PEER BATCH LENGTH KIND` prints both, in seconds and MiB. It
runs in an environment with TensorFlow for `keras_seq` and `keras`, and with PyTorch for the others,
and imports nothing else of the project.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WIDTH = 256
HEADS = 8
WINDOW = 512
STEPS = 3


def main() -> None:
    """Measure what the command line asks for."""
    peer, batch, length, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    make = _with_torch if peer.startswith("torch") else _with_keras
    step = make(peer, batch, length, kind)
    step()
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    # Linux counts in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(statistics.median(seconds), peak)


def _with_keras(peer: str, batch: int, length: int, kind: str) -> Callable[[], object]:
    sys.path.insert(0, str(Path(__file__).parent.parent))
    import keras
    import tensorflow as tf

    import keras_seq

    source = keras_seq.layers if peer == "keras_seq" else keras.layers
    window = WINDOW if kind == "window" else None
    layer = source.MultiHeadAttention(HEADS, WIDTH // HEADS, sliding_window=window)
    layer.build((batch, length, WIDTH), (batch, length, WIDTH))
    inputs = tf.random.normal((batch, length, WIDTH))

    @tf.function
    def train() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = layer(inputs, inputs, use_causal_mask=kind == "causal")
            loss = tf.reduce_sum(tf.square(output))
        return tape.gradient(loss, [inputs, *layer.trainable_variables])

    # The executor returns before the results are there.
    return lambda: [gradient.numpy()[:1] for gradient in train()]


def _with_torch(peer: str, batch: int, length: int, kind: str) -> Callable[[], object]:
    import torch

    torch.set_num_threads(4)
    inputs = torch.randn(batch, length, WIDTH, requires_grad=True)
    layer = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    projection = torch.nn.Linear(WIDTH, 3 * WIDTH)
    joining = torch.nn.Linear(WIDTH, WIDTH)

    def whole() -> torch.Tensor:
        output, _ = layer(inputs, inputs, inputs, need_weights=False)
        return output

    def function() -> torch.Tensor:
        heads = projection(inputs).reshape(batch, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        output = torch.nn.functional.scaled_dot_product_attention(
            *heads, is_causal=kind == "causal"
        )
        return joining(output.transpose(1, 2).reshape(batch, length, WIDTH))

    forward = function if peer == "torch-function" else whole

    def step() -> None:
        forward().square().sum().backward()
        for tensor in (inputs, *layer.parameters(), *projection.parameters()):
            tensor.grad = None

    return step


if __name__ == "__main__":
    main()
