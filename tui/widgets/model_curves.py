"""Curves of an experiment: one per model and measurement, over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.bands import GrowingBand, common_band
from experiments.effort import Effort, spent
from experiments.read_model import ExperimentView
from experiments.series import EMPTY, Series
from experiments.smoothing import Smoother
from experiments.trial_view import TrialView
from tui.widgets.curve import Curve, Floats

SMOOTHINGS = (None, 0.0, 0.01, 0.03, 0.1)
"""Time constants as shares of the budget's steps; None averages only what is noisy."""
NOISY_SMOOTHING = 0.01
MOST_POINTS = 8192
"""Of curves with more points every second is drawn, or every fourth ..."""

_EXACT = ("validation_", "test_", "extrapolation_", "probe_", "learning_rate", "memory_bytes")


@dataclass(frozen=True)
class CurveRequest:
    """Which curves a person wants to see.

    Args:
        keys: Measurements.
        x: What the x axis counts.
        smoothing: One of `SMOOTHINGS`.
        members: Whether each seed is drawn behind the mean.
    """

    keys: frozenset[str] = frozenset()
    x: Effort = Effort.STEP
    smoothing: float | None = None
    members: bool = False


def is_noisy(key: str) -> bool:
    """Whether a measurement comes from single batches."""
    return not key.startswith(_EXACT)


def smoothing_of(key: str, smoothing: float | None) -> float:
    """The share of the budget over which `key` is averaged where `smoothing` is asked for."""
    if smoothing is None:
        return NOISY_SMOOTHING if is_noisy(key) else 0.0
    return smoothing


def measured(trial: TrialView, key: str) -> Series:
    """What `key` is made from: itself, and the seconds of a step for steps per second."""
    return trial.values("step_seconds" if key == "steps_per_second" else key)


def _values(series: Series, key: str, part: slice = slice(None)) -> Floats:
    values = series.value[part]
    if key == "steps_per_second":
        with np.errstate(divide="ignore"):
            return np.asarray(1 / values)
    return values


