"""An app with a heat map and nothing else."""

from __future__ import annotations

import numpy as np
from textual.app import App, ComposeResult

from tui.widgets.heat import Heat
from tui.widgets.heat_map import HeatMap


def heat(values, limits=(0.0, 1.0)) -> Heat:
    values = np.asarray(values, float)
    return Heat(values, "query", "key", *map(np.arange, values.shape), limits)


class OneMap(App[None]):
    """A heat map and nothing else."""

    def compose(self) -> ComposeResult:
        yield HeatMap()

    @property
    def map(self) -> HeatMap:
        return self.query_one(HeatMap)
