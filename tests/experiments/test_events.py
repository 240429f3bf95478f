import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import events
from experiments.status import Status

Text = st.text(st.characters(codec="utf-8"))
Numbers = st.floats(allow_nan=True, allow_infinity=True)
Values = st.dictionaries(Text, Numbers, max_size=4)
Processes = st.builds(
    events.Process, pid=st.integers(1, 2**22), created=st.floats(0, 4e9), host=Text
)
Statuses = st.sampled_from(Status)
Whole = st.integers(0, 2**31)
Steps = st.lists(Whole, max_size=4).map(tuple)
Records = st.one_of(
    st.builds(events.Opened, time=st.floats(0, 4e9), schema=Whole),
    st.builds(events.Started, process=Processes, attempt=Whole),
    st.builds(events.Built, num_parameters=Whole, backend=Text, device=Text, threads=Whole),
    st.builds(events.DataRead, split=Text, sequences=Whole, sha256=Text),
    st.builds(
        events.DependenceFound,
        is_causal=st.none() | st.booleans(),
        steps=Whole,
        tried=Steps,
        unread=Steps,
        faint=Steps,
    ),
    st.builds(events.Pretrained, step=Whole, values=Values),
    st.builds(events.Measured, step=Whole, values=Values),
    st.builds(events.Solved, step=Whole),
    st.builds(events.Recorded, step=Whole, seconds=st.floats(0, 1e6), size_bytes=Whole),
    st.builds(events.NotRecorded, step=Whole, reason=Text),
    st.builds(events.StatusChanged, status=Statuses, reason=Text),
    st.builds(events.SupervisorStarted, process=Processes, jobs=Whole, threads=Whole),
    st.builds(
        events.RateChosen,
        model=Text,
        learning_rate=st.floats(0, 1e9),
        values=Values,
        is_edge=st.booleans(),
    ),
    st.builds(events.TrialEnded, trial=Text, status=Statuses, reason=Text),
    st.builds(events.StopRequested, trial=Text, rung=Text),
    st.builds(events.LoadSampled, trial=Text, cores=st.floats(0, 1e4), memory_bytes=Whole),
    st.builds(events.BaselineMeasured, name=Text, seed=Whole, values=Values),
    st.builds(events.SupervisorEnded, reason=Text),
)


def plain(event):
    """Builtins in which NaN equals NaN."""
    return json.dumps(msgspec.to_builtins(event))


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


@given(Records)
def test_what_is_written_is_read_back(event):
    read = events.decode(events.encode(event).rstrip(b"\n"))
    assert type(read) is type(event)
    assert plain(read) == plain(event)


@given(Records)
def test_a_record_is_one_line_of_strict_json_that_names_its_kind(event):
    line = events.encode(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    document = json.loads(line, parse_constant=refuse)
    assert document["event"] == msgspec.structs.replace(event).__struct_config__.tag


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1, -0.0, 5e-324, 1e308, 3])
def test_no_number_is_dropped(value):
    read = events.decode(events.encode(events.Measured(step=1, values={"loss": value})))
    assert math.isnan(read.values["loss"]) if math.isnan(value) else read.values["loss"] == value
    assert math.copysign(1, read.values["loss"]) == math.copysign(1, value)


@given(st.text(st.characters(min_codepoint=0xD700, max_codepoint=0xE000)))
def test_a_reason_that_is_not_text_is_kept_as_far_as_it_goes(noise):
    event = events.StatusChanged(status=Status.FAILED, reason=f"no file {noise}.")
    read = events.decode(events.encode(event))
    assert read.reason == f"no file {noise}.".encode(errors="replace").decode()


@pytest.mark.parametrize(
    "line",
    [
        b'{"event": "from_the_future", "time": 1}',
        b'{"time": 1}',
        b'{"event": "measured", "time": 1, "step": 1}',
        b'{"event": "measured", "time": 1, "step": 1, "values": {"loss": null}}',
        b'{"event": "measured", "time": 1, "step": 1, "values": {"loss": "much"}}',
        b'{"event": "status", "time": 1, "status": "asleep"}',
        b'{"event": "damaged", "time": 1, "line": 1, "problem": ""}',
        b'{"event": "measured", "ti',
        b"[]",
        b"17",
        b"",
        b"\x00\xff",
    ],
)
def test_what_is_no_record_is_refused(line):
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        events.decode(line)


def test_a_field_from_the_future_does_no_harm():
    line = b'{"event": "measured", "time": 1, "step": 2, "values": {}, "colour": "red"}'
    assert events.decode(line) == events.Measured(time=1, step=2, values={})


def test_a_record_bears_the_time_it_was_made():
    before, after = events.SupervisorEnded().time, events.SupervisorEnded().time
    assert before <= after <= before + 60
