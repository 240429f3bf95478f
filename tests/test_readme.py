"""What the README shows is so: its code runs, its commands and files exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tui.command_line import COMMANDS

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()
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


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_linked_files_are_there(target: str) -> None:
    assert (REPOSITORY / target).is_file()
