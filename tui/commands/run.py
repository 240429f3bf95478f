"""An experiment from the command line: `keras-seq run`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from experiments.backend import check_backend
from experiments.launch import launch
from experiments.mismatches import mismatches
from experiments.request import experiment_request
from tui.opening import keys_of, open_dashboard
from tui.options import ROOT, Json, Keymap, Root


def run(
    task: Annotated[str, typer.Argument(help="A task, or an experiment in a TOML file.")],
    models: Annotated[
        str | None, typer.Option(help="Architectures, separated by commas; all by default.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds; 3 by default.")] = None,
    steps: Annotated[int | None, typer.Option(help="Weight updates of each trial.")] = None,
    match: Annotated[
        str | None,
        typer.Option(
            help="What all models have alike: parameters, the default, flops, time or none."
        ),
    ] = None,
    tune: Annotated[
        bool | None,
        typer.Option("--tune/--no-tune", help="Whether learning rates are tuned; by default."),
    ] = None,
    prune: Annotated[
        bool | None,
        typer.Option(
            "--prune/--no-prune",
            help="Whether learning rates that fall behind are given up early, with Optuna; not by "
            "default.",
        ),
    ] = None,
    stop_early: Annotated[
        bool | None,
        typer.Option(
            "--stop-early/--no-stop-early",
            help="Whether a trial ends once its task is solved on validation; by default.",
        ),
    ] = None,
    lengths: Annotated[
        bool | None,
        typer.Option(
            "--lengths/--no-lengths", help="Whether longer sequences are tested; by default."
        ),
    ] = None,
    causality: Annotated[
        bool | None,
        typer.Option(
            "--causality/--no-causality",
            help="Whether it is found out which inputs each output depends on; by default.",
        ),
    ] = None,
    record: Annotated[
        bool | None,
        typer.Option(
            "--record/--no-record",
            help="Whether it is recorded what the networks do inside; by default.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="task.KEY=VALUE, budget.KEY=VALUE, protocol.KEY=VALUE or models.NAME.KEY=VALUE.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Trials at a time; by cores and memory by default.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The experiment's name; task and time by default.")
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="No dashboard.")] = False,
    as_json: Json = False,
    keymap: Keymap = None,
    root: Root = ROOT,
) -> int:
    """Train models on a task, side by side, and compare them."""
    is_headless = headless or as_json or not sys.stdout.isatty()
    keys = {} if is_headless else keys_of(keymap)  # before anything is started
    config = experiment_request(
        task,
        models=models,
        seeds=seeds,
        steps=steps,
        protocol={
            "match": match,
            "tune": tune,
            "prune": prune,
            "stop_early": stop_early,
            "lengths": lengths,
            "causality": causality,
            "record": record,
        },
        assignments=assignments or [],
        jobs=jobs,
        name=name,
    )
    for mismatch in mismatches(config):
        print(f"warning: {mismatch}", file=sys.stderr)
    check_backend()
    launched = launch(root, config, lambda text: print(text, file=sys.stderr))
    if is_headless:
        from tui.headless import follow

        return follow(launched.folder, launched.supervisor, as_json=as_json)
    return open_dashboard(root, config.name, keys)
