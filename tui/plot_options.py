"""How a person wants to see plots; the same on every screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiments.config import ExperimentConfig
from experiments.effort import Effort
from tui.formatting import number
from tui.graphics import Graphics
from tui.widgets.axis import Scale
from tui.widgets.glyphs import PlotMode
from tui.widgets.model_curves import SMOOTHINGS, smoothing_of

MODES: tuple[PlotMode, ...] = ("braille", "block", "ascii")

X_LABELS = {
    Effort.STEP: "step",
    Effort.EPOCH: "epochs",
    Effort.TIME: "seconds",
    Effort.EXAMPLES: "sequences",
    Effort.COMPUTE: "FLOPs",
}
"""What the axis counts, short enough to stand beside it."""


def usual_keys(config: ExperimentConfig) -> tuple[str, ...]:
    """What the plots of a dashboard show unless a person chooses otherwise."""
    return (
        f"validation_{config.task.task.metric.name}",
        "train_loss",
        "gradient_norm",
        "steps_per_second",
        "memory_bytes",
        "validation_loss",
    )


@dataclass(frozen=True)
class PlotOptions:
    """How a person wants to see plots.

    Args:
        x: What the x axis counts.
        smoothing: One of `SMOOTHINGS`.
        members: Whether each seed is drawn behind the mean.
        mode: Characters to draw with; None picks the finest that the terminal can show.
        graphics: How the terminal paints pixels, which maps have in the finest mode; None where it
            cannot.
        count: Plots on the dashboard; None for as many as suit its size.
        chosen: Measurements by the plot they were chosen for, counted from 0.
        scales: Scales by measurement, where one was chosen.
    """

    x: Effort = Effort.STEP
    smoothing: float | None = None
    members: bool = False
    mode: PlotMode | None = None
    graphics: Graphics | None = None
    count: int | None = None
    chosen: Mapping[int, str] = field(default_factory=dict)
    scales: Mapping[str, Scale] = field(default_factory=dict)

    def keys(self, config: ExperimentConfig) -> tuple[str, ...]:
        """The measurement of each plot."""
        return tuple(self.chosen.get(i, key) for i, key in enumerate(usual_keys(config)))

    def scale(self, key: str) -> Scale:
        """The scale for a measurement: log for what falls by orders of magnitude."""
        falls = "loss" in key or key == "gradient_norm"
        return self.scales.get(key, "log" if falls else "linear")

    def with_other_scale(self, key: str) -> PlotOptions:
        """These with the other scale for a measurement."""
        other: Scale = "linear" if self.scale(key) == "log" else "log"
        return replace(self, scales={**self.scales, key: other})

    def with_key(self, plot: int, key: str) -> PlotOptions:
        """These with another measurement in a plot."""
        return replace(self, chosen={**self.chosen, plot: key})

    def with_next_smoothing(self) -> PlotOptions:
        """These with the next time constant."""
        at = SMOOTHINGS.index(self.smoothing)
        return replace(self, smoothing=SMOOTHINGS[(at + 1) % len(SMOOTHINGS)])

    def with_next_x(self, known: tuple[Effort, ...]) -> PlotOptions:
        """These with the next of what is `known` on the x axis."""
        at = known.index(self.x) if self.x in known else -1
        return replace(self, x=known[(at + 1) % len(known)])

    def with_next_mode(self, now: PlotMode) -> PlotOptions:
        """These with the characters that come after those drawn with `now`."""
        return replace(self, mode=MODES[(MODES.index(now) + 1) % len(MODES)])


def smoothing_words(smoothing: float | None) -> str:
    """What is averaged, for a status line."""
    if smoothing is None:
        return "batches averaged"
    return f"averaged over {number(100 * smoothing, 1)} %" if smoothing else "nothing averaged"


def plot_title(words: str, key: str, smoothing: float | None) -> str:
    """The heading of a plot of models.

    Args:
        words: The measurement in words.
        key: The measurement.
        smoothing: What was asked for.
    """
    share = smoothing_of(key, smoothing)
    return words + (f", averaged over {number(100 * share, 1)} % of the steps" if share else "")


def seeds_words(seeds: int) -> str:
    """What a line stands for, for a status line; nothing where it is a single seed."""
    return f"mean of {seeds} seeds with 95 % band" if seeds > 1 else ""
