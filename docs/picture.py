"""Draws the pictures of the README and of the tour from the real dashboard: `make picture`.

Trains what `make run` trains in a terminal inside tmux, for the README, and the experiments in
`tour`, for `dashboard.md`; opens those at 160 by 50 and exports what is on the screen. With a
folder on the command line the tour is drawn from the experiments there, and nothing is trained.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.terminal import Terminal, has_tmux
from tui.app import KerasSeqApp

SIZE = (160, 50)
TITLE = "keras-seq"
PROGRAM = (sys.executable, "-m", "tui.cli")
HERE = Path(__file__).resolve().parent
README = HERE.parent / "experiments" / "configs" / "digits.toml"
TOUR = HERE / "tour"
ENOUGH = 90
"""Percent of the training after which the README's picture is taken: much is known by then, and
some trials still train."""

_INSIDE = (*["down"] * 4, "enter", "4", "right_parenthesis")
KEYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dashboard": ("reverse", ()),
    "alerts": ("adding", ("tab",) * 5),
    "compare": ("reverse", ("c",)),
    "trial": ("reverse", ("enter",)),
    "attention": ("reverse", _INSIDE),
    "gates": ("reverse", (*_INSIDE, "w", "w")),
    "new-experiment": ("reverse", ("n",)),
    "history": ("reverse", ("e",)),
    "filter": ("reverse", ("e", "slash", *"model:gru")),
    "replay": ("reverse", ("e", "t", *["shift+left"] * 5)),
    "help": ("reverse", ("f1",)),
}
"""For each picture of the tour the experiment and the keys that lead there from its dashboard."""


def main() -> None:
    """Write the pictures beside this file."""
    if len(sys.argv) > 1:
        tour(Path(sys.argv[1]).resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "runs"
        if has_tmux():
            write(HERE / "dashboard.svg", readme(root))
        else:
            print(
                "dashboard.svg is what a terminal shows and needs tmux (Debian: apt install tmux); "
                "drawing the others.",
                file=sys.stderr,
            )
        for config in sorted(TOUR.glob("*.toml")):
            options = ("--headless", "--name", config.stem, "--root", str(root))
            # What a rule stops is not completed, which the exit code says.
            subprocess.run([*PROGRAM, "run", str(config), *options], check=False)
        tour(root)


def readme(root: Path) -> str:
    """What a terminal shows in which models train."""
    name = README.stem
    # Neither a person's keys nor their theme.
    settings = {name: str(root.parent) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    run = (*PROGRAM, "run", str(README), "--name", name, "--root", root.name)
    with Terminal(run, root.parent, SIZE, settings) as terminal:
        terminal.wait(is_enough)
        svg = terminal.svg(TITLE)
    for command in (("stop", name, "--kill"), ("attach", name, "--headless")):
        subprocess.run(
            [*PROGRAM, *command, "--root", str(root)], stdout=subprocess.DEVNULL, check=False
        )
    return svg


def is_enough(shown: str) -> bool:
    """Whether the header tells of enough progress."""
    found = re.search(r" (\d+)%  ", shown)
    return found is not None and int(found[1]) >= ENOUGH


def tour(root: Path) -> None:
    """Draw every screen of the tour."""
    # Relative, so that no picture holds the name of a temporary folder.
    os.chdir(root.parent)
    for name, (experiment, keys) in KEYS.items():
        svg = asyncio.run(exported(Path(root.name), experiment, keys))
        write(HERE / f"tour-{name}.svg", svg)


async def exported(root: Path, experiment: str, keys: tuple[str, ...]) -> str:
    """What is on the screen of a finished experiment after some keys."""
    app = KerasSeqApp(root, experiment)
    async with app.run_test(size=SIZE) as pilot:
        while app.snapshot is None:
            await pilot.pause(0.1)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(1.5 if len(key) == 1 else 0.3)
        await pilot.pause(2)
        return app.export_screenshot(title=TITLE)


def write(picture: Path, svg: str) -> None:
    """Put it in its place."""
    # The exporter asks for web fonts; a page shows pictures without the network.
    picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))
    print(f"Wrote {picture}")


if __name__ == "__main__":
    main()
