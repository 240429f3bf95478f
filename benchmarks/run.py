"""Runs every benchmark and writes `RESULTS.md`: `make bench`; or those named as arguments."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil

from experiments.launch import versions

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
BENCHMARKS = (
    "start_up",
    "line_plot",
    "history",
    "dashboard",
    "trial_overhead",
    "recording",
    "task_generation",
    "training_loop",
    "side_by_side",
    "recurrence",
    "cost_curves",
    "attention",
)


def main() -> None:
    """Run the benchmarks named on the command line, or all, and renew their sections."""
    chosen = sys.argv[1:] or BENCHMARKS
    unknown = set(chosen) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(BENCHMARKS)}.")
    for name in chosen:
        print(f"{name} ...", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"],
            cwd=FOLDER.parent,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        print(done.stdout)
        _renew(name, f"{_machine()}\n{done.stdout.strip()}\n")


def _renew(name: str, text: str) -> None:
    """Replace one section of the page; the others keep the machine and date of their own run."""
    page = RESULTS.read_text() if RESULTS.exists() else ""
    sections = dict(part.split("\n\n", 1) for part in page.split("\n## ")[1:])
    sections[name] = text
    parts = [f"## {key}\n\n{sections[key].strip()}\n" for key in BENCHMARKS if key in sections]
    RESULTS.write_text("\n".join(["# Results\n\nWritten by `make bench`; do not edit.\n", *parts]))


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{datetime.date.today()}: {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.machine()} {platform.system()}; "
        + ", ".join(f"{name} {version}" for name, version in versions().items())
        + "\n"
    )


if __name__ == "__main__":
    main()
