"""A pytest plugin that puts our layers in the place of Keras's and counts what the tests make."""

import collections
import functools
import sys

import keras
import pytest
from keras.src import layers as keras_layers

from keras_seq import layers
from tests.keras_shipped.left_out import LEFT_OUT

NAMES = [
    name
    for name in (
        "LSTM",
        "LSTMCell",
        "GRU",
        "GRUCell",
        "Bidirectional",
        "MultiHeadAttention",
        "Attention",
    )
    if hasattr(layers, name)
]
made = collections.Counter(dict.fromkeys(NAMES, 0))


def pytest_configure():
    """Swap the classes before a test module is imported."""
    for name in NAMES:
        ours = getattr(layers, name)
        _count(name, ours)
        setattr(keras_layers, name, ours)


def pytest_collection_modifyitems(config, items):
    """Leave out the listed tests, and fail when one of them is no longer there."""
    missing = set(LEFT_OUT) - {_name(item) for item in items}
    if missing and not config.option.keyword:
        raise pytest.UsageError(f"left_out.py lists tests that Keras no longer has: {missing}")
    left_out = [item for item in items if _name(item) in LEFT_OUT]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _name(item) not in LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Add what a process of `pytest -n` made."""
    made.update(node.workeroutput["made"])


def pytest_sessionfinish(session):
    """Fail the run when one of our classes was never made: then it tested Keras's."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["made"] = dict(made)
    elif not all(made.values()) and not session.config.option.keyword:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """Say on what and on how much of ours the tests ran."""
    line = ", ".join(f"{count} {name}" for name, count in made.items())
    terminalreporter.write_line(f"{keras.config.backend()}: made of ours {line}")
    for name, reason in LEFT_OUT.items():
        terminalreporter.write_line(f"left out: {name}: {reason}")


def _count(name, cls):
    """Count the instances that anyone but our own package makes."""
    create = cls.__new__

    # Not `__init__`: Keras reads its arguments.
    @functools.wraps(create)
    def counting(cls, *args, **kwargs):
        maker = sys._getframe(1).f_globals["__name__"]
        made[name] += not maker.startswith("keras_seq")
        return create(cls, *args, **kwargs)

    cls.__new__ = counting


def _name(item):
    """Return `file::test` of a test."""
    return f"{item.path.stem}::{item.name}"
