"""What a trial is and what came of it, in lines that scroll."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import asdict

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.reactive import reactive
from textual.widgets import Static

from experiments.causality import words
from experiments.trial_view import TrialView
from tui import wording
from tui.formatting import count, number
from tui.widgets.row_list import BOLD, MUTED

_INDENT = 2


class Configuration(VerticalScroll):
    """The settings of a trial, its outcome and its process."""

    HELP = """
    # Configuration

    The settings of the trial, its size, its costs, and what it depends on. Arrows and the wheel
    scroll.
    """

    # Lines keep their width when a scrollbar comes.
    DEFAULT_CSS = "Configuration { scrollbar-gutter: stable; scrollbar-size: 1 1; }"

    trial: reactive[TrialView | None] = reactive(None, repaint=False)

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="facts")

    def watch_trial(self) -> None:
        """Show what changed."""
        width = self.scrollable_content_region.width
        if self.trial is not None and width:
            self.query_one("#facts", Static).update(configuration(self.trial, width))

    def on_resize(self) -> None:
        """Lines are broken for a width."""
        self.watch_trial()


def configuration(trial: TrialView, width: int) -> Text:
    """The facts in lines of at most `width`; what is longer goes on beneath where it began."""
    parts = []
    for title, values in _facts(trial).items():
        shown = {key: value for key, value in values.items() if value not in (None, "")}
        if shown:
            parts.append(Text(title, BOLD))
        for key, value in shown.items():
            at = _INDENT + len(key) + 1
            # Beneath a long name there would be no room.
            part = _broken(f"{key} {value}", width, _INDENT, at if 2 * at <= width else 2 * _INDENT)
            part.stylize(MUTED, 0, _end_of(key, part.plain))
            parts.append(part)
    parts += [_broken(f"journal: {problem}", width, 0, _INDENT) for problem in trial.problems]
    return Text("\n").join(parts)


def _broken(words: str, width: int, first: int, others: int) -> Text:
    """Lines of whole words, where they fit, with these indents."""
    lines = textwrap.wrap(
        words,
        width,
        initial_indent=" " * first,
        subsequent_indent=" " * others,
        break_on_hyphens=False,
    )
    return Text("\n".join(lines))


def _end_of(key: str, lines: str) -> int:
    """Where `key`, with which `lines` begin, ends: it may have been broken."""
    inked = [index for index, letter in enumerate(lines) if not letter.isspace()]
    return inked[len("".join(key.split())) - 1] + 1


def _facts(trial: TrialView) -> Mapping[str, Mapping[str, object]]:
    """Names and values by section; None and nothing are not worth a line."""
    model, task = trial.config.model, trial.config.task
    process, peak = trial.process, trial.peak_memory_bytes
    return {
        "Status": {wording.mark(trial.status): trial.reason},
        "Outcome": {wording.words(key): number(value) for key, value in trial.metrics().items()},
        f"Model {model.name}": asdict(model.model),
        f"Task {task.name}": asdict(task.task),
        "Training": {
            **asdict(trial.config.budget),
            "seed": trial.seed,
            **{
                f"learning rate after step {change.step}": f"{change.learning_rate:g}"
                for change in trial.rate_changes
            },
            "checkpoint after step": trial.saved_at,
        },
        "Attempts": {
            f"{attempt.number}, from step {attempt.step + 1}": wording.mark(attempt.status)
            + (f": {attempt.reason}" if attempt.reason else "")
            for attempt in trial.attempts
            if len(trial.attempts) > 1
        },
        "Protocol": {
            "serves": "to choose a learning rate" if trial.is_tuning else "",
            "solved at step": trial.solved_at,
            "reads": words(trial.dependence, task.task) if trial.dependence else "",
            **{f"{split} data": sha256 for split, sha256 in trial.data.items()},
        },
        "Process": {
            "parameters": count(trial.num_parameters),
            "backend": trial.backend,
            "device": trial.device,
            "threads": trial.threads,
            "takes": ", ".join(wording.taken(trial)),
            "peak memory": "" if math.isnan(peak) else f"{wording.size(int(peak))} GiB",
            "pid": process.pid if process else None,
            "host": process.host if process else None,
        },
    }
