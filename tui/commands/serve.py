"""The dashboard in a browser: `keras-seq serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.errors import RequestError
from experiments.store import find_experiment
from tui.options import ROOT, ReadOnly, Root


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
