"""The arguments that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.errors import RequestError
from experiments.root import ROOT_VARIABLE, default_root

ROOT = default_root()
Root = Annotated[
    Path, typer.Option("--root", help="Folder of the experiments.", envvar=ROOT_VARIABLE)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="A dashboard that can change nothing.")]
Keymap = Annotated[
    Path | None,
    typer.Option(
        "--keymap", help="A file of keys, as keras-seq keys --toml prints it, in place of your own."
    ),
]
Name = Annotated[str, typer.Argument(help="An experiment under the root.")]
Trial = Annotated[
    str | None, typer.Argument(help="One trial, or a model for all of its trials; all by default.")
]


def check_writable(file: Path | None) -> None:
    """Refuse what `--write` names where that is in no folder."""
    if file is not None and not file.absolute().parent.is_dir():
        raise RequestError(f"--write: expected a file in a folder that exists. Received: {file}.")
