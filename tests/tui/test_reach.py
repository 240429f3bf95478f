"""Everything is reached by mouse and by keyboard, at every size, and what has the keys is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from staged import ROOT, screen_text, staged, until
from test_help import focusable
from textual.command import CommandPalette
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets._footer import FooterKey
from ways import WAYS, opened

from tui.app import KerasSeqApp
from tui.keymap import nodes
from tui.screens.ask_number import AskNumber
from tui.screens.ask_rate import AskRate
from tui.screens.ask_retry import AskRetry
from tui.screens.command_palette import Commands
from tui.screens.compare import CompareScreen
from tui.screens.dashboard import DashboardScreen
from tui.screens.document import DocumentScreen
from tui.screens.experiments import ExperimentsScreen
from tui.screens.help import HelpScreen, explained
from tui.screens.pane_screen import PaneScreen
from tui.screens.question import Question
from tui.screens.stop_all import StopAll
from tui.screens.too_small import LEAST, TooSmall
from tui.widgets.line_plot import LinePlot
from tui.widgets.trial_list import TrialList

pytestmark = pytest.mark.usefixtures("frozen", "no_rests")

NARROW, WIDE = (80, 24), (160, 50)
screens = pytest.mark.parametrize("kind", WAYS, ids=lambda kind: kind.__name__)
sizes = pytest.mark.parametrize("size", [NARROW, WIDE], ids=str)

DIALOGS: dict[type[ModalScreen[object]], Callable[[KerasSeqApp], ModalScreen[object]]] = {
    Question: lambda app: Question("Sure?", "It is gone then.", "Do it", "Leave it"),
    StopAll: lambda app: StopAll(3),
    AskNumber: lambda app: AskNumber("How many?", "Empty: as before.", None),
    AskRate: lambda app: AskRate(app.snapshot.view.trials[:2]),
    AskRetry: lambda app: AskRetry(app.snapshot.view.trials[:2]),
    DocumentScreen: lambda app: DocumentScreen("name = 'a'", Path("a.toml")),
    HelpScreen: lambda app: HelpScreen(explained(app.screen)),
}


def footer_keys(screen: Screen[object]) -> Iterator[FooterKey]:
    """What a click in the footer does: the keys that stand there as a whole."""
    for key in screen.query(FooterKey):
        is_whole = key.region and screen.region.contains_region(key.region)
        # What another part lies over cannot be clicked.
        if is_whole and screen.get_widget_at(*key.region.offset)[0] is key:
            yield key


async def clicked(pilot: Pilot[str], action: str) -> None:
    """Click on the key of the footer that does `action`, once it is there."""
    place = None
    while place is None:
        await pilot.pause()
        shown = {key.action: key.region.offset for key in footer_keys(pilot.app.screen)}
        place = shown.get(action)
    await pilot.click(offset=place)


@sizes
@screens
async def test_every_action_is_reached_by_mouse(
    kind: type[Screen[None]], size: tuple[int, int]
) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, app, kind)
        # One of each kind: those of a kind have the same keys.
        for widget in {type(widget): widget for widget in focusable(screen)}.values():
            screen.set_focus(widget, scroll_visible=False)
            shown: set[str] = set()
            while "command_palette" not in shown:  # the footer is made anew for the widget
                await pilot.pause()
                shown = {key.action for key in footer_keys(screen)}
            offered = {hit.help async for hit in Commands(screen).discover()}
            for active in screen.active_bindings.values():
                if active.enabled and active.binding.tooltip:
                    reached = active.binding.action in shown or active.binding.tooltip in offered
                    assert reached, f"{active.binding} of {widget}"


def test_every_dialog_is_asked_for() -> None:
    kinds = {kind for kind in nodes() if issubclass(kind, ModalScreen)}
    assert kinds == {*DIALOGS, TooSmall}


@sizes
@pytest.mark.parametrize("kind", DIALOGS, ids=lambda kind: kind.__name__)
async def test_a_dialog_has_all_its_keys_in_its_footer(
    kind: type[ModalScreen[object]], size: tuple[int, int]
) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot)
        screen = DIALOGS[kind](app)
        app.push_screen(screen)
        own = {binding.action for binding in kind.BINDINGS}
        await until(pilot, lambda: own <= {key.action for key in footer_keys(screen)})
        leave = next(b for b in kind.BINDINGS if "escape" in b.key)
        await clicked(pilot, leave.action)
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))


@pytest.mark.parametrize("size", [(60, 15), NARROW, (120, 40), WIDE, (240, 70)], ids=str)
@screens
async def test_what_has_the_keys_is_on_the_screen(
    kind: type[Screen[None]], size: tuple[int, int]
) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, app, kind)
        assert is_seen(screen.focused)
        for number in range(1, len(getattr(kind, "PANES", ())) + 1):
            await pilot.press(str(number))
            await until(pilot, lambda: screen.focused and is_seen(screen.focused))


def is_seen(widget: Widget | None) -> bool:
    """Whether a widget that has the keys is drawn, at least in part."""
    if widget is None or widget not in focusable(widget.screen):
        return False
    return bool(widget.screen.region.intersection(widget.region))


@pytest.mark.parametrize("kind", [kind for kind in WAYS if issubclass(kind, PaneScreen)])
async def test_the_pane_with_the_keys_stays_when_there_is_less_room(
    kind: type[PaneScreen],
) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, kind)
        for pane, selector in kind.FOCUS.items():
            chosen = screen.query_one(selector)
            if not is_seen_at_all(chosen):
                continue
            screen.set_focus(chosen)
            await pilot.resize_terminal(*NARROW)
            await until(pilot, lambda pane=pane: screen.pane == pane and is_seen(screen.focused))
            assert screen.query_one(f"#{pane}") in screen.focused.ancestors_with_self
            await pilot.resize_terminal(*WIDE)
            await until(pilot, lambda: is_seen(screen.focused))


def is_seen_at_all(widget: Widget) -> bool:
    """Whether there is room for a widget now."""
    return all(node.display for node in widget.ancestors_with_self)


async def test_the_footer_acts() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot, app, DashboardScreen)
        await clicked(pilot, "compare")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.focused)
        await clicked(pilot, "command_palette")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        # A click beside it takes it away.
        await pilot.click(offset=(0, 0))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))


async def test_tabs_of_a_narrow_screen_are_clicked() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=NARROW) as pilot:
        screen = await opened(pilot, app, DashboardScreen)
        bar = screen_text(app).splitlines()[2]
        await pilot.click(offset=(bar.index("Trials"), 2))
        await until(pilot, lambda: isinstance(screen.focused, TrialList))
        await pilot.click(offset=(bar.index("Curves"), 2))
        await until(pilot, lambda: isinstance(screen.focused, LinePlot))


async def test_a_plot_is_clicked_zoomed_and_dragged() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, DashboardScreen)
        plot, other = screen.query_one("#plot-1", LinePlot), screen.query_one("#plot-2", LinePlot)
        await pilot.click(plot, offset=(40, 6))
        assert plot.cursor_x is not None
        # The whole axis in view cannot be dragged along.
        await drag(pilot, plot, 60, 40)
        assert plot.x_limits is None
        await pilot.press("plus")
        await until(pilot, lambda: plot.x_limits)
        low, high = plot.x_limits
        frame = plot.frame
        columns = 10
        await drag(pilot, plot, 60, 60 - columns)
        moved = (frame.x_at(60) - frame.x_at(60 - columns), high - low)
        assert plot.x_limits == pytest.approx((low + moved[0], low + moved[0] + moved[1]))
        await until(pilot, lambda: other.x_limits == plot.x_limits)
        # Without a button the mouse only reads.
        before = plot.x_limits
        await pilot.hover(plot, offset=(30, 6))
        assert plot.x_limits == before
        # As far as the data goes, and there it stays.
        for _ in range(9):
            await drag(pilot, plot, 20, 60)
        assert plot.x_limits[0] == pytest.approx(min(curve.x[0] for curve in plot.curves))


async def drag(pilot: Pilot[str], plot: LinePlot, start: int, stop: int) -> None:
    await pilot.mouse_down(plot, offset=(start, 6))
    await pilot.hover(plot, offset=(stop, 6))
    await pilot.mouse_up(plot, offset=(stop, 6))
    await pilot.pause()


@pytest.mark.parametrize("size", [(59, 40), (120, 14), (1, 1)], ids=str)
@pytest.mark.parametrize("name", [None, "staged"])
async def test_too_small_a_terminal_says_what_it_needs(
    size: tuple[int, int], name: str | None
) -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, name)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, TooSmall))
        if size != (1, 1):
            said = " ".join(screen_text(app).split())
            assert said == (
                f"keras-seq needs {LEAST.width} columns and {LEAST.height} lines; "
                f"here are {size[0]} and {size[1]}. Make it larger, or press q."
            )
        await pilot.press("n")
        assert isinstance(app.screen, TooSmall)
        await pilot.resize_terminal(*LEAST)
        beneath = ExperimentsScreen if name is None else DashboardScreen
        await until(pilot, lambda: isinstance(app.screen, beneath) and is_seen(app.focused))
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: isinstance(app.screen, TooSmall))
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running


async def test_a_question_outlasts_too_small_a_terminal() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot, app, DashboardScreen)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, StopAll))
        await pilot.resize_terminal(20, 5)
        await until(pilot, lambda: isinstance(app.screen, TooSmall))
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: isinstance(app.screen, StopAll))
        assert Region(0, 0, *NARROW).contains_region(app.screen.query_one(".dialog").region)
