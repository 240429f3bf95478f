"""What a training step costs as sequences grow: `python -m benchmarks.cost_curves`.

A layer and its peer take turns in one process for every length, so that their times are paired;
their memory is measured in a process of each one's own. The longest are left out where a step would
take too long or too much memory, as far as the shorter ones tell. Draws `cost_curves.svg` too.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.figure import Line, Panel, draw
from benchmarks.timing import Pair, print_table

LENGTHS = (64, 256, 1024, 4096, 16384, 65536)
FIGURE = Path(__file__).with_name("cost_curves.svg")
# The power is fitted to so many of the longest, and counts as steeper than in theory above this.
FITTED = 3
TOLERANCE = 0.2
# Two runs of the same differ by some mebibytes: what is less above the shortest tells nothing.
MEASURABLE = 5.0
# Processes whose memory is measured at the same time: they wait for no clock.
PROCESSES = 3

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Layer:
    """A layer with the powers of the length by which its costs should grow, and its peer."""

    name: str
    color: int
    time: int
    memory: int
    peer: str | None = None
    is_peer: bool = False


# Neighbours that name the same peer are timed in the same process.
LAYERS = (
    Layer("LSTM", 0, 1, 1, "Keras LSTM"),
    Layer("PeepholeLSTM", 1, 1, 1, "Keras LSTM"),
    Layer("Keras LSTM", 0, 1, 1, "Keras LSTM", is_peer=True),
    Layer("GRU", 2, 1, 1, "Keras GRU"),
    Layer("Keras GRU", 2, 1, 1, "Keras GRU", is_peer=True),
    Layer("Bidirectional(LSTM)", 3, 1, 1, "Keras Bidirectional(LSTM)"),
    Layer("Keras Bidirectional(LSTM)", 3, 1, 1, "Keras Bidirectional(LSTM)", is_peer=True),
    Layer("MultiHeadSelfAttention", 4, 2, 1, "Keras MultiHeadAttention"),
    # It holds the weights of all pairs of steps.
    Layer("Keras MultiHeadAttention", 4, 2, 2, "Keras MultiHeadAttention", is_peer=True),
    Layer("MultiHeadSelfAttention, causal", 5, 2, 1, "Keras MultiHeadAttention, causal"),
    Layer(
        "Keras MultiHeadAttention, causal",
        5,
        2,
        2,
        "Keras MultiHeadAttention, causal",
        is_peer=True,
    ),
    Layer("MultiHeadSelfAttention, window", 6, 1, 1),
    Layer("TransformerBlock", 7, 2, 1),
)


@dataclass(frozen=True)
class Cost:
    """Seconds of each step that was timed, and mebibytes at the peak."""

    seconds: list[float]
    mebibytes: float

    @property
    def milliseconds(self) -> float:
        """The median."""
        return statistics.median(self.seconds) * 1e3


Costs = dict[str, dict[int, Cost]]


def main() -> None:
    """Measure, print the tables and draw the figure."""
    names = [layer.name for layer in LAYERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost_curves")
    parser.add_argument("--lengths", type=_lengths, default=LENGTHS, help="such as 64,256,1024")
    parser.add_argument("--layers", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--seconds", type=float, default=20, help="the longest step that is run")
    parser.add_argument("--mebibytes", type=float, default=4096, help="the largest that is run")
    parser.add_argument("--figure", type=Path, default=FIGURE, help="the file to write")
    options = parser.parse_args()
    layers = [layer for layer in LAYERS if layer.name in options.layers]
    costs: Costs = {layer.name: {} for layer in layers}
    fitting = layers
    for length in options.lengths:
        fitting = [
            layer
            for layer in fitting
            if predicted(times(costs[layer.name]), length, layer.time) <= options.seconds * 1e3
            and predicted(sizes(costs[layer.name]), length, layer.memory) <= options.mebibytes
        ]
        for name, cost in _measure(fitting, length).items():
            costs[name][length] = cost
    _print_tables(layers, costs, options.lengths, options.seconds, options.mebibytes)
    options.figure.write_text(_figure(layers, costs, options.lengths), encoding="utf-8")


def slope(points: Points) -> float:
    """The power of x by which y grows: the least squares line through the logarithms."""
    logarithms = [(math.log(x), math.log(y)) for x, y in points]
    return float(statistics.linear_regression(*zip(*logarithms, strict=True)).slope)


def predicted(points: Points, x: float, power: float) -> float:
    """Continue the line through the last two points, taken as at least as steep as in theory."""
    if not points:
        return 0.0
    if len(points) > 1:
        power = max(power, slope(points[-2:]))
    last_x, last_y = points[-1]
    return last_y * (x / last_x) ** power


def times(costs: dict[int, Cost]) -> Points:
    """The curve of the milliseconds."""
    return [(length, cost.milliseconds) for length, cost in costs.items()]


def sizes(costs: dict[int, Cost]) -> Points:
    """The curve of the mebibytes."""
    return [(length, cost.mebibytes) for length, cost in costs.items()]


def growth(points: Points) -> Points:
    """What is added to the first, which is mostly the compiler, where it is measurable."""
    added = [(x, y - points[0][1]) for x, y in points]
    return [(x, y) for x, y in added if y >= MEASURABLE]


def _measure(layers: list[Layer], length: int) -> dict[str, Cost]:
    with ThreadPoolExecutor(PROCESSES) as pool:
        found = pool.map(lambda layer: _step("mebibytes", length, layer), layers)
        mebibytes = dict(zip(layers, found, strict=True))
    seconds: dict[str, list[float]] = {}
    for _, group in groupby(layers, key=lambda layer: layer.peer or layer.name):
        seconds |= _step("seconds", length, *group)
    return {layer.name: Cost(seconds[layer.name], mebibytes[layer]) for layer in layers}


def _step(quantity: str, length: int, *layers: Layer) -> Any:
    command = [sys.executable, "-m", "benchmarks.training_step", quantity, str(length)]
    done = subprocess.run(
        [*command, *(layer.name for layer in layers)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{done.args} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


def _print_tables(
    layers: list[Layer],
    costs: Costs,
    lengths: Sequence[int],
    most_seconds: float,
    most_mebibytes: float,
) -> None:
    columns = tuple(f"T = {length:,}" for length in lengths)
    fitted = (f"power of T, last {FITTED}", "theory", f"at most {TOLERANCE} steeper")
    print(
        "A training step, forward and backward, of one sequence of width 64 on TensorFlow. "
        f"`-`: would take more than {most_seconds:g} s or {most_mebibytes:,g} MiB.\n"
    )
    print_table(
        "Time of a step (milliseconds, median)",
        ("layer", *columns, *fitted),
        [
            (
                layer.name,
                *_cells(costs[layer.name], lengths, lambda cost: f"{cost.milliseconds:,.1f}"),
                *_fit(times(costs[layer.name]), layer.time),
            )
            for layer in layers
        ],
    )
    print_table(
        "Memory at its peak above that of the imports (MiB; the power is of what is added to "
        f"that of T = {lengths[0]:,}, which is mostly the compiler's)",
        ("layer", *columns, *fitted),
        [
            (
                layer.name,
                *_cells(costs[layer.name], lengths, lambda cost: f"{cost.mebibytes:,.0f}"),
                *_fit(growth(sizes(costs[layer.name])), layer.memory),
            )
            for layer in layers
        ],
    )
    print_table(
        "Time as a share of the peer's (median of the paired ratios)",
        ("layer", "peer", *columns),
        [
            (layer.name, layer.peer, *_ratios(costs[layer.name], costs[layer.peer], lengths))
            for layer in layers
            if layer.peer in costs and not layer.is_peer
        ],
    )
    print(f"![Time and memory against the length]({FIGURE.name})")


def _cells(
    costs: dict[int, Cost], lengths: Sequence[int], text: Callable[[Cost], str]
) -> list[str]:
    return [text(costs[length]) if length in costs else "-" for length in lengths]


def _fit(points: Points, theory: int) -> tuple[str, str, str]:
    if len(points) < FITTED:
        return "-", str(theory), "-"
    power = slope(points[-FITTED:])
    return f"{power:.2f}", str(theory), "yes" if power <= theory + TOLERANCE else "no"


def _ratios(ours: dict[int, Cost], theirs: dict[int, Cost], lengths: Sequence[int]) -> list[str]:
    found = {n: Pair(ours[n].seconds, theirs[n].seconds) for n in ours if n in theirs}
    return [f"{found[n].ratio:.2f}" if n in found else "-" for n in lengths]


def _figure(layers: list[Layer], costs: Costs, lengths: Sequence[int]) -> str:
    quantities = (
        ("Milliseconds of a training step", times),
        ("MiB at its peak, above the imports", sizes),
    )
    return draw(
        [
            Panel(
                title,
                "T, steps of the sequence",
                lengths,
                [Line(x.name, x.color, points(costs[x.name]), x.is_peer) for x in layers],
            )
            for title, points in quantities
        ]
    )


def _lengths(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(part) for part in text.split(",")}))


if __name__ == "__main__":
    main()
