"""The tour shows pictures that are there, of keys that work."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from ways import WAYS

from experiments.request import experiment_request
from tui.keymap import _is_key, _long, all_bound

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "dashboard.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"!\[[^]]+\]\(([^)]+)\)", TEXT)
QUOTED = set(re.findall(r"`([^`]+)`", TEXT))
DRAWN = runpy.run_path(str(DOCS / "picture.py"))["KEYS"]


def bound() -> set[str]:
    """The keys of ours and of what Textual brings: `tab` and the palette's."""
    theirs = {binding.key for kind in (App, Screen) for binding in map(_binding, kind.BINDINGS)}
    ours = {key for one in all_bound().values() for key in one.keys}
    return ours | theirs | {App.COMMAND_PALETTE_BINDING}


def _binding(given: BindingType) -> Binding:
    return given if isinstance(given, Binding) else Binding(*given)


def test_every_picture_is_shown() -> None:
    assert [f"tour-{name}.svg" for name in DRAWN] == SHOWN


def test_every_picture_is_of_an_experiment_that_is_trained() -> None:
    trained = {path.stem for path in (DOCS / "tour").glob("*.toml")}
    assert {experiment for experiment, _ in DRAWN.values()} == trained
    for name in trained:
        experiment_request(str(DOCS / "tour" / f"{name}.toml"), name=name)


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_holds_a_screen(name: str) -> None:
    svg = (DOCS / name).read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "@font-face" not in svg


def test_the_tour_names_keys() -> None:
    assert {"tab", "ctrl+p", "m", "?", "[", "space", "shift+left"} <= set(filter(_is_key, QUOTED))


@pytest.mark.parametrize("key", sorted(filter(_is_key, QUOTED)))
def test_every_key_is_bound(key: str) -> None:
    """Whatever is quoted and can be a key is one that does something."""
    assert _long(key) in bound()


def test_every_screen_has_a_section() -> None:
    titles = {kind.HELP.split("\n")[1].strip("# ") for kind in WAYS if kind.HELP}
    assert len(titles) == len(WAYS)
    assert titles <= set(re.findall(r"^## (.+)$", TEXT, re.MULTILINE))
