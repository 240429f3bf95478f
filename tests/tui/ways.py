"""How to come to each screen of the dashboard."""

from __future__ import annotations

from collections.abc import Callable

from staged import until
from textual.pilot import Pilot
from textual.screen import Screen

from tui.app import KerasSeqApp
from tui.screens.compare import CompareScreen
from tui.screens.dashboard import DashboardScreen
from tui.screens.experiments import ExperimentsScreen
from tui.screens.new_experiment import NewExperiment
from tui.screens.trial import TrialScreen
from tui.widgets.trial_list import TrialList

WAYS: dict[type[Screen[None]], tuple[str, ...]] = {
    DashboardScreen: (),
    CompareScreen: ("c",),
    TrialScreen: ("1", "enter"),
    ExperimentsScreen: ("e",),
    NewExperiment: ("n",),
}
"""The keys that lead from the dashboard to each screen."""


async def opened(pilot: Pilot[str], app: KerasSeqApp, kind: type[Screen[None]]) -> Screen[None]:
    """The screen of that kind, from the dashboard; it shows all it will show."""
    await until(pilot, lambda: app.snapshot and app.screen.focused)
    for key in WAYS[kind]:
        await pilot.press(key)
        if key == "1":  # a pane takes the keys once it is on the screen
            await until(pilot, lambda: isinstance(app.screen.focused, TrialList))
    await until(pilot, lambda: type(app.screen) is kind and app.screen.focused)
    ready: Callable[[], object] = lambda: True  # noqa: E731
    if kind is ExperimentsScreen:
        ready = lambda: app.screen.query_one("#standings").display  # noqa: E731
    elif kind is NewExperiment:
        ready = lambda: app.screen.shown_task  # noqa: E731
    await until(pilot, ready)
    return app.screen
