"""Everything that can be done, for the command palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType

from experiments.steering import Action, fits
from experiments.store import ExperimentFolder, experiments
from tui import wording
from tui.messages import ExperimentChosen, SteeringAsked, TrialChosen
from tui.screens.dashboard import DashboardScreen

_STEERING = (
    ("Stop trial", Action.STOP, None),
    ("Pause trial", Action.PAUSE, None),
    ("Resume trial", Action.RESUME, None),
    ("Kill trial", Action.KILL, None),
    ("Save a checkpoint of trial", Action.SAVE, None),
    ("Halve the learning rate of trial", Action.SET_RATE, "x0.5"),
)

Command = tuple[str, IgnoreReturnCallbackType, str]


class Commands(Provider):
    """Actions of the screen, trials and measurements of the experiment, experiments, themes."""

    async def discover(self) -> Hits:
        """What to offer before anything is typed: the actions."""
        for title, callback, help_text in self._actions():
            yield DiscoveryHit(title, callback, help=help_text)

    async def search(self, query: str) -> Hits:
        """Whatever matches."""
        matcher = self.matcher(query)
        for title, callback, help_text in self._commands():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), callback, help=help_text)

    def _commands(self) -> Iterator[Command]:
        yield from self._actions()
        yield from self._trials()
        screen = self.screen
        if isinstance(screen, DashboardScreen):
            for key in screen.metrics():
                callback: Callable[[], None] = partial(screen.action_show_metric, key)
                yield f"Plot {wording.words(key)}", callback, "Draw it in the first plot"
        for folder in self._experiments():
            opened = partial(self.app.post_message, ExperimentChosen(folder))
            yield f"Show experiment {folder.name}", opened, "On the dashboard"
        for name in self.app.available_themes:
            yield f"Theme {name}", partial(setattr, self.app, "theme", name), "Colours"

    def _experiments(self) -> list[ExperimentFolder]:
        root = getattr(self.app, "root", None)
        return experiments(root) if isinstance(root, Path) else []

    def _actions(self) -> Iterator[Command]:
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.description and not binding.system:
                run = partial(self.app.run_action, binding.action, active.node)
                yield binding.description, run, binding.tooltip or binding.description

    def _trials(self) -> Iterator[Command]:
        snapshot = getattr(self.app, "snapshot", None)
        if snapshot is None:
            return
        for trial in snapshot.view.trials:
            status = wording.mark(trial.status)
            show = partial(self.app.post_message, TrialChosen(trial.name))
            yield f"Open trial {trial.name}", show, status
            if getattr(self.app, "read_only", False):
                continue
            for said, action, rate in _STEERING:
                if fits(action, trial, snapshot.view):
                    asked = SteeringAsked(action, (trial.name,), rate)
                    yield f"{said} {trial.name}", partial(self.app.post_message, asked), status
