"""Carries out what a person has asked of trials on a screen."""

from __future__ import annotations

import subprocess

from experiments.read_model import ExperimentView
from experiments.steering import Action, fits, steer
from experiments.store import ExperimentFolder
from tui import wording
from tui.messages import SteeringAsked

_SAID = {
    Action.PAUSE: "to pause after the current step",
    Action.RESUME: "to go on",
    Action.STOP: "to stop after the current step",
    Action.KILL: "to be killed",
    Action.RETRY: "to be tried again",
    Action.SAVE: "to save a checkpoint",
    Action.SET_RATE: "to change the learning rate",
}


def carry_out(
    message: SteeringAsked, folder: ExperimentFolder, view: ExperimentView
) -> tuple[str, subprocess.Popen[bytes] | None]:
    """Ask what `message` says: a sentence on that, and the supervisor that was started, if any.

    What no longer fits is left out. Raises `KerasSeqError`.
    """
    action = message.action
    trials = [t for t in view.trials if t.name in message.trials and fits(action, t, view)]
    if not trials:
        return wording.nothing_to(action), None
    supervisor = steer(folder, action, trials, rate=message.rate, is_anew=message.is_anew)
    return f"Asked {wording.name_or_number(trials)} {_SAID[action]}.", supervisor
