"""How states, numbers and verdicts are said on screen."""

from __future__ import annotations

import math
from dataclasses import asdict

from rich.text import Text

from experiments.config import ExperimentConfig
from experiments.leaderboard import Leaderboard, Standing
from experiments.read_model import ExperimentView, TrialView
from experiments.stats import Interval
from experiments.status import Status
from tui.formatting import bounds, number

SIGNIFICANT = 0.05

GLYPHS = {
    Status.QUEUED: "·",
    Status.RUNNING: "▶",
    Status.PAUSED: "‖",
    Status.COMPLETED: "✓",
    Status.FAILED: "✗",
    Status.STOPPED: "■",
    Status.PRUNED: "✂",
    Status.LOST: "?",
}

MEANINGS = {
    Status.QUEUED: "waits for a free place",
    Status.RUNNING: "its process works",
    Status.PAUSED: "waits for a person",
    Status.COMPLETED: "trained and tested",
    Status.FAILED: "ended by an error, a signal or a NaN; the reason is beside it",
    Status.STOPPED: "ended by a person",
    Status.PRUNED: "ended early by a rule",
    Status.LOST: "its process is gone and left no word",
}

STATUS_COLORS: dict[Status, int | None] = {
    Status.QUEUED: None,
    Status.RUNNING: 0,
    Status.PAUSED: 4,
    Status.COMPLETED: 2,
    Status.FAILED: 5,
    Status.STOPPED: 1,
    Status.PRUNED: 7,
    Status.LOST: 3,
}
"""Palette index of each status; None is muted text."""

BAD = (Status.FAILED, Status.LOST)
"""What somebody should look into."""

_RUNGS = {"asked": "stopping", "terminated": "terminating", "killed": "killing"}


def age(seconds: float) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `2 d ago`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"


def size(value: float) -> str:
    """Bytes in GiB: `6.2`."""
    return f"{value / 2**30:.1f}"


def plural(amount: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def words(key: str) -> str:
    """A measurement in words: `validation accuracy`."""
    return key.replace("_", " ")


def mark(status: Status) -> str:
    """Glyph and word: `▶ running`."""
    return f"{GLYPHS[status]} {status}"


def rung(trial: TrialView) -> str:
    """How far a requested stop has gone: `stopping`, `terminating`, `killing`, or nothing."""
    if trial.status.is_finished:
        return ""
    return _RUNGS.get(trial.stop_rung, trial.stop_rung)


def settings(config: ExperimentConfig) -> list[str]:
    """The task's settings: `length=100`, `test_size=2000`."""
    return [f"{key}={value}" for key, value in asdict(config.task.task).items()]


def shortened(text: Text, width: int) -> Text:
    """The text, or as many of its words as fit with an ellipsis."""
    if text.cell_len <= width:
        return text
    room = max(width - 2, 0)
    plain = text.plain
    while room and not (plain[room - 1] != " " and plain[room] == " "):
        room -= 1
    short = text[: room or max(width - 1, 0)]
    return short.append(" …" if room else "…")


def remarks(standing: Standing) -> list[str]:
    """What a row of the leaderboard must not leave unsaid."""
    found = []
    if not standing.is_complete:
        found.append(f"{standing.failed} of {plural(standing.trials, 'seed')} failed: not ranked")
    if standing.not_above:
        found.append(f"not above {', '.join(standing.not_above)}")
    return found


def verdict(view: ExperimentView, board: Leaderboard) -> str:
    """One line on who is ahead, and whether the seeds are enough to say so."""
    lead = "" if view.is_finished else "so far: "
    ranked = [standing for standing in board.standings if standing.seeds]
    if not ranked:
        return "no measurement yet"
    if len(board.standings) == 1:
        only = ranked[0]
        reach = f"{number(only.interval.mean)} {bounds(only.interval)}"
        return f"{lead}{only.model} reaches {reach}"
    if len(ranked) == 1:
        return f"{lead}only {ranked[0].model} has been measured"
    first, second = ranked[0], ranked[1]
    found = next(c for c in board.comparisons if (c.a, c.b) == (first.model, second.model))
    if found.interval.n < 2 or math.isnan(found.p_holm):
        common = plural(found.interval.n, "seed")
        return f"{lead}not enough seeds to tell {found.a} from {found.b} ({common} in common)"
    interval = found.interval
    if not view.config.task.task.metric.higher_is_better:
        interval = Interval(interval.n, -interval.mean, -interval.high, -interval.low)
    by = f"{number(interval.mean)} {bounds(interval)}"
    how = f"paired over {interval.n} seeds, p Holm {number(found.p_holm)}"
    if found.p_holm < SIGNIFICANT:
        return f"{lead}{found.a} beats {found.b} by {by}, {how}"
    beaten = [c.b for c in board.comparisons if c.a == first.model and c.p_holm < SIGNIFICANT]
    rest = f"; {first.model} beats {', '.join(beaten)}" if beaten else ""
    return f"{lead}not enough seeds to tell {found.a} from {found.b}: {by}, {how}{rest}"


def alerts(view: ExperimentView) -> list[tuple[Status | None, str]]:
    """What went wrong, worst first: failed trials, the supervisor, damaged lines."""
    found: list[tuple[Status | None, str]] = [
        (trial.status, f"{trial.name}: {trial.reason or 'no reason given'}")
        for trial in view.trials
        if trial.status in BAD
    ]
    if view.reason:
        found.append((None, f"supervisor: {view.reason}"))
    found += [(None, f"supervisor's journal: {problem}") for problem in view.problems]
    found += [
        (None, f"{trial.name}'s journal: {problem}")
        for trial in view.trials
        for problem in trial.problems
    ]
    return found
