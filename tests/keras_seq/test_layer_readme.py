"""The README of the package: its example runs, and the tests and layers it names exist."""

import doctest
import re
from pathlib import Path

import pytest

import keras_seq

README = Path(keras_seq.__file__).with_name("README.md")
TEXT = README.read_text()
ROOT = Path(__file__).parents[2]


def test_example():
    result = doctest.testfile(str(README), module_relative=False)

    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", re.findall(r"tests/keras_seq/\w+\.py::\w+", TEXT))
def test_named_test_exists(name):
    path, test = name.split("::")

    assert re.search(rf"^ *def {test}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_row_of_differences_names_a_test():
    rows = TEXT.split("## Where we differ")[1].split("\n## ")[0].splitlines()
    rows = [row for row in rows if row.startswith("| ")][1:]

    assert rows
    assert all(re.search(r"\| `tests/\w+/\w+\.py::\w+` \|$", row) for row in rows)


def test_every_named_layer_exists():
    rows = TEXT.split("## Who has what")[1].split("\n## ")[0].splitlines()
    rows = [row for row in rows if row.startswith("| ")][1:]
    ours = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[2])}

    assert ours
    assert ours <= {*keras_seq.layers.__all__, *keras_seq.models.__all__}
