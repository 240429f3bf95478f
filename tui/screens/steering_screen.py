"""A screen on whose trials a person can act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from experiments.status import Status
from experiments.steering import Action, fits
from experiments.trial_view import TrialView
from tui import wording
from tui.messages import SteeringAsked
from tui.screens.ask_rate import AskRate
from tui.screens.ask_retry import AskRetry
from tui.screens.pane_screen import PaneScreen
from tui.screens.question import Question

_ACTIONS = {
    "stop_trial": (Action.STOP,),
    "pause": (Action.PAUSE, Action.RESUME),
    "kill": (Action.KILL,),
    "retry": (Action.RETRY,),
    "set_rate": (Action.SET_RATE,),
    "save": (Action.SAVE,),
}


class SteeringScreen(PaneScreen):
    """Base of the screens with a chosen trial, or with all trials of a chosen model."""

    CHANGING = tuple((action, ()) for action in _ACTIONS)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "s", "stop_trial", "Stop", id="trial.stop",
            tooltip="Stop the chosen trial, or all of the chosen model; each saves a checkpoint",
        ),
        Binding(
            "p", "pause", "Pause", id="trial.pause",
            tooltip="Pause the chosen trial or model, or go on with it",
        ),
        Binding(
            "R", "retry", "Retry", id="trial.retry",
            tooltip="Try the chosen trial or model again: it has come to no good end",
        ),
        Binding(
            "L", "set_rate", "Rate", id="trial.rate",
            tooltip="Change the learning rate of the chosen trial or model",
        ),
        Binding(
            "C", "save", "Save", id="trial.save",
            tooltip="Save a checkpoint of the chosen trial or model now",
        ),
        Binding(
            "K", "kill", "Kill", id="trial.kill",
            tooltip="Kill the chosen trial or model at once, without a checkpoint",
        ),
    ]  # fmt: skip

    @property
    def chosen(self) -> Sequence[TrialView]:
        """The trials to act on."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys work only while there is something for them to act on."""
        if action in _ACTIONS:
            return self.is_mounted and any(map(self._fitting, _ACTIONS[action]))
        return super().check_action(action, parameters)

    def _fitting(self, action: Action) -> list[TrialView]:
        if self.snapshot is None:
            return []
        view = self.snapshot.view
        found = [trial for trial in self.chosen if fits(action, trial, view)]
        if action is Action.RESUME:
            # Whoever has ended is tried again, which is another key.
            return [trial for trial in found if trial.status is Status.PAUSED]
        return found

    def ask(
        self,
        action: Action,
        trials: Sequence[TrialView],
        *,
        rate: str | None = None,
        is_anew: bool = False,
    ) -> None:
        """Ask `action` of `trials`."""
        names = tuple(trial.name for trial in trials)
        self.post_message(SteeringAsked(action, names, rate, is_anew))

    def pause_or_resume(self, paused: Sequence[TrialView], working: Sequence[TrialView]) -> None:
        """Pause what works; go on where everything is paused."""
        if working:
            self.ask(Action.PAUSE, working)
        else:
            self.ask(Action.RESUME, paused)

    def action_stop_trial(self) -> None:
        """Ask the chosen trials to stop."""
        self.ask(Action.STOP, self._fitting(Action.STOP))

    def action_pause(self) -> None:
        """Pause the chosen trials, or go on with them."""
        self.pause_or_resume(self._fitting(Action.RESUME), self._fitting(Action.PAUSE))

    def action_save(self) -> None:
        """Ask the chosen trials for a checkpoint."""
        self.ask(Action.SAVE, self._fitting(Action.SAVE))

    def action_kill(self) -> None:
        """Kill the chosen trials, once confirmed."""
        trials = self._fitting(Action.KILL)
        if len(trials) == 1:
            what, lost, yes = trials[0].name, "it has trained since its last checkpoint", "Kill it"
        else:
            what = f"{wording.plural(len(trials), 'open trial')} of {trials[0].model}"
            lost, yes = "they have trained since their last checkpoint", "Kill them"

        def answered(sure: bool | None) -> None:
            if sure:
                self.ask(Action.KILL, trials)

        self.app.push_screen(
            Question(f"Kill {what}?", f"What {lost} is lost.", yes, "Go on"), answered
        )

    def action_retry(self) -> None:
        """Ask from where the chosen trials shall be tried again."""
        trials = self._fitting(Action.RETRY)

        def answered(answer: AskRetry.Answer | None) -> None:
            if answer is not None:
                self.ask(Action.RETRY, trials, rate=answer.rate, is_anew=answer.is_anew)

        self.app.push_screen(AskRetry(trials), answered)

    def action_set_rate(self) -> None:
        """Ask for another learning rate of the chosen trials."""
        trials = self._fitting(Action.SET_RATE)

        def answered(rate: str | None) -> None:
            if rate is not None:
                self.ask(Action.SET_RATE, trials, rate=rate)

        self.app.push_screen(AskRate(trials), answered)
