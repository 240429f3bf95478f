"""`keras-seq doctor`: what this machine has for training and for showing it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from experiments.backend import check_backend, configured_backend
from experiments.errors import KerasSeqError
from experiments.launch import versions
from tui.terminal import asked

PROBE_SECONDS = 120


def diagnose(root: Path, *, as_json: bool) -> int:
    """Print the findings; 0 when training can start, 1 when something stands in the way."""
    backend, problem = _backend()
    terminal = Console()
    root_problem = _root_problem(root)
    findings: dict[str, Any] = {
        "backend": backend["backend"],
        "devices": backend["devices"],
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB, "
        f"{psutil.virtual_memory().available / 2**30:.1f} GiB free",
        "versions": versions(),
        "terminal": {
            "is a terminal": sys.stdout.isatty(),
            "size": f"{terminal.width}x{terminal.height}",
            "colours": terminal.color_system or "none",
            "encoding": terminal.encoding,
            "TERM": os.environ.get("TERM", ""),
            "NO_COLOR": "NO_COLOR" in os.environ,
            "pixels": _pixels(),
        },
        "root": str(root.absolute()),
        "problems": [found for found in (problem, root_problem) if found],
    }
    if as_json:
        print(json.dumps(findings))
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for key, value in findings.items():
            table.add_row(key, _text(value))
        terminal.print(table)
    return 1 if findings["problems"] else 0


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key} {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return "\n".join(map(str, value)) or "none"
    return str(value)


def _backend() -> tuple[dict[str, Any], str]:
    """What Keras reports from a process of its own, and what kept it from reporting."""
    nothing = {"backend": configured_backend(), "devices": []}
    try:
        check_backend()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "experiments.backend"],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (KerasSeqError, subprocess.TimeoutExpired) as error:
        return nothing, str(error)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return nothing, f"Keras cannot be imported: {last}"
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found, ""


def _pixels() -> str:
    """What maps are drawn with, and why."""
    with asked(os.environ) as answer:
        graphics = answer()
    if isinstance(graphics, str):
        return f"no, half blocks: {graphics}"
    name = {"kitty": "Kitty graphics", "sixel": "Sixel"}[graphics.protocol]
    return f"{name}, cells of {graphics.cell_width}x{graphics.cell_height}"


def _root_problem(root: Path) -> str:
    """Why nothing can be written under `root`, or nothing."""
    folder = root.absolute()
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"Cannot write in {folder}: {error.strerror}. Choose another with --root."
