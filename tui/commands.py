"""The commands of `keras-seq`, each a few lines over the modules that do the work."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from experiments.catalog import model_names, task_names
from experiments.digest import setting_names
from experiments.errors import RequestError, UnknownNameError
from experiments.history import read_all
from experiments.mismatches import mismatches
from experiments.query import parse
from experiments.reader import ExperimentReader
from experiments.request import experiment_request
from experiments.store import find_experiment
from tui import steering_commands
from tui.options import ROOT, Json, Keymap, Name, ReadOnly, Root

app = typer.Typer(
    name="keras-seq",
    help="Train sequence models side by side on long-sequence tasks and compare them.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run_command(arguments: list[str]) -> int:
    """Carry out one command line; returns its exit code."""
    try:
        code = app(args=arguments, standalone_mode=False, prog_name="keras-seq")
    except TyperException as error:
        message = error.format_message()
        end = "" if message.endswith((".", "?", ")")) else "."
        raise RequestError(f"{message}{end} See keras-seq --help.") from error
    except typer.Abort as error:  # ctrl+c, or the end of the input, at a question
        raise KeyboardInterrupt from error
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def dashboard(
    context: typer.Context,
    read_only: ReadOnly = False,
    keymap: Keymap = None,
    root: Root = ROOT,
) -> int:
    """Open the dashboard. --debug, anywhere, shows tracebacks."""
    if context.invoked_subcommand is not None:
        for option, is_given in (("--read-only", read_only), ("--keymap", keymap is not None)):
            if is_given:
                raise RequestError(
                    f"{option} is for dashboards: it comes after the command, where that opens "
                    f"one. Received: {option} before {context.invoked_subcommand}."
                )
        return 0
    if not sys.stdout.isatty():
        raise RequestError("The dashboard needs a terminal. keras-seq --help lists the commands.")
    return _open_dashboard(root, None, _keys(keymap), read_only=read_only)


@app.command()
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
    keys = {} if is_headless else _keys(keymap)  # before anything is started
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
    from experiments.backend import check_backend
    from experiments.launch import launch

    check_backend()
    launched = launch(root, config, lambda text: print(text, file=sys.stderr))
    if is_headless:
        from tui.headless import follow

        return follow(launched.folder, launched.supervisor, as_json=as_json)
    return _open_dashboard(root, config.name, keys)


@app.command()
def claim(
    letters: Annotated[list[str], typer.Argument(help="Claims, a to f, or all.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Small networks, short sequences, 3 seeds.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(help="Trials at a time; by cores and memory by default.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write a page of results to this file, too.")
    ] = None,
    as_json: Json = False,
    root: Root = ROOT,
) -> int:
    """Put claims of the study note to the test: run experiments, then judge by fixed rules."""
    from experiments.backend import check_backend
    from tui.claims import claims_called, settle

    claims = claims_called(letters)
    check_backend()
    return settle(claims, root, quick=quick, jobs=jobs, as_json=as_json, write_to=write)


@app.command("list")
def list_things(
    what: Annotated[str, typer.Argument(help="tasks, models or experiments.")] = "experiments",
    only: Annotated[
        str,
        typer.Option(
            "--filter", help="Some of the experiments: 'model:gru status:failed length>100'."
        ),
    ] = "",
    as_json: Json = False,
    root: Root = ROOT,
) -> int:
    """List experiments, tasks or models."""
    from tui import tables

    kinds = ("experiments", "tasks", "models")
    if what not in kinds:
        raise UnknownNameError("list", what, kinds)
    if what == "experiments":
        entries = read_all(root)
        query = parse(only, setting_names(entry.digest for entry in entries if entry.digest))
        rows: list[dict[str, Any]] = [
            tables.experiment_row(entry) for entry in entries if query.matches(entry.values)
        ]
        hint = f"No experiment in {root}. Start one: keras-seq run digits"
        if entries:
            hint = f"None of the {len(entries)} experiments in {root} matches {only}."
    elif only:
        raise RequestError(f"--filter: only experiments are filtered. Received: list {what}.")
    else:
        names = task_names() if what == "tasks" else model_names()
        rows = [tables.catalog_row(what, entry) for entry in names]
        hint = ""
    if as_json:
        print(json.dumps(rows))
    else:
        tables.print_rows(rows, hint)
    return 0


@app.command()
def show(name: Name, as_json: Json = False, root: Root = ROOT) -> int:
    """Print the standings of an experiment."""
    from tui import tables

    view = ExperimentReader(find_experiment(root, name)).read()
    if as_json:
        tables.print_json(view)
    else:
        tables.print_experiment(view)
    return 0


@app.command()
def attach(
    name: Name,
    headless: bool = False,
    read_only: ReadOnly = False,
    keymap: Keymap = None,
    root: Root = ROOT,
) -> int:
    """Watch an experiment, running or finished."""
    folder = find_experiment(root, name)
    if headless or not sys.stdout.isatty():
        from tui.headless import follow

        return follow(folder, None, as_json=False, read_only=read_only)
    return _open_dashboard(root, name, _keys(keymap), read_only=read_only)


for command in steering_commands.COMMANDS:
    app.command()(command)


@app.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    root: Root = ROOT,
) -> int:
    """Delete an experiment with all its files, unless it runs."""
    from experiments.deletion import delete as delete_experiment

    folder = find_experiment(root, name)
    if not yes:
        if not sys.stdin.isatty():
            raise RequestError(f"Deleting asks first. To delete {name} unasked, add --yes.")
        if not typer.confirm(f"Delete {folder.path} with everything in it?"):
            print("Nothing was deleted.")
            return 0
    delete_experiment(folder)
    print(f"Deleted {name}.")
    return 0


@app.command()
def serve(
    name: Annotated[
        str | None, typer.Argument(help="An experiment to open; the list of all by default.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="KERAS_SEQ_TOKEN",
            help="Who has it has the dashboard; random by default. Others on this machine see it "
            "in the list of processes, which they do not where the variable holds it.",
        ),
    ] = None,
    read_only: ReadOnly = False,
    root: Root = ROOT,
) -> int:
    """Serve the dashboard to a browser, on this machine alone by default."""
    if name is not None:
        find_experiment(root, name)
    try:
        from tui.serve import serve as serve_until_interrupted
    except ModuleNotFoundError as error:
        raise RequestError(
            f'{error.name} is not installed. Install it: pip install "keras-seq[serve]".'
        ) from error
    serve_until_interrupted(root, name, host=host, port=port, token=token, read_only=read_only)
    return 0


@app.command()
def keys(
    as_toml: Annotated[
        bool, typer.Option("--toml", help="Print a keymap that changes nothing, to begin with.")
    ] = False,
    as_json: Json = False,
) -> int:
    """List the keys of the dashboard; a keymap gives them others."""
    from tui import keymap, tables

    bound = keymap.all_bound()
    mine = {} if as_toml else keymap.read_keymap(keymap.keymap_path())
    if as_toml:
        print(keymap.as_toml(bound))
        return 0
    rows: list[dict[str, Any]] = [
        {
            "name": one.id,
            "keys": mine[one.id].split(",") if one.id in mine else list(one.keys),
            "what": one.tooltip,
        }
        for one in bound.values()
    ]
    if as_json:
        print(json.dumps(rows))
        return 0
    tables.print_rows([row | {"keys": " ".join(row["keys"])} for row in rows], "")
    path = keymap.keymap_path()
    print(f"For other keys put lines of keras-seq keys --toml, changed, in {path}.")
    return 0


@app.command()
def doctor(as_json: Json = False, root: Root = ROOT) -> int:
    """Say what this machine has: backend, devices, versions, terminal, root."""
    from tui.doctor import diagnose

    return diagnose(root, as_json=as_json)


# Textual takes 0.13 s to import; the other commands do without.
def _keys(keymap: Path | None) -> Mapping[str, str]:
    from tui.keymap import own_keymap

    return own_keymap(keymap)


def _open_dashboard(
    root: Path, name: str | None, keys: Mapping[str, str], *, read_only: bool = False
) -> int:
    from tui.terminal import asked

    # The terminal answers meanwhile.
    with asked(os.environ) as answer:
        from tui.session import open_dashboard

        found = answer()
    graphics = None if isinstance(found, str) else found
    return open_dashboard(root, name, keys, graphics, read_only=read_only)
