"""Draws the pictures of the README and of the tour from the real dashboard: `make picture`.

Trains what `make run` trains in a terminal inside tmux, for the README, and the experiments in
`tour`, for `dashboard.md`; opens those at 160 by 50 and exports what is on the screen. With a
folder on the command line the tour is drawn from the experiments there, and nothing is trained.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import FrameType
from typing import NoReturn

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

AT_ONCE = 4
"""Screens that are drawn side by side."""
KEY_SECONDS = 0.3
SCREEN_SECONDS = 1.5
"""What a screen may wait for besides its own work: files are looked into now and then."""


def main() -> None:
    """Write the pictures beside this file."""
    signal.signal(signal.SIGTERM, ended)
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
            try:
                # What a rule stops is not completed, which the exit code says.
                subprocess.run([*PROGRAM, "run", str(config), *options], check=False)
            except BaseException:  # whoever ends this ends what trains
                stop(config.stem, root)
                raise
        tour(root)


def readme(root: Path) -> str:
    """What a terminal shows in which models train."""
    name = README.stem
    # Neither a person's keys nor their theme.
    settings = {name: str(root.parent) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    run = (*PROGRAM, "run", str(README), "--name", name, "--root", root.name)
    try:
        with Terminal(run, root.parent, SIZE, settings) as terminal:
            terminal.wait(is_enough)
            return terminal.svg(TITLE)
    finally:
        stop(name, root)


def stop(name: str, root: Path) -> None:
    """Stop what still trains of an experiment, and wait for its end."""
    for command in (("stop", name, "--kill"), ("attach", name, "--headless")):
        subprocess.run(
            [*PROGRAM, *command, "--root", str(root)], stdout=subprocess.DEVNULL, check=False
        )


def ended(number: int, _frame: FrameType | None) -> NoReturn:
    """End as after an interrupt: what was started ends, too."""
    sys.exit(128 + number)


def is_enough(shown: str) -> bool:
    """Whether the header tells of enough progress."""
    found = re.search(r" (\d+)%  ", shown)
    return found is not None and int(found[1]) >= ENOUGH


def tour(root: Path) -> None:
    """Draw every screen of the tour."""
    # Relative, so that no picture holds the name of a temporary folder.
    os.chdir(root.parent)
    # An app mostly waits, so they do that side by side, in processes that know nothing of others.
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as processes:
        drawn = {
            name: processes.submit(screen, Path(root.name), experiment, keys)
            for name, (experiment, keys) in KEYS.items()
        }
        for name, svg in drawn.items():
            write(HERE / f"tour-{name}.svg", svg.result())


def screen(root: Path, experiment: str, keys: tuple[str, ...]) -> str:
    """What is on the screen of a finished experiment after some keys."""
    return asyncio.run(exported(root, experiment, keys))


async def exported(root: Path, experiment: str, keys: tuple[str, ...]) -> str:
    """The same, in an event loop."""
    app = KerasSeqApp(root, experiment)
    async with app.run_test(size=SIZE) as pilot:
        while app.snapshot is None:
            await pilot.pause(0.1)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()  # until it rests
            await pilot.pause(KEY_SECONDS)
        await pilot.pause(SCREEN_SECONDS)
        return app.export_screenshot(title=TITLE)


def write(picture: Path, svg: str) -> None:
    """Put it in its place."""
    # The exporter asks for web fonts; a page shows pictures without the network.
    picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))
    print(f"Wrote {picture}")


if __name__ == "__main__":
    main()
