"""Numbers for other tools, from the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from staged import Call
from test_commands import finished

from experiments.export import as_csv
from experiments.reader import ExperimentReader


def test_it_prints_what_was_measured(tmp_path: Path, call: Call) -> None:
    view = ExperimentReader(finished(tmp_path)).read()
    assert call("export", "first", "--root", tmp_path) == (0, as_csv(view), "")
    assert "lstm-s0" in as_csv(view)


def test_it_writes_a_file(tmp_path: Path, call: Call) -> None:
    view = ExperimentReader(finished(tmp_path)).read()
    file = tmp_path / "a file.csv"
    file.write_text("old")
    code, out, _ = call("export", "first", "--to", "csv", "--write", file, "--root", tmp_path)
    assert (code, out) == (0, f"Wrote {file}\n")
    assert file.read_text() == as_csv(view)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["first", "--to", "cvs"], "Unknown format 'cvs'. Did you mean 'csv'?"),
        (["frist"], "Did you mean 'first'?"),
        (["first", "--write", "absent/x.csv"], "--write: expected a file in a folder that exists."),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, call: Call, arguments: list[str], message: str
) -> None:
    finished(tmp_path)
    code, out, err = call("export", *arguments, "--root", tmp_path)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_nobody_is_flooded(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(tmp_path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, err = call("export", "first", "--root", tmp_path)
    assert (code, out) == (2, "")
    assert "keras-seq export first --write first.csv" in err
