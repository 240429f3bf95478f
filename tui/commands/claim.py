"""The study note put to the test: `keras-seq claim`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.backend import check_backend
from tui.claims import claims_called, settle
from tui.options import ROOT, Json, Root


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
    claims = claims_called(letters)
    check_backend()
    return settle(claims, root, quick=quick, jobs=jobs, as_json=as_json, write_to=write)
