"""`list --filter` and `delete`."""

from __future__ import annotations

import json
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from staged import Call
from test_commands import finished, queued

from experiments.journal import JournalWriter
from experiments.store import experiments


class Terminal(StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    finished(root, name="one", failed="gru-s1")
    finished(root, name="two")
    queued(root)
    return root


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"one", "two", "waiting"}),
        ("status:failed", {"one"}),
        ("model:gru steps<=10", {"one", "two"}),
        ("seeds=1 or name:two", {"two", "waiting"}),
    ],
)
def test_some_experiments(root: Path, call: Call, query: str, names: set[str]) -> None:
    code, out, _ = call("list", "--filter", query, "--json", "--root", root)
    assert code == 0
    assert {row["experiment"] for row in json.loads(out)} == names


def test_none_that_match(root: Path, call: Call) -> None:
    code, out, _ = call("list", "--filter", "length>999", "--root", root)
    assert (code, out) == (0, f"None of the 3 experiments in {root} matches length>999.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--filter", "lenght>3"], "There is no field lenght. Did you mean length?"),
        (["list", "tasks", "--filter", "a"], "--filter: only experiments are filtered."),
        (["delete", "tow", "--yes"], "Unknown experiment 'tow'. Did you mean 'two'?"),
        (["delete", "two"], "Deleting asks first. To delete two unasked, add --yes."),
    ],
)
def test_wrong_requests(root: Path, call: Call, arguments: list[str], message: str) -> None:
    code, out, err = call(*arguments, "--root", root)
    assert (code, out) == (2, "")
    assert err.startswith(f"keras-seq: {message}")
    assert len(experiments(root)) == 3


def test_delete(root: Path, call: Call) -> None:
    assert call("delete", "two", "--yes", "--root", root) == (0, "Deleted two.\n", "")
    assert {folder.name for folder in experiments(root)} == {"one", "waiting"}


@pytest.mark.parametrize(
    ("answer", "code", "said", "kept"),
    [
        ("y\n", 0, "Deleted two.", 2),
        ("n\n", 0, "Nothing was deleted.", 3),
        ("", 130, "", 3),
    ],
)
def test_delete_asks(
    root: Path,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    said: str,
    kept: int,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    found, out, _ = call("delete", "two", "--root", root)
    assert found == code
    assert f"Delete {root / 'two'} with everything in it?" in out
    assert said in out
    assert len(experiments(root)) == kept


def test_what_is_written_to_is_not_deleted(root: Path, call: Call) -> None:
    with closing(JournalWriter(root / "two" / "supervisor.jsonl")):
        code, _, err = call("delete", "two", "--yes", "--root", root)
    assert code == 2
    assert "is being written by another process" in err.replace("\n", " ")
    assert len(experiments(root)) == 3
