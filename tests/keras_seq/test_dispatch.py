"""The seam between the plain functions and the fast ones."""

import logging

import pytest

from keras_seq.ops import dispatch
from keras_seq.ops.refusal import Refusal


def plain(x, sign=1):
    return "plain", sign * x


@pytest.fixture
def fast(monkeypatch):
    """A fast version of `negate` that serves small numbers only."""

    def negate(x, sign=1):
        if x > 9:
            raise Refusal(f"{x} is too large")
        return "fast", sign * x

    monkeypatch.setitem(dispatch.FAST_VERSIONS, "negate", negate)
    monkeypatch.setattr(dispatch, "_said", set())


@pytest.mark.parametrize(
    ("implementation", "x", "expected"),
    [
        ("auto", 3, ("fast", -3)),
        ("auto", 30, ("plain", -30)),
        ("reference", 3, ("plain", -3)),
        ("fast", 3, ("fast", -3)),
    ],
)
@pytest.mark.usefixtures("fast")
def test_which_version_runs(implementation, x, expected):
    assert dispatch.run("negate", implementation, plain, x, sign=-1) == expected


@pytest.mark.skipif(dispatch.backend != "tensorflow", reason="other backends know all sizes")
@pytest.mark.parametrize(("size", "version"), [(3, 0), (4, 1), (65_536, 1)])
def test_unknown_sizes_choose_the_version_at_run_time(size, version, monkeypatch):
    """However large they are: 65,536 times 65,536 is 0 in integers of 32 bits."""
    import tensorflow as tf

    monkeypatch.setitem(dispatch.FAST_VERSIONS, "number", lambda: (tf.constant(1),))
    monkeypatch.setitem(dispatch.CROSSOVERS, "number", 16)

    @tf.function(input_signature=[tf.TensorSpec((), "int32")])
    def chosen(size):
        return dispatch.run_by_size("number", "auto", (size, size), lambda: (tf.constant(0),))

    assert chosen(size)[0] == version


def test_without_a_fast_version_the_plain_one_runs():
    assert dispatch.run("unknown", "auto", plain, 3) == ("plain", 3)


@pytest.mark.usefixtures("fast")
def test_insisting_on_a_version_that_refuses_is_an_error():
    with pytest.raises(ValueError, match=r"fast version of `negate` .*30 is too large.*'auto'"):
        dispatch.run("negate", "fast", plain, 30)


def test_insisting_where_there_is_none_is_an_error():
    with pytest.raises(ValueError, match="there is none for the backend"):
        dispatch.run("unknown", "fast", plain, 3)


def test_another_word_is_an_error():
    with pytest.raises(ValueError, match=r"\['auto', 'reference', 'fast'\].*'quick'"):
        dispatch.run("negate", "quick", plain, 3)


@pytest.mark.usefixtures("fast")
def test_a_reason_is_said_once(caplog):
    with caplog.at_level(logging.INFO, "keras_seq"):
        for x in (30, 30, 40):
            dispatch.run("negate", "auto", plain, x)
    assert [record.getMessage() for record in caplog.records] == [
        "negate: the plain version, as for the fast one: 30 is too large",
        "negate: the plain version, as for the fast one: 40 is too large",
    ]


@pytest.mark.usefixtures("fast")
def test_an_error_of_the_fast_version_is_not_hidden(monkeypatch):
    def broken(x):
        raise TypeError("not a number")

    monkeypatch.setitem(dispatch.FAST_VERSIONS, "negate", broken)
    with pytest.raises(TypeError, match="not a number"):
        dispatch.run("negate", "auto", plain, 3)
