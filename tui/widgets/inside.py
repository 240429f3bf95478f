"""What a recording shows, view by view: matrices and curves with what there is to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from experiments.recorders.recording import Recording
from experiments.recorders.trace import Trace
from experiments.tasks.task import Array
from tui.widgets.curve import Curve
from tui.widgets.heat import Heat

VIEWS = {
    "attention": "attention",
    "states": "states",
    "states_over_units": "states over time",
    "gradient_norm": "gradient",
    "accuracy": "accuracy",
    "mse": "mse",
}
"""What each kind of trace is called, in the order of the views."""
HEATS = ("attention", "states")
GATES = {"i", "f", "o", "z", "r"}
"""Signals between 0 and 1. They alone have a band in which most units are; more would hide each
other."""
EARLIER_COLOR = 7
"""Grey: what was before stands back."""


@dataclass(frozen=True)
class Choice:
    """What a person wants to see."""

    view: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Of the `layer`, the `part` (a head, or a signal) and the `sample`, from 0; what is beyond
    those there are means the last one."""

    def within(self, what: str, size: int) -> int:
        """The number of one of `size`."""
        return min(max(self.numbers.get(what, 0), 0), size - 1)


def views(recording: Recording) -> list[str]:
    """The kinds of traces there are."""
    names = {trace.name for trace in recording.traces}
    return [name for name in VIEWS if name in names]


class Inside:
    """A recording as one choice shows it.

    Args:
        recording: It has a trace at least.
        choice: What to show.
    """

    def __init__(self, recording: Recording, choice: Choice) -> None:
        self.views = views(recording)
        self.view = choice.view if choice.view in self.views else self.views[0]
        self.traces = recording.find(self.view)
        self.trace = self.traces[choice.within("layer", len(self.traces))]
        self.sample = choice.within("sample", self._size("sample"))
        self.part = choice.within("part", self._size(self.part_axis))

    @property
    def part_axis(self) -> str:
        """The axis of which one entry is shown besides the sample: `head`, `signal` or none."""
        if self.view == "attention":
            return "head"
        return "signal" if self.view == "states" else ""

    def sizes(self) -> dict[str, tuple[int, int]]:
        """What there is to choose: for each, which one is shown, from 0, and how many there are."""
        found = {
            "layer": (self.traces.index(self.trace), len(self.traces)),
            "part": (self.part, self._size(self.part_axis)),
            "sample": (self.sample, self._size("sample")),
        }
        return {name: choice for name, choice in found.items() if choice[1] > 1}

    @property
    def title(self) -> str:
        """What is shown, in words."""
        parts = [VIEWS[self.view], self.trace.layer]
        if self.part_axis == "head":
            parts.append(f"head {self.part + 1}")
        elif self.part_axis:
            parts.append(self.trace.labels["signal"][self.part])
        return ", ".join(part for part in parts if part)

    def heat(self) -> Heat | None:
        """The matrix; none of a view that has curves."""
        trace = self.trace
        if self.view == "attention":
            values = trace.values[self.sample, self.part]
            rows, columns = "query", "key"
            limits = 0.0, _furthest(values)
        elif self.view == "states":
            values = trace.values[self.sample, self.part].T
            rows, columns = "unit", "step"
            limits = _limits(trace.labels["signal"][self.part], values)
        else:
            return None
        return Heat(
            values.astype(np.float64),
            rows,
            columns,
            trace.places_of(rows),
            trace.places_of(columns),
            limits,
        )

    def curves(self, earlier: Recording | None, step: int, color: int) -> tuple[Curve, ...]:
        """The curves over the position; none of a view that has a matrix."""
        trace = self.trace
        if self.view in HEATS:
            return ()
        if self.view == "states_over_units":
            values = trace.values[self.sample].astype(np.float64)
            return tuple(
                Curve(
                    label=signal,
                    key=signal,
                    x=trace.places_of("step").astype(float),
                    y=mean,
                    color=number,
                    low=low if signal in GATES else None,
                    high=high if signal in GATES else None,
                    finished=True,
                )
                for number, (signal, (mean, low, high)) in enumerate(
                    zip(trace.labels["signal"], values, strict=True)
                )
            )
        found = [self._curve(trace, f"step {step}", color)]
        before = _same(earlier, trace)
        if earlier is not None and before is not None and earlier.step != step:
            found.append(self._curve(before, f"step {earlier.step}", EARLIER_COLOR))
        return tuple(found)

    def _curve(self, trace: Trace, label: str, color: int) -> Curve:
        values = trace.values[self.sample] if "sample" in trace.axes else trace.values
        return Curve(
            label=label,
            key=label,
            x=trace.places_of("step").astype(float),
            y=values.astype(np.float64),
            color=color,
            finished=True,
        )

    def _size(self, axis: str) -> int:
        axes = self.trace.axes
        return self.trace.values.shape[axes.index(axis)] if axis in axes else 1


def _same(recording: Recording | None, trace: Trace) -> Trace | None:
    """The trace of the same name and layer in another recording."""
    found: Sequence[Trace] = recording.find(trace.name) if recording is not None else ()
    return next((other for other in found if other.layer == trace.layer), None)


def _furthest(values: Array) -> float:
    """The largest distance from zero."""
    finite = np.abs(values[np.isfinite(values)].astype(np.float64))
    return max(float(finite.max(initial=0.0)), 1e-6)


def _limits(signal: str, values: Array) -> tuple[float, float]:
    """Gates from 0 to 1, everything else as far below 0 as above."""
    if signal in GATES:
        return 0.0, 1.0
    most = _furthest(values)
    return -most, most
