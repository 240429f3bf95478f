"""The tour shows pictures that are there, of keys that work."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from ways import WAYS

from tui.keymap import all_bound

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "dashboard.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"!\[[^]]+\]\(([^)]+)\)", TEXT)
# Those of Textual itself, and the palette's.
COMMON = {"tab", "escape", "ctrl+p"}
NAMES = {
    **{"?": "question_mark", "/": "slash", "<": "less_than_sign", ">": "greater_than_sign"},
    **{"+": "plus", "-": "minus", ",": "comma", ".": "full_stop"},
    **{"[": "left_square_bracket", "]": "right_square_bracket"},
}


def keys() -> list[str]:
    """What is quoted and no command, file or setting."""
    quoted = re.findall(r"`([^`]+)`", TEXT)
    return [word for word in quoted if len(word) == 1 or word in COMMON | {"f1", "enter", "ctrl+s"}]


def test_every_picture_is_shown() -> None:
    drawn = runpy.run_path(str(DOCS / "picture.py"))["KEYS"]
    assert [f"tour-{name}.svg" for name in drawn] == SHOWN


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_holds_a_screen(name: str) -> None:
    svg = (DOCS / name).read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "@font-face" not in svg


@pytest.mark.parametrize("key", sorted(set(keys()) - COMMON))
def test_every_key_is_bound(key: str) -> None:
    bound = {key for one in all_bound().values() for key in one.keys}
    assert NAMES.get(key, key) in bound


def test_every_screen_has_a_section() -> None:
    titles = {kind.HELP.split("\n")[1].strip("# ") for kind in WAYS if kind.HELP}
    assert len(titles) == len(WAYS)
    assert titles <= set(re.findall(r"^## (.+)$", TEXT, re.MULTILINE))
