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
BENCHMARKS = ("start_up", "line_plot", "trial_overhead", "side_by_side")


def main() -> None:
    """Run the benchmarks named on the command line, or all; only all of them write the page."""
    chosen = sys.argv[1:] or BENCHMARKS
    unknown = set(chosen) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(BENCHMARKS)}.")
    parts = [_machine()]
    for name in chosen:
        print(f"{name} ...", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"],
            cwd=FOLDER.parent,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        parts.append(f"## {name}\n\n{done.stdout}")
        print(done.stdout)
    if not sys.argv[1:]:
        text = "# Results\n\nWritten by `make bench`; do not edit.\n\n" + "\n".join(parts)
        (FOLDER / "RESULTS.md").write_text(text.rstrip() + "\n")


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
