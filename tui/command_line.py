"""The command line: `keras-seq` alone, which opens the dashboard, and its commands by name."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from experiments.errors import RequestError, UnknownNameError
from tui.opening import keys_of, open_dashboard
from tui.options import ROOT, Keymap, ReadOnly, Root

COMMANDS = {
    "run": "run:run",
    "claim": "claim:claim",
    "list": "list:list_things",
    "show": "show:show",
    "export": "export:export",
    "attach": "attach:attach",
    "stop": "steer:stop",
    "pause": "steer:pause",
    "resume": "steer:resume",
    "retry": "steer:retry",
    "checkpoint": "steer:checkpoint",
    "rate": "steer:rate",
    "delete": "delete:delete",
    "serve": "serve:serve",
    "keys": "keys:keys",
    "doctor": "doctor:doctor",
}
"""A file of `tui.commands` and a function of it, by name: imported only to be carried out."""

_SETTINGS: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Commands(TyperGroup):
    """Makes a command when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every name, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command called `cmd_name`; raises `UnknownNameError`."""
        if cmd_name not in COMMANDS:
            raise UnknownNameError("command", cmd_name, COMMANDS)
        file, _, function = COMMANDS[cmd_name].partition(":")
        alone = typer.Typer(**_SETTINGS)
        alone.command(cmd_name)(getattr(import_module(f"tui.commands.{file}"), function))
        return typer.main.get_command(alone)


app = typer.Typer(
    name="keras-seq",
    cls=Commands,
    help="Train sequence models side by side on long-sequence tasks and compare them.",
    no_args_is_help=False,
    **_SETTINGS,
)


def run_command(arguments: list[str]) -> int:
    """Carry out one command line; returns its exit code."""
    command = typer.main.get_command(app)
    try:
        code = command(args=arguments, standalone_mode=False, prog_name="keras-seq")
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
    return open_dashboard(root, None, keys_of(keymap), read_only=read_only)
