"""Numbers for other tools: `keras-seq export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from experiments.errors import RequestError, UnknownNameError
from experiments.export import as_csv
from experiments.reader import ExperimentReader
from experiments.store import find_experiment
from experiments.store import replace as write_file
from tui.options import ROOT, Name, Root, check_writable

FORMATS = {"csv": as_csv}


def export(
    name: Name,
    to: Annotated[str, typer.Option("--to", help="The format: csv.")] = "csv",
    write: Annotated[
        Path | None, typer.Option(help="Write to this file, in place of the standard output.")
    ] = None,
    root: Root = ROOT,
) -> int:
    """Print all that was measured, a line each, for other tools to read."""
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    if write is None and sys.stdout.isatty():
        raise RequestError(
            f"All measurements are more than anybody reads. Write them to a file: "
            f"keras-seq export {name} --write {name}.{to}"
        )
    check_writable(write)
    text = FORMATS[to](ExperimentReader(find_experiment(root, name)).read())
    if write is None:
        sys.stdout.write(text)
    else:
        write_file(write, text.encode())
        print(f"Wrote {write}")
    return 0
