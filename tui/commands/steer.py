"""The commands that a person steers trials with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from experiments.reader import ExperimentReader
from experiments.steering import Action, meant, new_rate, steer
from experiments.store import find_experiment
from tui import wording
from tui.options import ROOT, Name, Root, Trial

Rate = Annotated[
    str | None,
    typer.Option("--learning-rate", help="Another one: 0.001, or x0.5 for half of the last."),
]


def pause(name: Name, trial: Trial = None, root: Root = ROOT) -> int:
    """Pause trials: each saves a checkpoint and keeps its place and its memory."""
    return _carry_out(Action.PAUSE, root, name, trial)


def resume(name: Name, trial: Trial = None, root: Root = ROOT) -> int:
    """Go on with trials that are paused, or from the checkpoint with those that have ended.

    By default those that are paused, stopped or lost. One without a checkpoint begins anew.
    """
    return _carry_out(Action.RESUME, root, name, trial)


def stop(
    name: Name,
    trial: Trial = None,
    kill: Annotated[bool, typer.Option("--kill", help="At once, without a checkpoint.")] = False,
    root: Root = ROOT,
) -> int:
    """Stop an experiment or some of its trials: each finishes its step and saves a checkpoint."""
    return _carry_out(Action.KILL if kill else Action.STOP, root, name, trial)


def retry(
    name: Name,
    trial: Trial = None,
    from_checkpoint: Annotated[
        bool, typer.Option("--from-checkpoint", help="Go on from the checkpoint, if there is one.")
    ] = False,
    learning_rate: Rate = None,
    root: Root = ROOT,
) -> int:
    """Try trials again that have come to no good end, from the first step.

    By default those that failed or are lost.
    """
    return _carry_out(
        Action.RETRY, root, name, trial, rate=learning_rate, is_anew=not from_checkpoint
    )


def checkpoint(name: Name, trial: Trial = None, root: Root = ROOT) -> int:
    """Save now what trials would go on from; they do so by themselves every minute or more."""
    return _carry_out(Action.SAVE, root, name, trial)


def rate(
    name: Name,
    trial: Annotated[str, typer.Argument(help="One trial, or a model for all of its trials.")],
    learning_rate: Annotated[str, typer.Argument(help="0.001, or x0.5 for half of the present.")],
    root: Root = ROOT,
) -> int:
    """Change the learning rate of trials at work; the report tells of it."""
    return _carry_out(Action.SET_RATE, root, name, trial, rate=learning_rate)


def _carry_out(
    action: Action,
    root: Path,
    name: str,
    trial: str | None,
    *,
    rate: str | None = None,
    is_anew: bool = False,
) -> int:
    if rate is not None:
        new_rate(rate, 1.0)  # refused before anything is asked
    folder = find_experiment(root, name)
    view = ExperimentReader(folder).read()
    trials = meant(action, view, trial)
    if not trials:
        named = view.trial(trial) if trial else None
        print(wording.nothing_to(action, named))
        return 0
    steer(folder, action, trials, rate=rate, is_anew=is_anew)
    if any(each.status.is_finished for each in trials) and view.backend:
        from experiments.backend import configured_backend  # looks for packages, needed by few

        if view.backend != (configured := configured_backend()):
            said = f"{name} has begun on {view.backend}, and goes on with it"
            print(f"{said} instead of {configured}.", file=sys.stderr)
    print(f"Asked to {action}: {', '.join(each.name for each in trials)}")
    return 0
