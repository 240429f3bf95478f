"""What the stopwatch measures and what it answers; the times themselves are the machine's."""

from __future__ import annotations

from typing import ClassVar

import pytest
import toy

from experiments.errors import RequestError
from experiments.models.gru import GRU
from experiments.stopwatch import FEWEST_ROUNDS, MOST_ROUNDS, Stopwatch, seconds_of, time_steps


class Fake:
    """A network whose step takes as long as its width says, each other time twice as long."""

    begun: ClassVar[list[object]] = []
    updates = 40

    def __init__(self, config, model):
        self.begun.append(model)
        if getattr(model, "units", 0) == 13:
            raise MemoryError("too\nlarge")
        self.seconds = getattr(model, "units", 20) / 1000
        self.laps = 0

    def lap(self):
        self.laps += 1
        return self.seconds * (1 + self.laps % 2)


def config(*models):
    return toy.experiment(models=list(models), protocol={"match": "time"})


def test_widths_are_found_by_time_and_all_are_measured():
    asked, said = config("gru", "lstm", {"name": "lstm", "label": "own", "units": 9}), []
    found = time_steps(asked, asked.untimed, said.append, Fake)
    assert found["widths"] == {"gru": {"units": 64}}  # the fake makes nothing of gates
    assert found["seconds"] == {"gru": 0.064, "lstm": 0.064, "own": 0.009}
    assert said == ["gru 74: 74 ms a step, aim 64 ms", "gru 64: 64 ms a step, aim 64 ms"]


def test_steps_that_no_width_makes_short_enough_are_said():
    class Heavy(Fake):
        def __init__(self, config, model):
            super().__init__(config, model)
            self.seconds += 0.1 * isinstance(model, GRU)

    asked, said = config("gru", "lstm"), []
    found = time_steps(asked, asked.untimed, said.append, Heavy)
    (width,) = found["widths"]["gru"].values()
    assert 1 < width < 74
    *_, last = said
    assert last == (
        "gru: no width tried makes its steps as short; "
        f"narrower than {width} they are hardly shorter"
    )


def test_the_shortest_of_some_rounds_counts_and_networks_take_turns():
    turns = []

    class Noting(Fake):
        def lap(self):
            turns.append(self.seconds)
            return super().lap()

    one, two = Noting(None, GRU(units=1)), Noting(None, GRU(units=2))
    assert seconds_of(one, two) == [0.001, 0.002]
    # Of five the first, third and fifth are slow; of six there are three to be believed.
    assert turns == [0.001, 0.002] * (FEWEST_ROUNDS + 1)


def test_a_busy_machine_is_measured_for_longer_but_not_for_ever():
    class Busy(Fake):
        def lap(self):
            return super().lap() * 1.1**self.laps

    busy = Busy(None, GRU(units=1))
    assert seconds_of(busy) == [pytest.approx(0.00121)]
    assert busy.laps == MOST_ROUNDS


def test_what_a_slow_machine_slows_alike_changes_no_width():
    class Slowed(Fake):
        clock: ClassVar[list[int]] = []

        def lap(self):
            self.clock.append(1)
            return super().lap() * (5 if len(self.clock) > FEWEST_ROUNDS + 1 else 1)

    asked = config("gru", "lstm")
    found = time_steps(asked, asked.untimed, print, Slowed)
    assert found["widths"] == {"gru": {"units": 64}}


def test_a_model_that_cannot_be_timed_is_named():
    asked = config("lstm", {"name": "gru", "label": "b"}, {"name": "gru", "units": 13})
    with pytest.raises(RequestError) as refused:
        time_steps(asked, ["gru"], print, Fake)
    assert str(refused.value) == ("models.gru: timing its steps failed with MemoryError: too large")


@pytest.mark.slow  # TensorFlow takes seconds to import
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_real_networks_make_real_updates():
    pytest.importorskip("keras")
    toy.Sums.asked.clear()
    stopwatch = Stopwatch(config("toy:Linear"), toy.Linear())
    assert stopwatch.lap() > 0
    assert {split for split, *_ in toy.Sums.asked} == {"train"}
    *_, (_, _, last) = toy.Sums.asked
    assert last > 0  # several updates at a time
