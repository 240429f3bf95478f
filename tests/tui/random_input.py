"""A person who presses, clicks, scrolls and resizes at random while an experiment grows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from staged import QUALITY, ROOT, STARTED, STEPS, Stage, completed, training, until
from textual import events
from textual.errors import NoWidget
from textual.pilot import Pilot
from textual.screen import Screen
from ways import opened as go_to

from experiments.events import Alerted, Event, StatusChanged
from experiments.status import Status
from tui.app import KerasSeqApp

KEYS = [
    *"123456789abcdefghijklmnoprstuvwxyzCKLOPRS?/.,;:<>+-=_[]{}()!# 0",
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *("shift+up", "shift+down", "shift+left", "shift+right", "ctrl+left", "ctrl+right"),
    *("f1", "ctrl+p", "ctrl+s", "backspace", "delete"),
    # Those that lead from one screen or widget to the next come up more often.
    *(["enter", "escape", "tab"] * 4),
    *("shift+tab", "e", "n", "c", "c"),
]
QUITTING = ["q", "ctrl+q"]
SIZES = [(80, 24), (120, 40), (160, 50), (240, 70)]
TINY = [(59, 15), (40, 10), (1, 1)]
"""Where a notice covers everything, so that nobody stays there for long."""
MOST_IN_TINY = 4
SCROLLS = {
    "scroll up": events.MouseScrollUp,
    "scroll down": events.MouseScrollDown,
    "scroll left": events.MouseScrollLeft,
    "scroll right": events.MouseScrollRight,
}


def journals() -> Iterator[tuple[str, list[Event]]]:
    """What befalls the trials of a staged experiment, a few records at a time."""
    rest = {
        f"{model}-s{seed}": iter(completed(model, seed)) for model in QUALITY for seed in (0, 1)
    }
    failure = StatusChanged(time=STARTED + 60, status=Status.FAILED, reason="out of memory")
    rest["gru-s2"] = iter([*training("gru", 2, STEPS // 2), failure])
    while rest:
        for trial, records in list(rest.items()):
            if some := list(islice(records, 11)):
                yield trial, some
            else:
                del rest[trial]


def alert(trial: str) -> Alerted:
    """A rule has found something."""
    return Alerted(
        time=STARTED + 9, trial=trial, attempt=1, rule="plateau", action="notify",
        message="validation loss has not fallen for 5 evaluations", step=50,
    )  # fmt: skip


class Person:
    """Acts on the dashboard, again and again until so many actions are done.

    It begins at `size` and on a screen of the kind `begin`, if they are given. `did` tells what
    was done, in an order that the seed alone decides; `seen` names the screens that were on top.
    """

    def __init__(
        self,
        seed: int,
        stage: Stage,
        *,
        begin: type[Screen[None]] | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        self._begin, self._size = begin, size
        self._in_tiny = 0
        self._random = random.Random(seed)
        self._stage = stage
        self._growth = journals()
        self.did: list[str] = []
        self.seen: set[str] = set()

    async def act(self, count: int) -> None:
        """Act so often; whoever has left comes back."""
        while len(self.did) < count:
            opened = self._random.choice([None, self._stage.folder.name])
            width, height = self._size or self._random.choice(SIZES)
            begin, self._begin, self._size, self._in_tiny = self._begin, None, None, 0
            if begin is not None:
                opened = self._stage.folder.name
            self.did.append(f"open {opened or 'the list'} at {width}x{height}")
            app = KerasSeqApp(ROOT, opened)
            async with app.run_test(size=(width, height)) as pilot:
                await until(pilot, lambda app=app: len(app.screen_stack) > 1)
                if begin is not None:
                    await go_to(pilot, app, begin)
                while len(self.did) < count and app.is_running:
                    self.seen.add(type(app.screen).__name__)
                    await self._do(pilot)
                    if app._exception is not None:
                        break
                    self._grow()

    def _grow(self) -> None:
        if self._random.random() < 0.3 and (grown := next(self._growth, None)):
            self._stage.write(*grown)
            if self._random.random() < 0.05:
                self._stage.supervise(alert(grown[0]))

    async def _do(self, pilot: Pilot[str]) -> None:
        dice, chance = self._random.random(), self._random
        # Drawn as parts of the screen: its size when this is done is not the seed's to know.
        across, down = chance.random(), chance.random()
        self._in_tiny += bool(self._in_tiny)
        width, height = pilot.app.size
        at, to = (
            (min(int(x * width), width - 1), min(int(y * height), height - 1))
            for x, y in ((across, down), (chance.random(), down))
        )
        if dice < 0.003:
            key = chance.choice(QUITTING)
            self.did.append(key)
            await pilot.press(key)
        elif dice < 0.13:
            times = chance.choice([1, 1, 2])
            self.did.append(f"click {at} x{times}")
            with suppress(NoWidget):  # the screen has just opened, and nothing is there yet
                await pilot.click(offset=at, times=times)
        elif dice < 0.14:
            self.did.append(f"drag {at} to {to}")
            with suppress(NoWidget):
                await pilot.mouse_down(offset=at)
                await pilot.hover(offset=to)
                await pilot.mouse_up(offset=to)
        elif dice < 0.19:
            name = chance.choice(list(SCROLLS))
            self.did.append(f"{name} {at}")
            x, y = at
            scroll = SCROLLS[name](None, x, y, 0, 0, 0, False, False, False, x, y)
            pilot.app.screen._forward_event(scroll)
            await pilot.pause()
        elif dice < 0.2 or self._in_tiny >= MOST_IN_TINY:
            size = chance.choice(SIZES if self._in_tiny else SIZES + TINY)
            self._in_tiny = int(size in TINY)
            self.did.append("resize {}x{}".format(*size))
            await pilot.resize_terminal(*size)
        else:
            key = chance.choice(KEYS)
            self.did.append(key)
            await pilot.press(key)
