"""One to six plots, as they fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive

from tui.widgets.line_plot import LinePlot

SHAPES = {1: (1, 1), 2: (1, 2), 3: (2, 2), 4: (2, 2), 6: (3, 2)}
"""Columns and rows by the number of plots; the first of three is as wide as two."""

# Smaller plots show nothing that can be read.
_LEAST = Size(24, 7)
# So many plots are shown unprompted from this size on.
_SUITS = {6: Size(165, 36), 3: Size(90, 22), 2: Size(40, 20)}


def fits(count: int, size: Size) -> bool:
    """Whether so many plots can be read at a size; a single one is always shown."""
    columns, rows = SHAPES[count]
    roomy = size.width >= columns * _LEAST.width and size.height >= rows * _LEAST.height
    return count == 1 or roomy


def suitable(size: Size) -> int:
    """How many plots suit a size."""
    for count, least in _SUITS.items():
        if size.width >= least.width and size.height >= least.height:
            return count
    return 1


class PlotGrid(Container):
    """Plots of which as many are shown as asked for, or as suit the size."""

    DEFAULT_CSS = """
    PlotGrid {
        layout: grid; grid-gutter: 0 1; grid-size: 1 1; height: 1fr;
        &.-plots-2 { grid-size: 1 2; grid-rows: 3fr 2fr; }
        &.-plots-3 { grid-size: 2 2; grid-rows: 3fr 2fr; }
        &.-plots-3 #plot-1 { column-span: 2; }
        &.-plots-4 { grid-size: 2 2; }
        &.-plots-6 { grid-size: 3 2; }
    }
    """

    wanted: reactive[int | None] = reactive(None)
    """How many plots to show, where they fit; None for as many as suit the size."""
    shown: reactive[int] = reactive(1, init=False)
    """How many plots are shown."""

    @dataclass
    class Rearranged(Message):
        """Another number of plots is shown."""

        grid: PlotGrid

    def compose(self) -> ComposeResult:
        """The most plots there may be."""
        for number in range(1, max(SHAPES) + 1):
            plot = LinePlot(id=f"plot-{number}")
            plot.display = number <= self.shown
            yield plot

    @property
    def plots(self) -> tuple[LinePlot, ...]:
        """The plots on screen, in their order."""
        return tuple(self.query(LinePlot))[: self.shown]

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of plots that fit."""
        return tuple(count for count in SHAPES if fits(count, self.size))

    def next_count(self, wanted: int | None) -> int:
        """The number of plots after what was last asked for, or after what is shown."""
        now = self.shown if wanted is None else wanted
        return next((count for count in self.counts if count > now), 1)

    def on_resize(self) -> None:
        """Another number of plots may fit."""
        self._arrange()

    def watch_wanted(self) -> None:
        """Show as many, where they fit."""
        if self.is_mounted and self.size:
            self._arrange()

    def _arrange(self) -> None:
        wanted = suitable(self.size) if self.wanted is None else self.wanted
        self.shown = max(count for count in self.counts if count <= wanted)

    def watch_shown(self, before: int, after: int) -> None:
        """The style sheet lays them out."""
        self.remove_class(f"-plots-{before}")
        self.add_class(f"-plots-{after}")
        for index, plot in enumerate(self._all()):
            plot.display = index < after
        self.post_message(self.Rearranged(self))

    def _all(self) -> Iterator[LinePlot]:
        yield from self.query(LinePlot)
