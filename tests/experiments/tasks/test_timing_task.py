"""Timing against plain Python."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.tasks.timing import Timing

SPIKING = ["msd", "nmsd", "gts"]
DIALECTS = [*SPIKING, "pfg"]


def expected(dialect, interval, delays, length):
    """Inputs and targets of one sequence, a step at a time."""
    inputs, targets = [], []
    delays = iter(delays)
    delay, waited = next(delays), 0
    for _ in range(length):
        waited += 1
        spikes = waited == interval + delay
        inputs.append(delay if dialect == "gts" else float(spikes))
        if dialect == "gts":
            targets.append(float(spikes))
        else:
            targets.append(delay if spikes else math.nan)
        if spikes:
            delay, waited = next(delays), 0
    return inputs, targets


@given(
    dialect=st.sampled_from(SPIKING),
    interval=st.integers(2, 8),
    max_delay=st.integers(1, 6),
    extra=st.integers(0, 40),
    data=st.data(),
)
def test_sequences_are_those_of_the_definition(dialect, interval, max_delay, extra, data):
    length = interval + max_delay + extra
    task = Timing(dialect, interval, max_delay, length=length)
    largest = 1 if dialect == "nmsd" else max_delay
    count = length // interval + 1
    row = st.lists(st.integers(0, largest), min_size=count, max_size=count)
    delays = data.draw(st.lists(row, min_size=1, max_size=4))
    batch = task.spread(np.array(delays))
    for inputs, targets, chosen in zip(batch.inputs, batch.targets, delays, strict=True):
        np.testing.assert_array_equal(
            [inputs[:, 0], targets[:, 0]], expected(dialect, interval, chosen, length)
        )


@pytest.mark.parametrize(("dialect", "kinds"), [("msd", 4), ("nmsd", 2), ("gts", 4)])
def test_delays_are_equally_likely(dialect, kinds):
    task = Timing(dialect, interval=3, max_delay=3, length=60)
    batch = task.train_batch(0, 0, 1000)
    # Each sequence's first; of those near its end only the short ones are there.
    spikes, delays = batch if dialect != "gts" else batch[::-1]
    first = spikes[:, :, 0].argmax(axis=1)
    first = delays[np.arange(1000), first, 0]
    assert np.bincount(first.astype(int)) / 1000 == pytest.approx([1 / kinds] * kinds, abs=0.06)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_sequence_asks_something(dialect):
    shortest = {"msd": 9, "nmsd": 6, "gts": 9, "pfg": 5}[dialect]
    task = Timing(dialect, interval=5, max_delay=4, length=shortest)
    targets = task.train_batch(0, 0, 200).targets
    assert (np.isfinite(targets).any(axis=(1, 2))).all()
    if dialect == "gts":
        assert (targets.max(axis=(1, 2)) == 1).all()
    with pytest.raises(RequestError, match=rf"at least {shortest} .*length={shortest - 1}\."):
        Timing(dialect, interval=5, max_delay=4, length=shortest - 1)


@pytest.mark.parametrize(
    ("wave", "values"),
    [
        ("cosine", [0.5, 1, 0.5, 0]),
        ("triangle", [0.5, 1, 0.5, 0]),
        ("rectangle", [0, 1, 1, 0]),
    ],
)
def test_waves_repeat_with_their_period_from_no_input(wave, values):
    batch = Timing("pfg", interval=4, wave=wave, length=10).train_batch(0, 0, 3)
    assert not batch.inputs.any()
    for targets in batch.targets[:, :, 0]:
        assert targets == pytest.approx([*values, *values, *values[:2]])


def test_cosine_and_triangle_differ():
    cosine, triangle = (
        Timing("pfg", interval=8, wave=wave).train_batch(0, 0, 1).targets[0, :8, 0]
        for wave in ("cosine", "triangle")
    )
    steps = np.arange(1, 9)
    assert cosine == pytest.approx((1 - np.cos(2 * np.pi * steps / 8)) / 2)
    assert triangle == pytest.approx(np.minimum(steps, 8 - steps) / 4)


@pytest.mark.parametrize(("dialect", "tolerance"), [*((d, 0.49) for d in SPIKING), ("pfg", 0.3)])
def test_one_answer_beyond_the_tolerance_spoils_its_sequence(dialect, tolerance):
    task = Timing(dialect, test_size=4)
    test = task.evaluation_set("test", 0)
    nothing_asked = np.where(np.isnan(test.targets), 1e6, test.targets)
    predictions = nothing_asked + (tolerance - 0.01)
    measures = task.measure(predictions, test)
    assert measures["exact_match"] == 1
    assert measures["mse"] == measures["loss"] == pytest.approx((tolerance - 0.01) ** 2, rel=1e-3)
    step = np.flatnonzero(np.isfinite(test.targets[0, :, 0]))[-1]
    predictions[0, step] -= 2 * tolerance
    assert task.measure(predictions, test)["exact_match"] == 0.75


def test_values_that_are_not_numbers_are_never_right():
    task = Timing(test_size=4)
    test = task.evaluation_set("test", 0)
    wrong = np.full_like(test.targets, np.nan)
    assert task.measure(wrong, test)["exact_match"] == 0


@pytest.mark.parametrize(
    ("dialect", "mse"),
    # Variance of 0 to 9 and of 0 to 1, equally likely.
    [("msd", (10**2 - 1) / 12), ("nmsd", 1 / 4)],
)
def test_the_mean_is_as_far_off_as_the_delays_vary(dialect, mse):
    task = Timing(dialect, length=400, test_size=500)
    measures = task.measure(task.baselines(0)["mean"], task.evaluation_set("test", 0))
    assert measures["mse"] == pytest.approx(mse, rel=0.02)
    assert measures["exact_match"] == 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_longer_sequences_go_on_as_shorter_ones(dialect):
    task = Timing(dialect, test_size=3)
    longer = task.lengthened(2.5)
    assert longer == Timing(dialect, length=375, test_size=3)
    delays = np.tile([1, 0, 1], (1, 15))
    short, long = task.spread(delays), longer.spread(delays)
    for a, b in zip(short, long, strict=True):
        np.testing.assert_array_equal(a, b[:, :150])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dialect", "asd"),
        ("wave", "sine"),
        ("interval", 1),
        ("max_delay", 0),
        ("length", 0),
        ("validation_size", 0),
        ("test_size", 0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{field}"):
        msgspec.convert({field: value}, Timing)
