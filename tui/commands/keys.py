"""What the keys of the dashboard do: `keras-seq keys`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from tui import keymap, tables
from tui.options import Json


def keys(
    as_toml: Annotated[
        bool, typer.Option("--toml", help="Print a keymap that changes nothing, to begin with.")
    ] = False,
    as_json: Json = False,
) -> int:
    """List the keys of the dashboard; a keymap gives them others."""
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
