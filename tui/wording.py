"""How states, numbers and verdicts are said on screen."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.text import Text

from experiments import conduct
from experiments.comparison import LEAST_SEEDS, Comparison
from experiments.config import ExperimentConfig
from experiments.cut import Cut, Unit
from experiments.events import Alerted
from experiments.leaderboard import Leaderboard, Row, Standing
from experiments.read_model import ExperimentView
from experiments.stats import Interval, TimeToSolve
from experiments.status import Status
from experiments.steering import Action
from experiments.trial_view import TrialView
from tui.formatting import UNKNOWN, bounds, duration, number, probability, quantity

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

BUDGETS: dict[Unit, str] = {"steps": "steps", "seconds": "time", "flops": "compute"}
"""What each unit is a budget of."""

UNITS: dict[Unit, str] = {
    "steps": "steps",
    "seconds": "seconds of steps",
    "flops": "FLOPs",
}

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


def name_or_number(trials: Sequence[TrialView]) -> str:
    """`gru-s0`, or `3 trials`."""
    return trials[0].name if len(trials) == 1 else plural(len(trials), "trial")


def words(key: str) -> str:
    """A measurement in words: `validation accuracy`, `test exact match 4 to 12`."""
    return re.sub(r"_(\d+)_(\d+)$", r" \1 to \2", key).replace("_", " ")


def mark(status: Status) -> str:
    """Glyph and word: `▶ running`."""
    return f"{GLYPHS[status]} {status}"


_NOTHING = {
    Action.PAUSE: "no trial works or waits",
    Action.RESUME: "no trial is paused, stopped or lost",
    Action.STOP: "all is finished",
    Action.KILL: "all is finished",
    Action.RETRY: "no trial has failed or is lost",
    Action.SAVE: "no trial is at work",
    Action.SET_RATE: "no trial is at work",
}


def nothing_to(action: Action, trial: TrialView | None = None) -> str:
    """Why `action` asks nothing, of all trials or of one."""
    why = f"{trial.name} is {trial.status}" if trial else _NOTHING[action]
    return f"Nothing to {action.value.partition(' ')[0]}: {why}."


def rung(trial: TrialView) -> str:
    """How far a requested stop has gone: `stopping`, `terminating`, `killing`, or nothing."""
    if trial.status.is_finished:
        return ""
    return _RUNGS.get(trial.stop_rung, trial.stop_rung)


def step(trial: TrialView) -> str:
    """How far it is: `step 62 of 100`, `pretraining, step 500 of 2000`."""
    before = trial.config.pretraining_updates
    if before and not trial.step and trial.pretraining_steps:
        return f"pretraining, step {trial.pretraining_steps} of {before}"
    return f"step {trial.step} of {trial.config.budget.steps}"


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


def remarks(row: Row, board: Leaderboard) -> list[str]:
    """What a row of the leaderboard must not leave unsaid."""
    if not isinstance(row, Standing):
        # Baselines are measured on the test split, which bounds validation as well.
        return ["null baseline" if board.key.startswith("test_") else "baseline on test"]
    found = []
    if not row.is_complete:
        found.append(f"{row.failed} of {plural(row.trials, 'seed')} failed: not ranked")
    if row.not_above:
        found.append(f"not above {', '.join(row.not_above)}")
    return found


def budget(cut: Cut) -> str:
    """Where trials are held against each other: `at equal steps, 4,000`."""
    limit = math.nan if cut.limit is None else cut.limit
    match cut.unit:
        case None:
            return "each as far as it came"
        case _ if math.isnan(limit):
            return f"at equal {BUDGETS[cut.unit]}"
        case "steps":
            return f"at equal steps, {limit:,.0f}"
        case "seconds":
            said = f"{number(limit)} s" if limit < 60 else duration(limit)
            return f"at equal time, {said} of steps"
        case "flops":
            return f"at equal compute, {quantity(limit)} FLOPs"


def memory(value: float) -> str:
    """Bytes with their unit: `0.6 GiB`."""
    return UNKNOWN if math.isnan(value) else f"{size(value)} GiB"


def taken(trial: TrialView) -> list[str]:
    """What its process takes now: `1.0 cores` and `0.6 GiB`; nothing where none is at work."""
    if trial.load is None or trial.status not in (Status.RUNNING, Status.PAUSED):
        return []
    return [f"{trial.load.cores:.1f} cores", memory(trial.load.memory_bytes)]


def solved(time: TimeToSolve | None) -> str:
    """How many seeds solved the task: `2/3`."""
    if time is None or not time.solved.n:
        return UNKNOWN
    return f"{round(time.solved.mean * time.solved.n)}/{time.solved.n}"


def share(interval: Interval) -> str:
    """The bounds of a share, which one seed has too."""
    return f"[{number(interval.low)}, {number(interval.high)}]" if interval.n else UNKNOWN


def steps_to_solve(time: TimeToSolve | None, *, with_bounds: bool = False) -> str:
    """The restricted mean: `680`; `>1000` where no seed solved within so many."""
    if time is None or not time.solved.n:
        return UNKNOWN
    steps = time.steps
    if not time.solved.mean:
        return f">{steps.mean:.0f}"
    known = with_bounds and not math.isnan(steps.low)
    return f"{steps.mean:.0f}" + (f" [{steps.low:.0f}, {steps.high:.0f}]" if known else "")


def advantage(comparison: Comparison, view: ExperimentView) -> Interval:
    """By how much `a` is better than `b`, whether the metric is to be high or low."""
    found = comparison.interval
    if view.config.task.task.metric.higher_is_better:
        return found
    return found.negated


def against(comparison: Comparison) -> str:
    """What can be said of `a` beside `b`, in a word or two."""
    if comparison.interval.n < LEAST_SEEDS:
        return "too few seeds"
    match comparison.outcome:
        case "equivalent":
            return "equivalent"
        case "different":
            return "better" if comparison.winner == comparison.a else "worse"
        case "underpowered":
            return "cannot tell"


def outcome(comparison: Comparison, margin: float) -> str:
    """What can be said of a pair, in a few words."""
    match comparison.outcome:
        case "equivalent":
            ahead = f", {comparison.winner} ahead" if comparison.winner else ""
            return f"equivalent within {number(margin)}{ahead}"
        case "different":
            return f"{comparison.winner} is better"
        case "underpowered":
            few = comparison.interval.n < LEAST_SEEDS
            common = plural(comparison.interval.n, "common seed")
            return f"underpowered: {common}" if few else "underpowered"


def verdict(view: ExperimentView, board: Leaderboard) -> str:
    """One line on who is ahead, and whether the seeds are enough to say so."""
    lead = "" if view.is_finished else "so far: "
    if board.cut is not None:
        lead = f"{lead}{budget(board.cut)}, by validation: "
    ranked = [standing for standing in board.standings if standing.seeds]
    if not ranked:
        return "no measurement yet" if board.cut is None else f"{lead}no trial has come there"
    if len(board.standings) == 1:
        only = ranked[0]
        reach = f"{number(only.interval.mean)} {bounds(only.interval)}"
        return f"{lead}{only.model} reaches {reach}"
    if len(ranked) == 1:
        return f"{lead}only {ranked[0].model} has been measured"
    first, second = ranked[0], ranked[1]
    found = next(c for c in board.comparisons if (c.a, c.b) == (first.model, second.model))
    if found.interval.n < LEAST_SEEDS:
        common = plural(found.interval.n, "seed")
        return f"{lead}underpowered, {common} in common cannot tell {found.a} from {found.b}"
    interval = advantage(found, view)
    if found.winner == found.b:  # it is behind only by seeds that the other one lacks
        interval = interval.negated
    by = f"{number(interval.mean)} {bounds(interval)}, paired over {interval.n} seeds"
    holm = f"p Holm {probability(found.p_holm)}"
    if found.outcome == "equivalent":
        said = f"{found.a} and {found.b} are {outcome(found, board.margin)}"
        return f"{lead}{said}: {by}, p Holm {probability(found.p_equivalent)}"
    if found.outcome == "different":
        loser = found.a if found.winner == found.b else found.b
        others = [model for model in _beaten(board, found.winner) if model != loser]
        rest = f"; also {', '.join(others)}" if others else ""
        return f"{lead}{found.winner} beats {loser} by {by}, {holm}{rest}"
    beaten = _beaten(board, first.model)
    rest = f"; {first.model} beats {', '.join(beaten)}" if beaten else ""
    told = f"{holm}, detectable {number(found.detectable)}"
    return f"{lead}underpowered, {found.a} is not told from {found.b}: {by}, {told}{rest}"


def _beaten(board: Leaderboard, winner: str | None) -> list[str]:
    pairs = [pair for pair in board.comparisons if pair.winner == winner]
    return [pair.b if pair.a == winner else pair.a for pair in pairs]


@dataclass(frozen=True)
class Alert:
    """Something that somebody should look into."""

    status: Status | None
    """Of the trial, where that says what is wrong."""
    sentence: str
    trial: str = ""
    """The trial that it is about, if it is about one."""


def alerts(view: ExperimentView) -> list[Alert]:
    """What went wrong, worst first: failed trials, what the rules found (newest first), the
    supervisor, the protocol, damaged lines."""
    found = [
        Alert(trial.status, f"{trial.name}: {trial.reason or 'no reason given'}", trial.name)
        for trial in view.comparison_trials
        if trial.status in BAD
    ]
    found += [Alert(None, fired(event), event.trial) for event in reversed(view.alerts)]
    if view.reason:
        found.append(Alert(None, f"supervisor: {view.reason}"))
    found += [Alert(None, warning) for warning in conduct.warnings(view)]
    found += [Alert(None, f"supervisor's journal: {problem}") for problem in view.problems]
    found += [
        Alert(None, f"{trial.name}'s journal: {problem}", trial.name)
        for trial in view.trials
        for problem in trial.problems
    ]
    return found


_ACTIONS = {"stop": "; asked to stop", "checkpoint": "; asked for a checkpoint"}


def fired(event: Alerted) -> str:
    """What a rule found, where and when: `12:04:11 gru-s1 at step 40, plateau: ...`."""
    at = time.strftime("%H:%M:%S", time.localtime(event.time))
    done = _ACTIONS.get(event.action, "")
    return f"{at} {event.trial} at step {event.step}, {event.rule}: {event.message}{done}"
