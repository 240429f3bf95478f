"""What an experiment will be, before it begins: its trials, widths and parameters."""

from __future__ import annotations

from rich.table import Table

from experiments.config import ExperimentConfig, ModelChoice
from experiments.estimate import Estimate
from experiments.mismatches import costs
from tui import wording
from tui.formatting import UNKNOWN, count, duration
from tui.widgets.row_list import MUTED


def summary(config: ExperimentConfig) -> str:
    """How many trials of what, as markup."""
    models, seeds = len(config.models), len(config.seeds)
    tuning = sum(trial.role == "tuning" for trial in config.trials())
    before = f", after {tuning} that tune" if tuning else ""
    return (
        f"{wording.plural(models, 'model')} x {wording.plural(seeds, 'seed')} = "
        f"[b]{wording.plural(models * seeds, 'trial')}[/b] "
        f"of {config.budget.steps} steps on [b]{config.task.name}[/b]{before}"
    )


def estimated(estimate: Estimate) -> str:
    """A sentence that says what it is and what it is not."""
    return (
        f"about {duration(estimate.seconds)} of training, {estimate.jobs} at a time, each with up "
        f"to {wording.memory(estimate.memory_bytes)}; an estimate from {estimate.updates} steps of "
        "each model, without start-up and evaluations"
    )


def trials_table(config: ExperimentConfig) -> Table:
    """Every trial in the order in which they begin."""
    known = costs(config)
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_row("", "trial", "", "steps", "parameters", style=MUTED)
    for number, trial in enumerate(config.trials(), 1):
        cost = known.get(trial.model.label)
        serves = (
            f"lr {trial.budget.learning_rate:g}" if trial.role == "tuning" else f"seed {trial.seed}"
        )
        table.add_row(
            str(number),
            trial.model.label,
            serves,
            str(trial.budget.steps),
            count(cost.num_parameters if cost else None),
            style=MUTED if trial.role == "tuning" else None,
        )
    return table


def capacity_table(config: ExperimentConfig) -> Table:
    """How wide each model is, as given or as solved, and how many parameters it has by that."""
    known = costs(config)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
    table.add_row("model", "width", "parameters", style=MUTED)
    for choice in config.models:
        cost = known.get(choice.label)
        parameters = count(cost.num_parameters if cost else None)
        table.add_row(choice.label, _widths(choice) or UNKNOWN, parameters)
    return table


def capacity_line(config: ExperimentConfig) -> str:
    """The same where there is no room for a table: all widths, and the range of parameters."""
    widths = ", ".join(f"{choice.label} {_widths(choice)}".rstrip() for choice in config.models)
    counts = [cost.num_parameters for cost in costs(config).values()]
    return f"{widths}: {min(counts):,} to {max(counts):,} parameters" if counts else widths


def _widths(choice: ModelChoice) -> str:
    return "x".join(str(getattr(choice.model, name)) for name in choice.model.widths)
