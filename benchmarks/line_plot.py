"""What a tick of the live line plot costs: `python -m benchmarks.line_plot`.

Each tick gives every plot new curves, as a training run does, and waits until the screen has
been composed. Times are CPU time of this process, without the pauses between ticks.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator

import numpy as np
from textual.app import App, ComposeResult
from textual.containers import Grid

from benchmarks.timing import print_table
from tui.widgets.chart import Chart
from tui.widgets.drawing import draw_chart
from tui.widgets.line_plot import Curve, LinePlot

TICKS = 60
WARM_UP = 5


def curves(tick: int, count: int, points: int) -> tuple[Curve, ...]:
    """Noisy learning curves with bands, different at every tick."""
    random = np.random.default_rng(tick)
    x = np.arange(points, dtype=float)
    made = []
    for index in range(count):
        y = 1 - np.exp(-x / points * (index + 2)) + random.normal(0, 0.01, points)
        made.append(Curve(f"series {index}", f"{index}", x, y, index, y - 0.05, y + 0.05))
    return tuple(made)


def again(made: tuple[Curve, ...]) -> tuple[Curve, ...]:
    """New curves of the same arrays: nothing that was computed from them is kept."""
    return tuple(Curve(c.label, c.key, c.x, c.y, c.color, c.low, c.high) for c in made)


class Plots(App[None]):
    """Some plots and nothing else."""

    CSS = "Grid { grid-gutter: 0 1; }"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def compose(self) -> ComposeResult:
        """A grid three plots wide."""
        with Grid() as grid:
            grid.styles.grid_size_columns = min(self.count, 3)
            for index in range(self.count):
                yield LinePlot(title=f"metric {index}", x_label="step", mode="braille")


async def ticks(
    size: tuple[int, int], plots: int, count: int, points: int, changed: bool
) -> list[float]:
    """CPU seconds of each tick in an application, from new data to the composed screen."""
    app = Plots(plots)
    found = []
    async with app.run_test(size=size) as pilot:
        data = [curves(seed, count, points) for seed in range(plots + 4)]
        for tick in range(TICKS + WARM_UP):
            if changed or not tick:
                fresh = [again(data[tick % 4 + index]) for index in range(plots)]
            await pilot.pause()
            start = time.process_time()
            for plot, chosen in zip(app.query(LinePlot), fresh, strict=True):
                plot.curves = chosen
            await pilot.pause()
            found.append(time.process_time() - start)
    return found[WARM_UP:]


def draws(width: int, height: int, count: int, points: int) -> Iterator[float]:
    """CPU seconds of drawing one picture from new data, without an application."""
    data = [curves(seed, count, points) for seed in range(4)]
    for tick in range(TICKS):
        made = data[tick % 4]
        start = time.process_time()
        draw_chart(Chart(again(made), "metric", "step"), width, height)
        yield time.process_time() - start


def row(case: str, seconds: list[float]) -> tuple[str, ...]:
    """One line of the table."""
    tail = sorted(seconds)[int(len(seconds) * 0.99)]
    return case, f"{statistics.median(seconds) * 1e3:.1f}", f"{tail * 1e3:.1f}"


def main() -> None:
    """Print the table."""
    rows = [
        row("draw only: 1 plot 50x15, 8 x 2,000", list(draws(50, 15, 8, 2_000))),
        row("draw only: 1 plot 160x50, 8 x 2,000", list(draws(160, 50, 8, 2_000))),
        row("draw only: 1 plot 160x50, 8 x 100,000", list(draws(160, 50, 8, 100_000))),
    ]
    cases = (
        ("application: nothing changed, 6 plots 50x15", (152, 30), 6, 2_000, False),
        ("application: 6 plots 50x15, 8 x 2,000", (152, 30), 6, 2_000, True),
        ("application: 1 plot 160x50, 8 x 2,000", (160, 50), 1, 2_000, True),
        ("application: 1 plot 160x50, 8 x 100,000", (160, 50), 1, 100_000, True),
    )
    for case, size, plots, points, changed in cases:
        rows.append(row(case, asyncio.run(ticks(size, plots, 8, points, changed))))
    print_table("A tick of the live plots (CPU milliseconds)", ("case", "median", "p99"), rows)


if __name__ == "__main__":
    main()
