"""Recurrent layers beside Keras's and PyTorch's own: a training step and inference on the CPU.

TensorFlow in full, and a training step on JAX and PyTorch where their environments are there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import pairs, print_table

FOLDER = Path(__file__).parent
TORCH = FOLDER.parent / ".venv-torch" / "bin" / "python"
# Batch, steps, features, units.
ROWS = [(32, 256, 64, 128), (32, 1024, 64, 128), (64, 400, 2, 128), (16, 1024, 128, 256)]
LAYERS = {"PeepholeLSTM": "LSTM", "LSTM": "LSTM", "GRU": "GRU"}
REPEATS = 7
HEADINGS = ("layer and step", "B, T, D, H", "ms", "Keras ms", "ratio", "torch ms", "ratio")


def main() -> None:
    """Measure with all threads and with one, then the other backends: a process each."""
    for threads in (min(4, os.cpu_count() or 1), 1):
        subprocess.run(
            [sys.executable, "-m", "benchmarks.recurrence", str(threads)],
            cwd=FOLDER.parent,
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=True,
        )
    for backend in ("jax", "torch"):
        python = FOLDER.parent / f".venv-{backend}" / "bin" / "python"
        if python.exists():
            subprocess.run(
                [python, "-m", "benchmarks.recurrence_step"],
                cwd=FOLDER.parent,
                env={**os.environ, "KERAS_BACKEND": backend},
                check=True,
            )


def measure(threads: int) -> None:
    """Print the tables for a number of threads."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    label = "1 thread" if threads == 1 else f"{threads} threads"
    peer = _Torch(threads) if TORCH.exists() else None
    rows, means = [], []
    for name in LAYERS:
        for kind in ("train", "infer"):
            ratios = []
            for sizes in ROWS:
                row, found = _compare(name, kind, sizes, peer)
                rows.append(row)
                ratios.append(found)
            means.append((f"{name}, {kind}", *_geometric_means(ratios)))
    print_table(f"Recurrences, {label}", HEADINGS, rows)
    print_table(f"Geometric means, {label}", ("layer and step", "Keras", "torch"), means)
    if threads > 1:
        _options(ROWS[0])
        _both_directions(ROWS[0])


class _Torch:
    """A process with PyTorch, which answers how long its layer takes."""

    def __init__(self, threads: int) -> None:
        self._process = subprocess.Popen(
            [str(TORCH), str(FOLDER / "torch_recurrence.py"), str(threads)],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, name: str, sizes: tuple[int, ...], kind: str) -> float:
        """Return the seconds of one step."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(name, *sizes, kind, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


def _compare(
    name: str, kind: str, sizes: tuple[int, ...], peer: _Torch | None
) -> tuple[tuple[str, ...], tuple[float, float | None]]:
    """Return a row of the table, and the ratios to Keras and to PyTorch."""
    ours, theirs = _step("keras_seq", name, kind, sizes), _step("keras", LAYERS[name], kind, sizes)
    beside_keras = pairs(ours, theirs, REPEATS)
    cells = [
        f"{name}, {kind}",
        ", ".join(map(str, sizes)),
        _milliseconds(beside_keras.ours),
        _milliseconds(beside_keras.theirs),
        f"{beside_keras.ratio:.2f}",
    ]
    if peer is None:
        return (*cells, "", ""), (beside_keras.ratio, None)
    torch_name = LAYERS[name].lower()
    beside_torch = pairs(ours, lambda: peer.seconds(torch_name, sizes, kind), REPEATS)
    cells += [_milliseconds(beside_torch.theirs), f"{beside_torch.ratio:.2f}"]
    return tuple(cells), (beside_keras.ratio, beside_torch.ratio)


def _options(sizes: tuple[int, ...]) -> None:
    """Print what masks, an initial state and the other direction cost beside Keras."""
    rows = []
    for name in LAYERS:
        for label, options in (("mask", {"mask": True}), ("state, backwards", {"state": True})):
            ours = _step("keras_seq", name, "train", sizes, **options)
            theirs = _step("keras", LAYERS[name], "train", sizes, **options)
            found = pairs(ours, theirs, REPEATS)
            rows.append(
                (
                    f"{name}, {label}",
                    _milliseconds(found.ours),
                    _milliseconds(found.theirs),
                    f"{found.ratio:.2f}",
                )
            )
    title = f"A training step with options, {', '.join(map(str, sizes))}"
    print_table(title, ("layer", "ms", "Keras ms", "ratio"), rows)


def _both_directions(sizes: tuple[int, ...]) -> None:
    """Print what two directions cost, and the seconds before the first step of a new length."""
    other_sizes = (sizes[0], sizes[1] + 1, *sizes[2:])
    rows = []
    for name in LAYERS:
        started = time.perf_counter()
        one = _step("keras_seq", name, "train", other_sizes)
        compiling = time.perf_counter() - started
        two = _step("keras_seq", name, "train", other_sizes, both=True)
        theirs = _step("keras", LAYERS[name], "train", other_sizes, both=True)
        beside_keras = pairs(two, theirs, REPEATS)
        rows.append(
            (
                name,
                _milliseconds(beside_keras.ours),
                _milliseconds(beside_keras.theirs),
                f"{beside_keras.ratio:.2f}",
                f"{pairs(two, one, REPEATS).ratio:.2f}",
                f"{compiling:.2f}",
            )
        )
    seconds = "seconds of building, tracing and compiling one"
    print_table(
        "Both directions, and a new number of steps",
        ("layer", "ms", "Keras ms", "ratio", "both beside one", seconds),
        rows,
    )


def _step(
    package: str,
    name: str,
    kind: str,
    sizes: tuple[int, ...],
    mask: bool = False,
    state: bool = False,
    both: bool = False,
) -> Callable[[], None]:
    """Return a function that does one step, which has run once already."""
    import keras
    import tensorflow as tf

    from keras_seq import layers

    batch, steps, features, units = sizes
    source = layers if package == "keras_seq" else keras.layers
    layer = getattr(source, name)(units, return_sequences=True, go_backwards=state)
    layer = source.Bidirectional(layer) if both else layer
    random = tf.random.Generator.from_seed(0)
    inputs = random.normal((batch, steps, features))
    lengths = random.uniform((batch, 1), steps // 2, steps, "int32")
    options = {"mask": tf.range(steps) < lengths} if mask else {}
    if state:
        options["initial_state"] = [random.normal((batch, units))] * (1 if name == "GRU" else 2)
    layer(inputs, **options)

    @tf.function
    def train() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(inputs, **options)))
        return tape.gradient(loss, layer.trainable_variables)

    @tf.function
    def infer() -> list[tf.Tensor]:
        return [layer(inputs, **options)]

    function = train if kind == "train" else infer

    def step() -> None:
        # The executor returns before the results are there.
        [x.numpy() for x in function()]

    step()
    return step


def _milliseconds(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f}"


def _geometric_means(ratios: list[tuple[float, float | None]]) -> tuple[str, str]:
    keras, torch = zip(*ratios, strict=True)
    means = [f"{statistics.geometric_mean(x):.2f}" if None not in x else "" for x in (keras, torch)]
    return means[0], means[1]


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
