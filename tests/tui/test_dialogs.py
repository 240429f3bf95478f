"""What dialogs look like, on the least terminal too; what they do is tested with their screens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from staged import ROOT, STARTED, calm, check_snapshot, staged, until
from textual.screen import ModalScreen

from experiments.events import CheckpointSaved
from tui.app import KerasSeqApp
from tui.screens.ask_number import AskNumber
from tui.screens.ask_rate import AskRate
from tui.screens.ask_retry import AskRetry
from tui.screens.document import DocumentScreen
from tui.screens.question import Question

pytestmark = pytest.mark.usefixtures("frozen")

SIZES = ((60, 15), (80, 24), (160, 50))
DOCUMENT = '[task]\nname = "adding"\nlength = 20\n' + "".join(
    f'\n[[models]]\nname = "{name}"\nunits = {units}\n'
    for name, units in (("lstm", 64), ("gru", 73), ("simple_rnn", 127))
)


def failed(app: KerasSeqApp) -> AskRetry:
    trial = app.snapshot.view.trial("simple_rnn-s0") if app.snapshot else None
    assert trial
    return AskRetry([trial])


DIALOGS: dict[str, tuple[Callable[[KerasSeqApp], ModalScreen], str]] = {
    "ask-number": (
        lambda app: AskNumber(
            "Compare at how many steps?",
            "Empty: the largest budget that all trials have reached.",
            4000.0,
            is_positive=True,
        ),
        "x",
    ),
    "ask-rate": (lambda app: AskRate(app.snapshot.view.trials[:2]), "x.5"),
    "ask-rate-wrong": (lambda app: AskRate(app.snapshot.view.trials[:1]), "fast"),
    "ask-retry": (failed, ""),
    "question": (
        lambda app: Question(
            "Delete staged?", "All its files are lost, 1.2 MB.", "Delete", "Keep it"
        ),
        "",
    ),
    "document": (lambda app: DocumentScreen(DOCUMENT, Path("adding.toml")), ""),
}
"""A dialog, and what is typed into it; what is wrong is entered."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DIALOGS)
async def test_all_of_it_is_seen(name: str, size: tuple[int, int]) -> None:
    stage = staged()
    stage.half_way()
    stage.write("simple_rnn-s0", [CheckpointSaved(time=STARTED + 20, step=20, seconds=1.0, size=9)])
    app = KerasSeqApp(ROOT, "staged")
    make, typed = DIALOGS[name]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and app.pulse)
        dialog = make(app)
        app.push_screen(dialog)
        await until(pilot, lambda: app.screen is dialog and app.focused is not None)
        await pilot.press(*typed)
        if name in ("ask-number", "ask-rate-wrong"):
            await pilot.press("enter")
        await calm(pilot)
        room = dialog.query_one(".dialog").content_region
        for part in dialog.query("Label, Button, Input"):
            assert room.contains_region(part.region), part
        await check_snapshot(pilot, f"dialog-{name}")
