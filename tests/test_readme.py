"""What the README shows is so: its code runs, its commands and files exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tui.command_line import COMMANDS, run_command

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()
EXPERIMENTS = (REPOSITORY / "docs" / "experiments.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_runs(number: int, tmp_path: Path) -> None:
    """In a process of its own, because it imports a backend and writes files."""
    command = [sys.executable, "-c", PYTHON[number]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_is_python() -> None:
    assert len(PYTHON) == 2


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_documented(command: str) -> None:
    assert f"| `keras-seq {command}" in README


def test_every_documented_command_exists() -> None:
    documented = set(re.findall(r"\| `keras-seq (\w+)", README))
    assert documented == set(COMMANDS)


def test_every_make_target_exists() -> None:
    targets = re.findall(r"^(\w[\w-]*):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)\b", README)) - {"sure"} <= set(targets)


def test_the_tree_is_there() -> None:
    (tree,) = re.findall(r"## What is where\n\n```\n(.*?)```", README, re.DOTALL)
    top = ""
    for line in tree.splitlines():
        name = line.split()[0]
        top = name if not line.startswith(" ") else top
        path = REPOSITORY / (name if name == top else top + name)
        assert path.is_dir(), path


@pytest.mark.parametrize(
    ("page", "target"),
    [
        (page.relative_to(REPOSITORY), target)
        for page in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text())
    ],
    ids=str,
)
def test_linked_files_are_there(page: Path, target: str) -> None:
    assert (REPOSITORY / page.parent / target).exists()


def test_options_in_the_documentation_exist(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("--help", *COMMANDS):
        run_command([command, *([] if command == "--help" else ["--help"])])
    exist = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    named = set(re.findall(r"--[a-z][a-z-]*", README + EXPERIMENTS))
    assert "--match" in named
    assert named <= exist
