"""What happened becomes what is known: a pure fold of a trial's events and the supervisor's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from experiments.attempt import one_more, with_end
from experiments.events import (
    Built,
    CheckpointSaved,
    Damaged,
    DataRead,
    DependenceFound,
    Event,
    LoadSampled,
    Measured,
    NotRecorded,
    Pretrained,
    RateChanged,
    Recorded,
    Solved,
    Started,
    StatusChanged,
    StopRequested,
    TrialEnded,
    TrialQueued,
)
from experiments.series import extended, up_to
from experiments.status import Status
from experiments.trial_view import PRETRAINING, TrialView


def fold_trial(view: TrialView, events: Iterable[Event]) -> TrialView:
    """`view` after the events of the trial's own journal."""
    # Nearly all of them are measurements, which come in long runs.
    for _, run in itertools.groupby(events, type):
        part = list(run)
        measured = [event for event in part if isinstance(event, Measured | Pretrained)]
        view = _measured(view, measured) if measured else _fold_others(view, part)
    return view


def _measured(view: TrialView, events: Sequence[Measured | Pretrained]) -> TrialView:
    """`view` after measurements, all of training or all of pretraining."""
    is_before = isinstance(events[0], Pretrained)
    step = 0 if is_before else max(event.step for event in events)
    return replace(
        view,
        step=max(view.step, step),
        updated=events[-1].time,
        series=extended(view.series, ((e.step, e.time, _by_key(e)) for e in events)),
    )


def _by_key(event: Measured | Pretrained) -> Mapping[str, float]:
    if isinstance(event, Measured):
        return event.values
    return {f"{PRETRAINING}{key}": value for key, value in event.values.items()}


def _fold_others(view: TrialView, events: Iterable[Event]) -> TrialView:
    for event in events:
        match event:
            case Started():
                view = _begun(view, event)
            case Built():
                view = replace(
                    view,
                    built=event.time,
                    num_parameters=event.num_parameters,
                    backend=event.backend,
                    device=event.device,
                    threads=event.threads,
                    epoch_sequences=event.epoch_sequences,
                )
            case DataRead(split=split, sha256=sha256):
                view = replace(view, data={**view.data, split: sha256})
            case DependenceFound():
                view = replace(view, dependence=event)
            case Solved(step=step):
                view = replace(view, solved_at=step)
            case RateChanged():
                before = tuple(c for c in view.rate_changes if c.step != event.step)
                view = replace(view, rate_changes=(*before, event))
            case CheckpointSaved(step=step):
                view = replace(view, saved_at=step)
            case Recorded(step=step):
                steps = (*view.recorded, step)
                view = replace(view, recorded=steps, not_recorded="")
            case NotRecorded(reason=reason):
                view = replace(view, not_recorded=reason)
            case StatusChanged():
                view = _changed(view, event)
            case Damaged():
                view = replace(view, problems=(*view.problems, damage(event)))
        if not isinstance(event, Damaged):
            view = replace(view, updated=event.time)
    return view


def _begun(view: TrialView, event: Started) -> TrialView:
    """`view` once a worker has taken it up."""
    fresh = TrialView(
        view.config,
        status=Status.RUNNING,
        process=event.process,
        attempts=one_more(view.attempts, event),
        retries=view.retries,
        started=event.time,
        load=view.load if view.load and view.load.time >= event.process.created else None,
        problems=view.problems,
    )
    if event.step == 0:
        # It trains from the first step; its curves are not the old one's.
        return fresh
    # What came after the checkpoint is done again; pretraining was done before it.
    before = {key: one for key, one in view.series.items() if key.startswith(PRETRAINING)}
    after = {key: one for key, one in view.series.items() if key not in before}
    series = {**before, **{k: kept for k, kept in up_to(after, event.step).items() if len(kept)}}
    left = max((kept.time[-1] for kept in series.values()), default=view.started)
    return replace(
        fresh,
        started=view.started,
        idle=(*(span for span in view.idle if span[1] <= left), (float(left), event.time)),
        num_parameters=view.num_parameters,
        backend=view.backend,
        device=view.device,
        threads=view.threads,
        step=event.step,
        series=series,
        saved_at=event.step,
        rate_changes=tuple(c for c in view.rate_changes if c.step <= event.step),
        data=view.data,
        dependence=view.dependence,
        recorded=tuple(step for step in view.recorded if step <= event.step),
    )


def _changed(view: TrialView, event: StatusChanged) -> TrialView:
    """`view` once its worker has told another status."""
    time, status, reason = event.time, event.status, event.reason
    attempts = view.attempts
    if attempts:
        attempts = (*attempts[:-1], attempts[-1].after(status, reason, time))
    idle = view.idle if math.isnan(view.paused) else (*view.idle, (view.paused, time))
    return replace(
        view,
        status=status,
        reason=reason,
        ended=time if status.is_finished else math.nan,
        attempts=attempts,
        idle=idle,
        paused=time if status is Status.PAUSED else math.nan,
    )


def concluded(view: TrialView, event: TrialEnded) -> TrialView:
    """`view` once the supervisor has told how it ended."""
    time, status, reason = event.time, event.status, event.reason
    view = replace(view, attempts=with_end(view.attempts, time, status, reason))
    # The worker's own last word, where it had one, knows more than its exit code.
    if view.status.is_finished or _is_older(event, view):
        return view
    return replace(view, status=status, reason=reason, ended=time)


def queued(view: TrialView, event: TrialQueued) -> TrialView:
    """`view` once it waits for a place, or for a person."""
    view = replace(view, retries=max(view.retries, event.retries))
    if _is_older(event, view):
        return view
    status = Status.PAUSED if event.is_paused else Status.QUEUED
    return replace(
        view, status=status, reason="", stop_rung="", load=None, process=None, ended=math.nan
    )


def stopping(view: TrialView, event: StopRequested) -> TrialView:
    """`view` once a stop was passed on."""
    return view if _is_older(event, view) else replace(view, stop_rung=event.rung)


def loaded(view: TrialView, events: Iterable[LoadSampled]) -> TrialView:
    """`view` once its process was looked at, several times perhaps."""
    # It is looked at before it says that it has taken up the trial, too.
    created = view.begun if view.process is None else min(view.begun, view.process.created)
    known = [event for event in events if not event.time < created]
    return replace(view, load=known[-1]) if known else view


def _is_older(event: Event, view: TrialView) -> bool:
    # The journals are read one after the other: this may be about an attempt before the present.
    return event.time < view.begun


def damage(event: Damaged) -> str:
    """A damaged line in words."""
    return f"line {event.line} is damaged and was left out: {event.problem}"
