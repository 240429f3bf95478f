"""All that can be done can be done from the palette."""

from __future__ import annotations

from pathlib import Path

import pytest
from staged import ROOT, staged, until
from textual.screen import Screen
from ways import WAYS, opened

from tui.app import KerasSeqApp
from tui.kept_theme import keep_theme, read_theme, theme_path
from tui.screens.command_palette import Commands
from tui.themed_app import THEME

pytestmark = pytest.mark.usefixtures("frozen")


@pytest.mark.parametrize("kind", WAYS, ids=lambda kind: kind.__name__)
async def test_it_offers_every_action(kind: type[Screen[None]]) -> None:
    staged("other").finish()
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await opened(pilot, app, kind)
        offered = [hit.help async for hit in Commands(screen).discover()]
        found = [title for title, _, _ in Commands(screen)._commands()]
        # The palette has no line for itself.
        own = [active for active in screen.active_bindings.values() if not active.binding.system]
        asked = {a.binding.tooltip for a in own if a.enabled and a.binding.tooltip}
        assert asked
        assert asked <= set(offered)
        assert {"Show experiment staged", "Show experiment other"} <= set(found)
        assert {"Open trial gru-s2", "Theme keras-seq", "Theme nord"} <= set(found)


async def test_another_experiment() -> None:
    staged("other").finish()
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot)
        found = {title: callback for title, callback, _ in Commands(app.screen)._commands()}
        found["Show experiment other"]()
        await until(pilot, lambda: app.snapshot and app.snapshot.view.name == "other")


async def test_a_theme_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = theme_path()
    assert path == tmp_path / "state" / "keras-seq" / "theme"
    app = KerasSeqApp(ROOT, theme_file=path)
    assert app.theme == THEME.name
    async with app.run_test() as pilot:
        found = {title: callback for title, callback, _ in Commands(app.screen)._commands()}
        await pilot.pause()
        assert read_theme(path) is None, "nobody has chosen yet"
        found["Theme nord"]()
        await until(pilot, lambda: read_theme(path) == "nord")
    assert KerasSeqApp(ROOT, theme_file=path).theme == "nord"
    keep_theme(path, "no such theme")
    assert KerasSeqApp(ROOT, theme_file=path).theme == THEME.name


async def test_who_watches_only_leaves_the_theme_of_others(tmp_path: Path) -> None:
    path = tmp_path / "theme"
    keep_theme(path, "nord")
    app = KerasSeqApp(ROOT, theme_file=path, read_only=True)
    assert app.theme == "nord"
    async with app.run_test() as pilot:
        app.theme = "gruvbox"
        await pilot.pause()
    assert read_theme(path) == "nord"


def test_the_environment_s_theme_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_theme(tmp_path / "theme", "nord")
    monkeypatch.setattr("textual.constants.DEFAULT_THEME", "gruvbox")
    app = KerasSeqApp(ROOT, theme_file=tmp_path / "theme")
    assert app.theme != "nord"
