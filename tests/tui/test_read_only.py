"""A session that only watches: nothing it can do changes a file."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import ClassVar

import pytest
from staged import ROOT, calm, screen_text, staged, until
from textual.binding import Binding, BindingType
from textual.pilot import Pilot

import tui
from experiments.steering import Action
from tui import messages
from tui.app import KerasSeqApp
from tui.keymap import nodes
from tui.messages import ChangeAsked, LaunchAsked, SteeringAsked
from tui.read_only import CHANGING, LOOKING
from tui.screens.command_palette import Commands
from tui.screens.dashboard import DashboardScreen
from tui.screens.help import HelpScreen
from tui.screens.trial import TrialScreen

pytestmark = pytest.mark.usefixtures("frozen")


def actions() -> set[str]:
    """The name of every action that we wrote."""
    return {
        name.partition("action_")[2]
        for kind in nodes()
        for name in vars(kind)
        if name.startswith(("action_", "_action_"))
    }


def test_every_action_is_known_to_change_something_or_nothing() -> None:
    assert {"stop_trial", "zoom"} <= actions()
    undecided = actions() - CHANGING - LOOKING
    assert not undecided, f"say in tui/read_only.py whether these change anything: {undecided}"
    assert not CHANGING & LOOKING
    assert actions() == CHANGING | LOOKING, "an action that is no more"


def test_every_message_that_asks_for_a_change_can_be_dropped() -> None:
    asking = {
        kind
        for name, kind in inspect.getmembers(messages, inspect.isclass)
        if name.endswith("Asked")
    }
    assert {SteeringAsked, LaunchAsked} <= asking
    assert all(issubclass(kind, ChangeAsked) for kind in asking)


def digest(root: Path) -> dict[Path, str]:
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in root.rglob("*")
    }


async def everything_offered(app: KerasSeqApp, pilot: Pilot[None]) -> int:
    """Carry out whatever the palette offers on the screen on top and does not leave it for good."""
    done, screen = 0, app.screen
    # One of `Open trial ...`, one of `Stop trial ...`, and so on.
    kinds = {tuple(title.split()[:2]): title for title, _, _ in Commands(screen)._commands()}
    kinds.pop(("Show", "experiment"))  # which leaves the screen
    for title in sorted({*kinds.values()} - {"Back", "Open", "Quit"}):
        # The cursor may have moved, and with it what there is to do.
        for found, callback, _ in Commands(screen)._commands():
            if found == title:
                answer = callback()
                if inspect.isawaitable(answer):
                    await answer
                done += 1
        await pilot.pause()
        while app.screen is not screen:
            app.pop_screen()
            await pilot.pause()
    return done


async def test_nothing_that_is_offered_changes_a_file() -> None:
    staged("other").finish()
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged", read_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.snapshot)
        before = digest(ROOT)
        assert await everything_offered(app, pilot) > 10
        app.post_message(messages.TrialChosen("gru-s2"))
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        assert await everything_offered(app, pilot) > 5
        await pilot.press("e")
        await calm(pilot)
        assert await everything_offered(app, pilot) > 0
        assert digest(ROOT) == before


async def test_the_same_would_stop_a_trial_otherwise() -> None:
    """The walk above does what can be done."""
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.snapshot)
        before = digest(ROOT)
        await everything_offered(app, pilot)
        await until(pilot, lambda: digest(ROOT) != before)


async def test_keys_that_change_something_are_absent() -> None:
    stage = staged()
    stage.half_way()
    app = KerasSeqApp(ROOT, "staged", read_only=True)
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        named = {active.binding.action for active in app.screen.active_bindings.values()}
        assert "next_metric" in named
        assert not named & CHANGING
        for key in ("S", "s", "n"):
            await pilot.press(key)
            assert isinstance(app.screen, DashboardScreen)
        text = await calm(pilot)
        assert "read-only" in text.splitlines()[-1]
        assert "Stop" not in text
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "Stop the chosen trial" not in screen_text(app)
        titles = [title for title, _, _ in Commands(app.screen_stack[-2])._commands()]
        assert "Open trial gru-s2" in titles
        assert not [title for title in titles if title.startswith(("Stop", "New"))]


@pytest.mark.parametrize("read_only", [True, False])
async def test_messages_that_ask_for_a_change_go_nowhere(read_only: bool) -> None:
    stage = staged()
    stage.half_way()
    control = stage.folder.trial("gru-s2").control
    app = KerasSeqApp(ROOT, "staged", read_only=read_only)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        app.screen.post_message(SteeringAsked(Action.STOP, ("gru-s2",)))
        if not read_only:
            await until(pilot, control.exists)
        await calm(pilot)
        assert control.exists() is not read_only


class Forgetful(KerasSeqApp):
    """An app with an action of which nobody has said what it does."""

    CSS_PATH = Path(tui.__path__[0]) / "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("z", "wipe", "Wipe", id="app.wipe")]
    wiped = False

    def action_wipe(self) -> None:
        self.wiped = True


@pytest.mark.parametrize("read_only", [True, False])
async def test_an_action_that_was_forgotten_does_not_work(read_only: bool) -> None:
    staged().half_way()
    app = Forgetful(ROOT, "staged", read_only=read_only)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        assert ("z" in app.screen.active_bindings) is not read_only
        await pilot.press("z")
        assert app.wiped is not read_only
        app.wiped = False
        assert await app.run_action("app.wipe", app.screen) is not read_only
        assert app.wiped is not read_only


async def test_textuals_own_actions_work() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged", read_only=True)
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        before = app.focused
        await pilot.press("tab")
        assert app.focused is not before
        await pilot.press("ctrl+p")
        await until(pilot, lambda: len(app.screen_stack) == 3)
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 2)
