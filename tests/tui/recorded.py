"""Recordings of what a network does inside, made up."""

from __future__ import annotations

import numpy as np
from staged import STARTED, Stage

from experiments.events import Recorded
from experiments.recorders.recording import Recording, encode
from experiments.recorders.trace import Trace
from experiments.store import replace

SIGNALS = ("i", "f", "o", "g", "c", "h")


def attention(step: int, layer: str) -> Trace:
    """Each head looks back by its own distance, the more sharply the more it was trained."""
    query, key = np.arange(20)[:, np.newaxis], np.arange(20)
    weights = np.stack([np.exp(-np.abs(query - key - back) * step / 100) for back in (0, 3, 6)])
    weights = np.stack([weights, weights[:, ::-1]])
    weights /= weights.sum(axis=-1, keepdims=True)
    axes = ("sample", "head", "query", "key")
    return Trace("attention", layer, axes, weights.astype(np.float16))


def states(step: int) -> list[Trace]:
    values = np.sin(np.arange(2 * 6 * 20 * 8).reshape(2, 6, 20, 8) * step / 1000) / 2 + 0.5
    summary = np.stack([values.mean(-1), values.min(-1), values.max(-1)], axis=2)
    labels = {"signal": SIGNALS}
    statistics = {**labels, "statistic": ("mean", "10 %", "90 %")}
    places = {"step": 10 * np.arange(20)}
    return [
        Trace("states", "lstm", ("sample", "signal", "step", "unit"), values, places, labels),
        Trace(
            "states_over_units", "lstm", ("sample", "signal", "statistic", "step"), summary,
            places, statistics,
        ),
    ]  # fmt: skip


def recording(step: int) -> Recording:
    norms = np.exp(np.arange(20) * step / 400).reshape(1, 20) * [[1.0], [2.0]]
    return Recording(
        step,
        (
            attention(step, "block"),
            attention(step + 50, "block_1"),
            *states(step),
            Trace("gradient_norm", "", ("sample", "step"), norms),
            Trace("accuracy", "", ("step",), np.linspace(0, step / 100, 20)),
        ),
    )


def record(stage: Stage, trial: str, *steps: int) -> None:
    """Write recordings, and tell of them in the journal."""
    folder = stage.folder.trial(trial)
    folder.arrays.mkdir(exist_ok=True)
    for step in steps:
        replace(folder.recording(step), encode(step, recording(step).traces))
        told = Recorded(time=STARTED + step, step=step, seconds=0.1, size_bytes=1)
        stage.write(trial, [told])
