"""Draws the README's picture from the real dashboard: `make picture`.

Runs the comparison that `make run` runs, or takes the experiment named on the command line, opens
it in the dashboard at 160 by 50 and exports what is on the screen.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tui.app import KerasSeqApp

SIZE = (160, 50)
CONFIG = Path(__file__).parents[1] / "experiments" / "configs" / "digits.toml"
PICTURE = Path(__file__).with_name("dashboard.svg")


def main() -> None:
    """Write `dashboard.svg` beside this file."""
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        draw(folder.parent, folder.name)
        return
    with tempfile.TemporaryDirectory() as root:
        program = str(Path(sys.executable).with_name("keras-seq"))
        options = ["--headless", "--name", CONFIG.stem, "--root", root]
        subprocess.run([program, "run", str(CONFIG), *options], check=True)
        draw(Path(root), CONFIG.stem)


def draw(root: Path, name: str) -> None:
    """Export the dashboard of a finished experiment."""

    async def export() -> str:
        app = KerasSeqApp(root, name)
        async with app.run_test(size=SIZE) as pilot:
            while "completed" not in app.export_screenshot():
                await pilot.pause(0.1)
            await pilot.pause(1)
            return app.export_screenshot(title="keras-seq")

    svg = asyncio.run(export())
    # The exporter asks for web fonts; a README shows pictures without the network.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))
    print(f"Wrote {PICTURE}")


if __name__ == "__main__":
    main()
