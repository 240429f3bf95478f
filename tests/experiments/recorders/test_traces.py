"""How long arrays are thinned, and how recordings are kept in files."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from experiments.errors import StoreError
from experiments.recorders.recording import encode, read_recording
from experiments.recorders.trace import Trace, blocks, chosen, mean_of_blocks, sum_of_blocks

Sizes = st.integers(1, 300)


@given(Sizes, st.integers(2, 40))
def test_chosen_places_are_spread_from_the_first_to_the_last(size, most):
    places = chosen(size, most)
    assert len(places) == min(size, most)
    assert (places[0], places[-1]) == (0, size - 1)
    gaps = np.diff(places)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1
    assert (gaps > 0).all()


@given(Sizes, st.integers(1, 40))
def test_blocks_share_places_evenly(size, most):
    sizes = np.diff([*blocks(size, most), size])
    assert len(sizes) == min(size, most)
    assert sizes.sum() == size
    assert 1 <= sizes.min() <= sizes.max() <= sizes.min() + 1


@given(
    arrays(np.float64, st.tuples(st.integers(1, 5), Sizes), elements=st.floats(-9, 9)),
    st.integers(1, 40),
)
def test_blocks_are_summed_and_averaged(values, most):
    starts = blocks(values.shape[1], most)
    parts = np.split(values, starts[1:], axis=1)
    for joined, function in ((sum_of_blocks, np.sum), (mean_of_blocks, np.mean)):
        expected = np.stack([function(part, axis=1) for part in parts], axis=1)
        np.testing.assert_allclose(joined(values, 1, starts), expected, atol=1e-9)


def traces():
    weights = np.linspace(0, 1, 24, dtype=np.float16).reshape(1, 2, 3, 4)
    states = np.array([[[0.5, np.nan, -np.inf]]], np.float32)
    return [
        Trace("attention", "block/a", ("sample", "head", "query", "key"), weights),
        Trace(
            "states",
            "lstm",
            ("sample", "signal", "step"),
            states,
            places={"step": np.array([0, 5, 9])},
            labels={"signal": ("ĥ",)},
        ),
    ]


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "step-7.npz"
    path.write_bytes(encode(7, traces()))
    recording = read_recording(path)
    assert recording.step == 7
    for trace, expected in zip(recording.traces, traces(), strict=True):
        assert (trace.name, trace.layer, trace.axes) == (
            expected.name,
            expected.layer,
            expected.axes,
        )
        assert trace.labels == expected.labels
        assert trace.values.dtype == expected.values.dtype
        np.testing.assert_array_equal(trace.values, expected.values)
        for axis in trace.axes:
            np.testing.assert_array_equal(trace.places_of(axis), expected.places_of(axis))
    assert [trace.layer for trace in recording.find("states")] == ["lstm"]


@pytest.mark.parametrize("kept", [0, 10, 200, -1])
def test_a_damaged_file_is_said_to_be_one(tmp_path, kept):
    path = tmp_path / "step-7.npz"
    path.write_bytes(encode(7, traces())[:kept])
    with pytest.raises(StoreError, match=r"step-7\.npz is damaged"):
        read_recording(path)


def test_a_file_with_objects_is_not_unpickled(tmp_path):
    path = tmp_path / "step-7.npz"
    file = io.BytesIO()
    np.savez(file, index=np.array([object()]))
    path.write_bytes(file.getvalue())
    with pytest.raises(StoreError, match="damaged"):
        read_recording(path)


def test_a_file_that_is_not_there_is_missed(tmp_path):
    with pytest.raises(StoreError, match=r"Cannot read .*No such file"):
        read_recording(tmp_path / "step-1.npz")


def test_a_newer_schema_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.recorders.recording.SCHEMA", 2)
    content = encode(7, traces())
    monkeypatch.undo()
    path = tmp_path / "step-7.npz"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"schema 2, this one reads 1.*Upgrade"):
        read_recording(path)
