"""What a printed experiment says of its protocol: rates tuned, inputs read, data, what was off."""

from __future__ import annotations

from math import nan

from rich.console import Console, Group

from experiments import conduct
from experiments.causality import words
from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.tuning import Tuning, tunings
from tui import wording
from tui.fitted_table import Column, fitted_table
from tui.formatting import count, duration, milliseconds, number


def tuning_table(out: Console, view: ExperimentView) -> Group | None:
    """How each learning rate validated and which was chosen; `None` where none has been yet."""
    found = tunings(view)
    if not found:
        return None
    (seed,) = {trial.seed for trial in view.tuning_trials}
    (steps,) = {trial.config.budget.steps for trial in view.tuning_trials}
    metric = wording.words(view.config.task.task.metric.name)
    rates = view.config.protocol.rates(view.config.budget)
    marked = f"; {wording.mark(Status.PRUNED)}" if any(tuning.pruned for tuning in found) else ""
    return fitted_table(
        out,
        "learning rates",
        f"best validation {metric} in {count(steps)} steps with seed {seed}; the rate chosen is "
        f"that of all seeds compared; steps and time of tuning, all rates together{marked}",
        [
            Column("model", [tuning.model for tuning in found], "left"),
            *(
                Column(f"{rate:g}", [_validated(tuning, rate) for tuning in found])
                for rate in rates
            ),
            Column("chosen", [f"{tuning.chosen.learning_rate:g}" for tuning in found]),
            Column("steps", [count(tuning.updates) for tuning in found], gives_way=1),
            Column("time", [duration(tuning.seconds) for tuning in found], gives_way=2),
        ],
    )


def _validated(tuning: Tuning, rate: float) -> str:
    if rate in tuning.pruned:
        return wording.GLYPHS[Status.PRUNED]
    return number(tuning.chosen.values.get(f"{rate:g}", nan))


def dependence_table(out: Console, view: ExperimentView) -> Group | None:
    """Which inputs the predictions depend on; `None` where nobody has looked."""
    found = conduct.dependences(view)
    if not found:
        return None
    task = view.config.task.task
    return fitted_table(
        out,
        "what predictions depend on",
        "before training, by changing one input step at a time; faintly: only in short sequences",
        [
            Column("model", list(found), "left"),
            Column("reads", [words(one, task) for one in found.values()], "left"),
        ],
    )


def protocol_lines(view: ExperimentView) -> list[str]:
    """What was switched off, the backend, how long steps took, what was pretrained, the data."""
    off = conduct.switched_off(view.config.protocol)
    lines = [f"switched off: {', '.join(off)}"] if off else []
    if view.backend:
        lines.append(f"backend: {view.backend}")
    if view.timed is not None:
        seconds = view.timed.seconds.items()
        lines.append(
            "a training step, timed alone before the trials: "
            f"{', '.join(f'{model} {milliseconds(s)}' for model, s in seconds)} "
            f"({wording.plural(view.timed.threads, 'thread')}, {view.timed.backend} on "
            f"{view.timed.device} of {view.timed.host})"
        )
    before = conduct.pretrainings(view)
    if before:
        shown = ", ".join(f"{model} {count(updates)} updates" for model, updates in before.items())
        lines.append(f"pretrained without labels, beyond the steps of training: {shown}")
    # Some tasks have one test split for all seeds.
    seeds: dict[str, list[str]] = {}
    for seed, splits in conduct.data(view).items():
        for sha256 in splits.get("test", ()):
            seeds.setdefault(sha256, []).append(str(seed))
    if seeds:
        shown = ", ".join(f"{sha256} of {' '.join(of)}" for sha256, of in seeds.items())
        lines.append(f"test data by seed, SHA-256: {shown}")
    return lines
