"""The reader of `.ts` files, on text written here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.tasks.ts_file import read_ts

HEADER = """# A comment, with a colon: and a comma,

@problemName Toy
@timeStamps false
@univariate false
@classLabel true still moving
@data
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "toy.ts"
        path.write_text(text, encoding="utf-8")
        return read_ts(path)

    return read


def test_series_are_read_step_by_step_with_their_channels_side_by_side(read):
    found = read(HEADER + "1,2,3:-4,5e-1,6:moving\n0,0,0:1,1,1:still\n\n")
    assert found.values.tolist() == [[[1, -4], [2, 0.5], [3, 6]], [[0, 1], [0, 1], [0, 1]]]
    assert found.classes.tolist() == [1, 0]
    assert found.names == ("still", "moving")
    assert found.values.dtype == np.float64
    assert found.classes.dtype == np.int32


def test_keys_are_read_in_any_case(read):
    found = read("@CLASSLABEL true a\n@Data\n1,2:a\n")
    assert found.values.shape == (1, 2, 1)


@given(
    st.integers(1, 4).flatmap(
        lambda steps: st.lists(
            st.lists(st.floats(-1e6, 1e6), min_size=steps, max_size=steps), min_size=1, max_size=5
        )
    )
)
def test_values_survive_writing_and_reading(tmp_path_factory, series):
    path = tmp_path_factory.mktemp("ts") / "toy.ts"
    lines = [",".join(map(repr, values)) + ":still" for values in series]
    path.write_text(HEADER + "\n".join(lines), encoding="utf-8")
    assert read_ts(path).values[:, :, 0].tolist() == series


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEADER + "1,2:still\n1,2,3:still\n", r"line 9: expected channels of \[2\] values.*\[3\]"),
        (HEADER + "1,2:1,2:still\n1,2:still\n", r"line 9: expected channels of \[2, 2\] values"),
        (HEADER + "1,2:1:still\n", r"line 8: expected channels of \[2, 1\]"),
        (HEADER + "1,?:still\n", "line 8: could not convert string to float: '\\?'"),
        (
            HEADER + "1,2:dancing\n",
            "line 8: expected a class among still, moving. Received: dancing",
        ),
        (HEADER, "expected series after a line @data. Received: none"),
        ("1,2:still\n", "expected series after a line @data"),
        ("@timestamps true\n@data\n", "line 1: time stamps are not read"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(read, text, reason):
    with pytest.raises(RequestError, match=reason):
        read(text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RequestError, match=r"Cannot read .*absent\.ts: No such file"):
        read_ts(tmp_path / "absent.ts")


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "binary.ts"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError, match=r"Cannot read .*binary\.ts: .*utf-8"):
        read_ts(path)
