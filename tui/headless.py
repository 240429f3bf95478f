"""Follows an experiment without the dashboard: progress on stderr, the outcome on stdout."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from experiments.control import Request, ask
from experiments.process import is_alive
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder
from experiments.trial_view import TrialView
from tui import tables
from tui.exit_code import exit_code
from tui.formatting import duration, number
from tui.wording import fired

POLL_SECONDS = 0.2
# Without a terminal on stderr a line now and then says that work goes on.
REPORT_SECONDS = 10.0


def follow(
    folder: ExperimentFolder,
    supervisor: subprocess.Popen[bytes] | None,
    *,
    as_json: bool,
    read_only: bool = False,
) -> int:
    """Watch until the experiment ends, print its outcome, return the exit code.

    An interrupt leaves at once where `read_only`.
    """
    view, is_interrupted = watch(folder, supervisor, read_only=read_only)
    if as_json:
        tables.print_json(view)
    else:
        tables.print_experiment(view)
    if is_interrupted:
        return 130
    return exit_code(view) if view.is_finished else 1


def watch(
    folder: ExperimentFolder,
    supervisor: subprocess.Popen[bytes] | None,
    *,
    read_only: bool = False,
) -> tuple[ExperimentView, bool]:
    """Show progress on stderr until the experiment ends: its last view, whether interrupted.

    The first interrupt asks every trial to stop; a second one leaves at once, as the first does
    where `read_only`.
    """
    reader = ExperimentReader(folder)
    is_interrupted = False
    try:
        view = _watch(_views(reader, supervisor))
    except KeyboardInterrupt:
        if read_only:
            raise
        is_interrupted = True
        print("Stopping every trial; interrupt again to leave at once.", file=sys.stderr)
        for trial in reader.read().trials:
            if not trial.status.is_finished:
                ask(folder.trial(trial.name), Request.STOP)
        view = _watch(_views(reader, supervisor))
    if not (view.is_finished or is_interrupted):
        print(f"keras-seq: the supervisor ended early: {_last_line(folder)}", file=sys.stderr)
    return view, is_interrupted


def _views(
    reader: ExperimentReader, supervisor: subprocess.Popen[bytes] | None
) -> Iterator[ExperimentView]:
    """Views until nothing more will come, the last one included."""
    while True:
        # Asked before reading, so that the last words of a supervisor that ends now are read.
        ended = supervisor is not None and supervisor.poll() is not None
        view = reader.read()
        yield view
        gone = view.process is not None and not is_alive(view.process)
        if ended or (view.is_finished and (view.ended == view.ended or gone)):
            return
        time.sleep(POLL_SECONDS)


def _watch(views: Iterator[ExperimentView]) -> ExperimentView:
    err = Console(stderr=True, highlight=False)
    views = _told(views, err)
    return _draw(views, err) if err.is_terminal else _report(views, err)


def _told(views: Iterator[ExperimentView], err: Console) -> Iterator[ExperimentView]:
    """The views, while what the rules find is printed once."""
    told = 0
    for view in views:
        for event in view.alerts[told:]:
            err.print(f"warning: {fired(event)}", markup=False)
        told = len(view.alerts)
        yield view


def _draw(views: Iterator[ExperimentView], err: Console) -> ExperimentView:
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[note]}"),
        console=err,
        transient=True,
    )
    bars: dict[str, TaskID] = {}
    with progress:
        for view in views:
            for trial in view.trials:
                if trial.status is Status.QUEUED:
                    continue
                if trial.name not in bars:
                    bars[trial.name] = progress.add_task(trial.name, total=1.0, note="")
                progress.update(bars[trial.name], completed=trial.progress, note=_note(trial))
    return view


def _report(views: Iterator[ExperimentView], err: Console) -> ExperimentView:
    before: dict[str, Status] = {}
    reported = time.monotonic()
    for view in views:
        for trial in view.trials:
            if before.get(trial.name, Status.QUEUED) is not trial.status:
                before[trial.name] = trial.status
                err.print(f"{trial.name} {trial.status} {_note(trial)}".rstrip(), markup=False)
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            left = duration(view.remaining_seconds)
            err.print(f"{view.progress:.0%} done, {left} to go", markup=False)
    return view


def _note(trial: TrialView) -> str:
    metric = trial.config.task.task.metric.name
    value = trial.best(f"validation_{metric}")
    if trial.status is Status.RUNNING and trial.step == 0:
        return "pretraining" if trial.pretraining_steps else "starting"
    if trial.reason:
        return trial.reason
    return f"validation {metric} {number(value)}" if value == value else ""


def _last_line(folder: ExperimentFolder) -> str:
    lines = folder.console.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it left no word"
