from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from staged import ROOT, Call, calm, screen_text, staged, until

from experiments.errors import RequestError
from tui.app import KerasSeqApp
from tui.keymap import all_bound, as_toml, keymap_path, own_keymap, read_keymap


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = keymap_path()
    path.parent.mkdir(parents=True)
    return path


def test_it_lies_where_settings_lie(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert path == path.parents[2] / "config" / "keras-seq" / "keymap.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert keymap_path() == Path.home() / ".config" / "keras-seq" / "keymap.toml"


def test_without_a_file_nothing_changes(path: Path) -> None:
    assert read_keymap(path) == {}


def test_what_is_printed_to_begin_with_changes_nothing(path: Path) -> None:
    bound = all_bound()
    path.write_text(as_toml(bound))
    assert read_keymap(path) == {name: ",".join(one.keys) for name, one in bound.items()}


@pytest.mark.parametrize(
    ("text", "keymap"),
    [
        ('plot.log = "y"', {"plot.log": "y"}),
        ('[plot]\nlog = ["y", "ctrl+l"]', {"plot.log": "y,ctrl+l"}),
        ('"app.quit" = "!"', {"app.quit": "exclamation_mark"}),
        # Two that change places do not clash.
        ('plot.log = "m"\nplot.metric = "l"', {"plot.log": "m", "plot.metric": "l"}),
    ],
)
def test_keys_are_read(path: Path, text: str, keymap: dict[str, str]) -> None:
    path.write_text(text)
    assert read_keymap(path) == keymap


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('plot.lgo = "y"', "'plot.lgo'. Did you mean 'plot.log'?"),
        ('plot.log = "hyper"', "expected a key or a list of keys"),
        ("plot.log = 3", "Received: plot.log = 3"),
        ("plot.log = []", "expected a key"),
        ('plot.log = "hyper+l"', "expected a key"),
        ("plot.log =", "Cannot read the keymap"),
        ('plot.log = "m"', "plot.metric has the key m, too"),
        ('trial.stop = "q"', "app.quit has the key q, too"),
        ('plot.zoom_in = "minus"', "plot.zoom_out has the key minus, too"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(path: Path, call: Call, text: str, problem: str) -> None:
    path.write_text(text)
    with pytest.raises(RequestError, match=re.escape(problem)) as raised:
        read_keymap(path)
    assert str(path) in str(raised.value)
    code, out, err = call("keys")
    assert (code, out) == (2, "")
    assert problem in err
    assert err.count("\n") == 1


def test_keys_lists_every_key(path: Path, call: Call) -> None:
    path.write_text('plot.log = "y"')
    code, out, _ = call("keys", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert set(rows) == set(all_bound())
    assert rows["plot.log"]["keys"] == ["y"]
    assert rows["app.help"]["keys"] == ["question_mark", "f1"]
    assert all(row["what"] for row in rows.values())
    code, out, _ = call("keys")
    assert code == 0
    assert re.search(r"^plot.log +y +Log or linear y axis", out, re.MULTILINE)
    assert "keymap.toml" in out


def test_a_file_that_is_named_stands_in_for_ones_own(path: Path, tmp_path: Path) -> None:
    path.write_text('plot.log = "y"')
    named = tmp_path / "named.toml"
    named.write_text('plot.metric = "y"')
    assert own_keymap() == {"plot.log": "y"}
    assert own_keymap(named) == {"plot.metric": "y"}


class Terminal(StringIO):
    """Where a dashboard can be shown."""

    def isatty(self) -> bool:
        return True


Opened = Callable[..., tuple[int, list[KerasSeqApp]]]


@pytest.fixture
def opened(call: Call, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Run a command line in a terminal: its exit code, and the dashboards it would run."""

    def run(*words: object) -> tuple[int, list[KerasSeqApp]]:
        found: list[KerasSeqApp] = []
        monkeypatch.setattr(KerasSeqApp, "run", lambda app: found.append(app))
        monkeypatch.setattr(sys, "stdout", Terminal())
        return call(*words, "--root", ROOT)[0], found

    return run


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("words", [(), ("attach", "staged")])
def test_dashboards_open_with_the_keys_of_a_file(
    words: tuple[str, ...], opened: Opened, tmp_path: Path
) -> None:
    staged().finish()
    named = tmp_path / "named.toml"
    named.write_text('plot.metric = "y"')
    code, (app,) = opened(*words, "--keymap", named)
    assert code == 0
    assert app._keymap == {"plot.metric": "y"}


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("words", [(), ("attach", "staged"), ("run", "adding", "--name", "new")])
def test_a_file_that_is_not_there_is_refused_before_anything_begins(
    words: tuple[str, ...], opened: Opened
) -> None:
    staged()
    assert opened(*words, "--keymap", "nowhere.toml") == (2, [])
    assert [folder.name for folder in ROOT.iterdir()] == ["staged"]


def test_why_a_file_is_refused_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="--keymap: expected a file") as refused:
        own_keymap(tmp_path / "nowhere.toml")
    assert f"Received: {tmp_path / 'nowhere.toml'}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_keymap_belongs_to_a_dashboard(call: Call) -> None:
    code, _, err = call("--keymap", "keys.toml", "list")
    assert code == 2
    assert "it comes after the command" in err
    assert "--keymap before list" in err


@pytest.mark.usefixtures("frozen")
async def test_another_key_works_and_is_shown() -> None:
    staged().half_way()
    app = KerasSeqApp(ROOT, "staged", keymap={"plot.log": "y"})
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.snapshot)
        await calm(pilot)
        assert " y Log " in screen_text(app)
        scale = app.options.scale(app.snapshot.metric_key)
        await pilot.press("l")
        assert app.options.scale(app.snapshot.metric_key) == scale
        await pilot.press("y")
        await until(pilot, lambda: app.options.scale(app.snapshot.metric_key) != scale)
