"""A person who presses, clicks, scrolls and resizes at random while an experiment grows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from staged import QUALITY, ROOT, STARTED, STEPS, Stage, completed, training, until
from textual import events
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
SIZES = [(80, 24), (120, 40), (160, 50), (240, 70), (40, 10), (1, 1)]
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

    It begins on a screen of the kind `begin`, if that is given. `did` tells what was done, in an
    order that the seed alone decides; `seen` names the screens that were on top.
    """

    def __init__(self, seed: int, stage: Stage, begin: type[Screen[None]] | None = None) -> None:
        self._begin = begin
        self._random = random.Random(seed)
        self._stage = stage
        self._growth = journals()
        self.did: list[str] = []
        self.seen: set[str] = set()

    async def act(self, count: int) -> None:
        """Act so often; whoever has left comes back."""
        while len(self.did) < count:
            opened = self._random.choice([None, self._stage.folder.name])
            width, height = self._random.choice(SIZES)
            begin, self._begin = self._begin, None
            if begin is not None:
                opened, (width, height) = self._stage.folder.name, SIZES[1]
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
        width, height = pilot.app.size
        at = (min(int(across * width), width - 1), min(int(down * height), height - 1))
        if dice < 0.003:
            key = chance.choice(QUITTING)
            self.did.append(key)
            await pilot.press(key)
        elif dice < 0.13:
            times = chance.choice([1, 1, 2])
            self.did.append(f"click {at} x{times}")
            await pilot.click(offset=at, times=times)
        elif dice < 0.19:
            name = chance.choice(list(SCROLLS))
            self.did.append(f"{name} {at}")
            x, y = at
            scroll = SCROLLS[name](None, x, y, 0, 0, 0, False, False, False, x, y)
            pilot.app.screen._forward_event(scroll)
            await pilot.pause()
        elif dice < 0.2:
            size = chance.choice(SIZES)
            self.did.append("resize {}x{}".format(*size))
            await pilot.resize_terminal(*size)
        else:
            key = chance.choice(KEYS)
            self.did.append(key)
            await pilot.press(key)
