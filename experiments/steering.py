"""What a person can do with trials on their way: which of them it fits, and how they are asked.

What is asked goes into files; what comes of it stands in the journals.
"""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

from experiments.control import Request, ask, ask_checkpoint, ask_rate, ask_retry, asked
from experiments.errors import RequestError, StoreError, UnknownNameError
from experiments.process import is_alive
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder
from experiments.trial_view import TrialView

HIGHEST_RATE = 1e9
"""As in a budget: the bound keeps infinity out."""
TAKE_UP_SECONDS = 5.0
"""For how long a supervisor is waited for that may be at its end."""
POLL_SECONDS = 0.05


class Action(StrEnum):
    """What a person can ask; the value completes "asked to"."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    KILL = "kill"
    RETRY = "retry"
    SAVE = "save a checkpoint"
    SET_RATE = "change the learning rate"


def fits(action: Action, trial: TrialView, view: ExperimentView) -> bool:
    """Whether `action` makes sense for `trial` now."""
    is_open = not trial.status.is_finished
    match action:
        case Action.PAUSE:
            return trial.status in (Status.QUEUED, Status.RUNNING) and not trial.stop_rung
        case Action.RESUME:
            return trial.status is Status.PAUSED or _can_be_tried_again(trial, view)
        case Action.STOP:
            return is_open and not trial.stop_rung
        case Action.KILL:
            return is_open and trial.stop_rung != "killed"
        case Action.RETRY:
            return _can_be_tried_again(trial, view)
        case Action.SAVE:
            return trial.status is Status.RUNNING
        case Action.SET_RATE:
            return trial.status in (Status.RUNNING, Status.PAUSED) and trial.process is not None


def _can_be_tried_again(trial: TrialView, view: ExperimentView) -> bool:
    # Once a learning rate is chosen nothing comes of trying those that were not.
    is_of_use = not trial.is_tuning or trial.model not in {rate.model for rate in view.rates}
    return trial.status.is_finished and trial.status is not Status.COMPLETED and is_of_use


_MEANT_BY_ALL = {
    # A trial that failed does so again from where it was; one that a rule has ended stays ended.
    Action.RESUME: (Status.PAUSED, Status.STOPPED, Status.LOST),
    Action.RETRY: (Status.FAILED, Status.LOST),
}


def meant(action: Action, view: ExperimentView, name: str | None = None) -> list[TrialView]:
    """The trials that `action` fits, of those called `name`: a trial, or a model; all by default.

    Of all, `resume` means those that are paused, stopped or lost, and `retry` those that failed or
    are lost. Raises `UnknownNameError` for a name that neither a trial nor a model has.
    """
    trials = [t for t in view.trials if name in (None, t.name, t.model)]
    if not trials:
        known = {t.name for t in view.trials} | {t.model for t in view.trials}
        raise UnknownNameError(f"trial or model of {view.name}", name or "", known)
    statuses = _MEANT_BY_ALL.get(action, tuple(Status)) if name is None else tuple(Status)
    return [t for t in trials if t.status in statuses and fits(action, t, view)]


def new_rate(wish: str, present: float) -> float:
    """The learning rate that `wish` makes of the `present` one.

    >>> new_rate("0.01", 0.5), new_rate("x0.5", 0.5)
    (0.01, 0.25)
    """
    try:
        number = float(wish.strip().removeprefix("x"))
    except ValueError:
        number = math.nan
    rate = number * present if wish.strip().startswith("x") else number
    if not 0 < rate <= HIGHEST_RATE:
        raise RequestError(
            "learning rate: expected a number above 0 such as 0.001, or a factor such as x0.5. "
            f"Received: {wish!r}."
        )
    return rate


def steer(
    folder: ExperimentFolder,
    action: Action,
    trials: Sequence[TrialView],
    *,
    rate: str | None = None,
    is_anew: bool = False,
) -> subprocess.Popen[bytes] | None:
    """Ask `action` of `trials`; the supervisor that had to be started for that, if any.

    `rate` is a wish as for `new_rate`, `is_anew` whether a retry begins from the first step.
    """
    again = [t for t in trials if t.status.is_finished]
    if again:
        # Imported for few, because it looks for packages.
        from experiments.backend import check_backend

        check_backend(ExperimentReader(folder).read().backend)
    for trial in trials:
        each = folder.trial(trial.name)
        wished = None
        if rate is not None:
            # One that was asked for and is not heard yet counts.
            wished = new_rate(rate, asked(each).learning_rate or trial.learning_rate)
        match action:
            case Action.PAUSE:
                ask(each, Request.PAUSE)
            case Action.RESUME if trial.status is Status.PAUSED:
                ask(each, Request.NONE)
            case Action.STOP:
                ask(each, Request.STOP)
            case Action.KILL:
                ask(each, Request.KILL)
            case Action.RESUME | Action.RETRY:
                ask_retry(each, is_anew=is_anew, learning_rate=wished)
            case Action.SAVE:
                ask_checkpoint(each)
            case Action.SET_RATE if wished is not None:
                ask_rate(each, wished)
    return _supervised(folder, [trial.name for trial in again]) if again else None


def _supervised(
    folder: ExperimentFolder,
    names: Sequence[str],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> subprocess.Popen[bytes] | None:
    """See to it that a supervisor takes the trials up; start one where none is at work."""
    from experiments.launch import supervise  # for few

    reader, deadline = ExperimentReader(folder), clock() + TAKE_UP_SECONDS
    while clock() < deadline:
        view = reader.read()
        if view.process is None or not is_alive(view.process):
            return supervise(folder).supervisor
        if all(_is_taken_up(folder, view, name) for name in names):
            return None
        sleep(POLL_SECONDS)
    if not math.isnan(view.ended):  # on a host that cannot be asked
        return supervise(folder).supervisor
    raise StoreError(
        f"{folder.name}: its supervisor has not taken up {', '.join(names)} within "
        f"{TAKE_UP_SECONDS:g} s. It does so once their processes have ended."
    )


def _is_taken_up(folder: ExperimentFolder, view: ExperimentView, name: str) -> bool:
    trial = view.trial(name)
    return trial is not None and trial.retries >= asked(folder.trial(name)).retries