class Member:
    """The smoothed curve of one trial; growing costs as much as there is new.

    The smoothing is over steps, whatever the x axis counts.
    """

    def __init__(self, trial: TrialView, key: str, x: Effort, smoothing: float) -> None:
        self._key, self._effort = key, x
        self._smoother = Smoother(smoothing * trial.config.budget.steps)
        self.series = EMPTY
        self.x: Floats = np.empty(0)
        self.y: Floats = np.empty(0)
        self.marks: Floats = np.empty(0)
        """Where values were not finite."""
        self.stride = 1
        """Of so many points one was kept; a power of two."""

    def continues(self, trial: TrialView) -> bool:
        """Whether the trial goes on where it was read the last time."""
        return not len(self.series) or measured(trial, self._key).continues(self.series)

    def update(self, trial: TrialView) -> None:
        """Read what is new."""
        series, done = measured(trial, self._key), len(self.series)
        self.series = series
        # In pieces, so that a long journal takes no more room on the way than what is kept of it.
        for start in range(done, len(series), MOST_POINTS):
            self._read(trial, slice(start, min(start + MOST_POINTS, len(series))))

    def _read(self, trial: TrialView, new: slice) -> None:
        step = self.series.step[new]
        x = spent(self._effort, trial, step, self.series.time[new])
        y = _values(self.series, self._key, new)
        self.marks = np.append(self.marks, x[~np.isfinite(y)])
        y = self._smoother.extend(step, y)
        kept = slice(-new.start % self.stride, None, self.stride)
        self.x, self.y = np.append(self.x, x[kept]), np.append(self.y, y[kept])
        thinner = 1
        while -(-self.x.size // thinner) > MOST_POINTS:
            thinner *= 2
        if thinner > 1:
            # Copies, because a part of an array keeps all of it.
            self.x, self.y = self.x[::thinner].copy(), self.y[::thinner].copy()
            self.stride *= thinner

    def every(self, stride: int) -> tuple[Floats, Floats]:
        """Every so many-th point, as other members keep them too."""
        step = stride // self.stride
        return self.x[::step], self.y[::step]


class ModelCurves:
    """The curves of one model: the mean of its seeds, and whatever lies behind it."""

    def __init__(self, label: str, color: int, key: str, x: Effort, smoothing: float) -> None:
        self._label, self._color, self._key = label, color, key
        self._x, self._smoothing = x, smoothing
        self._members: dict[str, Member] = {}
        self._band: tuple[tuple[Member, ...], int, GrowingBand] | None = None
        self._made: tuple[object, Curve | None] = (None, None)
        self._behind: tuple[object, tuple[Curve, ...]] = (None, ())

    def make(
        self, trials: Sequence[TrialView], *, with_raw: bool, with_members: bool
    ) -> tuple[Curve, ...]:
        """The curves; the same objects as before while their points are the same.

        Args:
            trials: Those of the model, of which at least one has the measurement.
            with_raw: Whether the values of a single seed lie behind their average.
            with_members: Whether single seeds lie behind their mean.
        """
        told = [trial for trial in trials if len(measured(trial, self._key))]
        finished = all(trial.status.is_finished for trial in trials)
        lengths = {trial.name: len(measured(trial, self._key)) for trial in told}
        members = [self._member(trial) for trial in told]
        state = (tuple(members), lengths)
        front = self._made[1]
        if front is None or self._made[0] != (*state, finished):
            for member, trial in zip(members, told, strict=True):
                member.update(trial)
            front = self._front(told, members, finished)
            self._made = (*state, finished), front
        raw = with_raw and len(told) == 1 and self._smoothing > 0
        if self._behind[0] != (*state, raw, with_members):
            curves: list[Curve] = []
            if raw:
                curves.append(raw_curve(told[0], self._key, self._x, self._label, self._color))
            if with_members and len(told) > 1:
                curves += [self._curve(member.x, member.y, thin=True) for member in members]
            self._behind = (*state, raw, with_members), tuple(curves)
        return front, *self._behind[1]

    def _member(self, trial: TrialView) -> Member:
        known = self._members.get(trial.name)
        if known is None or not known.continues(trial):
            known = Member(trial, self._key, self._x, self._smoothing)
            self._members[trial.name] = known
        return known

    def _front(
        self, trials: Sequence[TrialView], members: Sequence[Member], finished: bool
    ) -> Curve:
        if len(members) == 1:
            return self._curve(members[0].x, members[0].y, finished=finished)
        stride = max(member.stride for member in members)
        curves = [member.every(stride) for member in members]
        bounds = trials[0].config.task.task.bounds(self._key.partition("_")[2])
        if self._x is Effort.TIME:
            band = common_band(curves, bounds)
        else:
            if self._band is None or self._band[:2] != (tuple(members), stride):
                self._band = tuple(members), stride, GrowingBand(bounds)
            band = self._band[2].update(curves)
        return Curve(
            label=self._label,
            key=self._label,
            x=band.x,
            y=band.mean,
            color=self._color,
            low=band.low,
            high=band.high,
            finished=finished,
            counts=band.counts,
            marks=np.concatenate([member.marks for member in members]),
        )

    def _curve(self, x: Floats, y: Floats, *, finished: bool = False, thin: bool = False) -> Curve:
        return Curve(self._label, self._label, x, y, self._color, finished=finished, thin=thin)


class CurveMaker:
    """Makes the curves of an experiment, and reads only what is new."""

    def __init__(self) -> None:
        self._asked = CurveRequest()
        self._models: dict[tuple[str, str], ModelCurves] = {}

    def make(self, view: ExperimentView, request: CurveRequest) -> dict[str, tuple[Curve, ...]]:
        """By measurement: for each model that has a point, in their order, its curves.

        What stands behind comes after all that stands in front.
        """
        if (request.x, request.smoothing) != (self._asked.x, self._asked.smoothing):
            self._models.clear()
        for place in [place for place in self._models if place[1] not in request.keys]:
            del self._models[place]
        self._asked = request
        return {key: self._of(view, key, request) for key in request.keys}

    def _of(self, view: ExperimentView, key: str, request: CurveRequest) -> tuple[Curve, ...]:
        trials = view.comparison_trials
        with_raw = sum(len(measured(trial, key)) > 0 for trial in trials) == 1
        curves: list[Curve] = []
        for color, choice in enumerate(view.config.models):
            mine = [trial for trial in trials if trial.model == choice.label]
            if not any(len(measured(trial, key)) for trial in mine):
                continue
            known = self._models.get((choice.label, key))
            if known is None:
                share = smoothing_of(key, request.smoothing)
                known = ModelCurves(choice.label, color, key, request.x, share)
                self._models[choice.label, key] = known
            curves += known.make(mine, with_raw=with_raw, with_members=request.members)
        return tuple(sorted(curves, key=lambda curve: curve.thin))


def raw_curve(trial: TrialView, key: str, x: Effort, label: str, color: int) -> Curve:
    """The values of one trial as they were taken, to lie behind their average."""
    series = measured(trial, key)
    places = spent(x, trial, series.step, series.time)
    return Curve(label, label, places, _values(series, key), color, thin=True)


def trial_curve(
    trial: TrialView,
    key: str,
    color: int,
    label: str,
    x: Effort = Effort.STEP,
    smoothing: float | None = None,
) -> Curve:
    """The values of one trial, averaged as asked."""
    member = Member(trial, key, x, smoothing_of(key, smoothing))
    member.update(trial)
    finished = trial.status.is_finished
    return Curve(label, label, member.x, member.y, color, finished=finished)
