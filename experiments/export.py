"""All that was measured, one by one, for other tools to read."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

from experiments.read_model import Baseline, ExperimentView
from experiments.trial_view import TrialView

HEADER = (
    "experiment", "trial", "model", "seed", "role", "attempt",
    "key", "step", "seconds", "time", "value",
)  # fmt: skip


def as_csv(view: ExperimentView) -> str:
    """A line per measurement under `HEADER`, as RFC 4180 has it but for the ends of lines.

    `seconds` are those of work, `time` is UTC in ISO 8601, `role` is `comparison`, `tuning` or
    `baseline`. What is not known, or has no meaning for a null baseline, is empty; a value that is
    no number is `nan`.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for trial in view.trials:
        writer.writerows(_of_trial(view.name, trial))
    for baseline in view.baselines:
        writer.writerows(_of_baseline(view.name, baseline))
    return out.getvalue()


def _of_trial(experiment: str, trial: TrialView) -> Iterator[tuple[object, ...]]:
    known = (experiment, trial.name, trial.model, trial.seed, trial.config.role)
    for key, series in trial.series.items():
        seconds = trial.seconds_at(series.time).tolist()
        steps, times, values = series.step.tolist(), series.time.tolist(), series.value.tolist()
        for step, time, value, worked in zip(steps, times, values, seconds, strict=True):
            attempt = max((a.number for a in trial.attempts if a.started <= time), default="")
            moment = "" if math.isnan(time) else datetime.fromtimestamp(time, UTC).isoformat()
            yield (*known, attempt, key, int(step), worked, moment, value)


def _of_baseline(experiment: str, baseline: Baseline) -> Iterator[tuple[object, ...]]:
    known = (experiment, "", baseline.name, "", "baseline", "")
    for key, values in baseline.values.items():
        for value in values:
            yield (*known, key, "", "", "", value)
