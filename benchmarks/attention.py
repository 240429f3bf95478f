"""`MultiHeadAttention` beside Keras's and PyTorch's: a training step's time and peak memory.

Every number is from a process of its own; peers run in turn, and ratios are of two runs next to
each other.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import psutil

from benchmarks.timing import print_table

STEP = Path(__file__).parent / "attention_step.py"
TORCH = Path(__file__).parent.parent / ".venv-torch" / "bin" / "python"
REPEATS = 2
# Batch, length, and which keys are seen.
ROWS = [
    (4, 2048, "all"),
    (1, 8192, "all"),
    (1, 16384, "all"),
    (1, 8192, "causal"),
    (1, 65536, "window"),
]
PEERS = {"keras": "Keras", "torch-layer": "torch layer", "torch-function": "torch function"}


def main() -> None:
    """Print the table."""
    headings = ["B, T, keys seen", "ms", "MiB"]
    for label in PEERS.values():
        headings += [f"{label} ms", "MiB", "ratio"]
    rows = [_row(*row) for row in ROWS]
    title = "A training step of attention, D = 256, 8 heads (time: 1.0 of Keras, causal 0.65)"
    print_table(title, tuple(headings), rows)


def _row(batch: int, length: int, kind: str) -> tuple[str, ...]:
    peers = [peer for peer in PEERS if _can_run(peer, batch, length, kind)]
    ours: list[tuple[float, float]] = []
    found: dict[str, list[tuple[float, float]]] = {peer: [] for peer in peers}
    for _ in range(REPEATS):
        ours.append(_measure("keras_seq", batch, length, kind))
        for peer in peers:
            found[peer].append(_measure(peer, batch, length, kind))
    cells = [f"{batch}, {length}, {kind}", *_medians(ours)]
    for peer in PEERS:
        if peer in peers:
            pairs = zip(ours, found[peer], strict=True)
            ratio = statistics.median(mine[0] / theirs[0] for mine, theirs in pairs)
            cells += [*_medians(found[peer]), f"{ratio:.2f}"]
        else:
            cells += ["", "", ""]
    return tuple(cells)


def _can_run(peer: str, batch: int, length: int, kind: str) -> bool:
    """Return whether a peer is installed, knows this kind, and has memory enough for it."""
    if peer == "keras":
        # A step of Keras's layer holds somewhat more than four arrays of all scores at a time.
        return 5 * batch * 8 * length**2 * 4 < psutil.virtual_memory().available
    kinds = ("all", "causal") if peer == "torch-function" else ("all",)
    return TORCH.exists() and kind in kinds


def _measure(peer: str, batch: int, length: int, kind: str) -> tuple[float, float]:
    """Return the seconds of a step, and MiB."""
    python = str(TORCH) if peer.startswith("torch") else sys.executable
    done = subprocess.run(
        [python, str(STEP), peer, str(batch), str(length), kind],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, mebibytes = map(float, done.stdout.split())
    return seconds, mebibytes


def _medians(found: list[tuple[float, float]]) -> tuple[str, str]:
    seconds, mebibytes = (statistics.median(values) for values in zip(*found, strict=True))
    return f"{1000 * seconds:.0f}", f"{mebibytes:.0f}"


if __name__ == "__main__":
    main()
