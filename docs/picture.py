"""Draws the pictures of the README and of the tour from the real dashboard: `make picture`.

Runs the comparison that `make run` runs, for the README, and the one in `tour.toml`, for
`dashboard.md`; opens them at 160 by 50 and exports what is on the screen. With a folder on the
command line the tour is drawn from the experiment there, and nothing is trained.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tui.app import KerasSeqApp

SIZE = (160, 50)
HERE = Path(__file__).resolve().parent
README = HERE.parent / "experiments" / "configs" / "digits.toml"
TOUR = HERE / "tour.toml"

KEYS: dict[str, tuple[str, ...]] = {
    "dashboard": (),
    "compare": ("c",),
    "trial": ("enter",),
    "new-experiment": ("n",),
    "history": ("e",),
    "help": ("f1",),
}
"""The keys that lead from the dashboard to each picture of the tour."""


def main() -> None:
    """Write the pictures beside this file."""
    if len(sys.argv) > 1:
        tour(Path(sys.argv[1]).resolve())
        return
    with tempfile.TemporaryDirectory() as root:
        places = Path(root).resolve()
        draw(train(README, places / "readme" / "runs"), (), HERE / "dashboard.svg")
        tour(train(TOUR, places / "tour" / "runs"))


def train(config: Path, root: Path) -> Path:
    """The folder of a finished experiment."""
    program = str(Path(sys.executable).with_name("keras-seq"))
    options = ["--headless", "--name", config.stem, "--root", str(root)]
    subprocess.run([program, "run", str(config), *options], check=True)
    return root / config.stem


def tour(folder: Path) -> None:
    """Draw every screen of the tour."""
    for name, keys in KEYS.items():
        draw(folder, keys, HERE / f"tour-{name}.svg")


def draw(folder: Path, keys: tuple[str, ...], picture: Path) -> None:
    """Export a screen of a finished experiment."""

    async def export() -> str:
        # Relative, so that no picture holds the name of a temporary folder.
        os.chdir(folder.parent.parent)
        app = KerasSeqApp(Path(folder.parent.name), folder.name)
        async with app.run_test(size=SIZE) as pilot:
            while "completed" not in app.export_screenshot():
                await pilot.pause(0.1)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(1)
            await pilot.pause(1)
            return app.export_screenshot(title="keras-seq")

    svg = asyncio.run(export())
    # The exporter asks for web fonts; a page shows pictures without the network.
    picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))
    print(f"Wrote {picture}")


if __name__ == "__main__":
    main()
