"""Everything that can have the keys explains itself, and every key is shown and reached."""

from __future__ import annotations

import pytest
from staged import ROOT, screen_text, staged, until
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static
from ways import WAYS, opened

from tui.app import KerasSeqApp
from tui.keymap import nodes
from tui.screens.experiments import ExperimentsScreen
from tui.screens.help import HelpScreen, explained
from tui.screens.new_experiment import NewExperiment
from tui.widgets.leaderboard_table import LeaderboardTable

pytestmark = pytest.mark.usefixtures("frozen")

screens = pytest.mark.parametrize("kind", WAYS, ids=lambda kind: kind.__name__)


def test_every_screen_is_walked() -> None:
    found = {
        kind
        for kind in nodes()
        if issubclass(kind, Screen)
        and not issubclass(kind, ModalScreen)
        and "compose" in vars(kind)
    }
    assert found == set(WAYS)


def focusable(screen: Screen[None]) -> list[Widget]:
    """Every widget on screen that can have the keys."""
    return [
        widget
        for widget in screen.query("*").results(Widget)
        if widget.focusable and all(node.display for node in widget.ancestors_with_self)
    ]


@screens
async def test_every_widget_explains_itself_and_every_key_is_shown(
    kind: type[Screen[None]],
) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot, app, kind)
        widgets = focusable(screen)
        assert widgets
        for widget in widgets:
            screen.set_focus(widget, scroll_visible=False)
            first = explained(screen)[0]
            assert first.title, f"{widget} has no HELP"
            assert first.text, f"{widget} has a title and no HELP"
            shown = " ".join(keys for part in explained(screen) for keys, _ in part.keys).split()
            for active in screen.active_bindings.values():
                # What Textual's own widgets do with their keys has no tooltip.
                if active.binding.tooltip and active.enabled:
                    display = app.get_key_display(active.binding)
                    assert display in shown, f"{display} of {active.node} is not in the help"


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
@screens
async def test_tab_reaches_every_widget(kind: type[Screen[None]], size: tuple[int, int]) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, app, kind)
        reached = set()
        for _ in focusable(screen):
            reached.add(screen.focused)
            await pilot.press("tab")
        assert set(focusable(screen)) == reached


@pytest.mark.parametrize("kind", sorted(nodes(), key=lambda kind: kind.__qualname__))
def test_every_binding_has_an_id_a_tooltip_and_an_action(kind: type[DOMNode]) -> None:
    for binding in vars(kind).get("BINDINGS", ()):
        assert isinstance(binding, Binding)
        assert binding.id, binding
        assert binding.tooltip, binding
        name = binding.action.partition("(")[0].rpartition(".")[2]
        found = any(hasattr(kind, f"{start}{name}") for start in ("action_", "_action_"))
        # A part of a screen may leave its action to the screen, which has no such method here.
        assert found, f"{kind.__name__} binds {binding.key} to {name}, which it cannot do"


async def test_what_has_the_keys_comes_first() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot and app.screen.focused)
        app.screen.query_one(LeaderboardTable).focus()
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and app.screen.is_mounted)
        titles = [str(title.render()) for title in app.screen.query(".title").results(Static)]
        assert titles[:3] == ["Leaderboard", "Dashboard", "Everywhere"]
        assert "Sort the other way round" in screen_text(app)


async def test_the_form_has_help() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewExperiment))
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, NewExperiment))
