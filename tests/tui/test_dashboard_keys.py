"""Whatever is pressed, nothing breaks."""

from __future__ import annotations

import random

import pytest
from staged import ROOT, staged, until

from experiments import backend
from experiments.errors import RequestError
from tui.app import KerasSeqApp

pytestmark = pytest.mark.usefixtures("frozen")

KEYS = [
    *"1234mlhsSneyxjk?0+-/[] caobt.u<>rpPKRLCf",
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *("enter", "escape", "tab", "shift+tab", "f1", "ctrl+p", "ctrl+s", "backspace"),
    *("shift+left", "shift+right", "space"),
]
COUNT = 100


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_random_keys(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise RequestError("Nothing starts here.")

    monkeypatch.setattr(backend, "check_backend", refuse)
    staged().half_way()
    staged("other").finish()
    rng = random.Random(seed)
    app = KerasSeqApp(ROOT, None if seed == 3 else "staged")
    async with app.run_test(size=rng.choice([(80, 24), (120, 40), (40, 10)])) as pilot:
        await until(pilot, lambda: app.pulse or seed == 3)
        for _ in range(COUNT):
            await pilot.press(rng.choice(KEYS))
        assert app.is_running
