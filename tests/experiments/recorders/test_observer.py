"""When a network is looked at, with a clock of the test's own."""

import random

import numpy as np
import pytest

from experiments.events import NotRecorded, Recorded
from experiments.recorders.observer import LEAST_RESOLUTION, MOST, MOST_BYTES, Observer
from experiments.recorders.recording import read_recording
from experiments.recorders.time_budget import SHARE, TimeBudget
from experiments.recorders.trace import Trace
from experiments.store import TrialFolder

STEPS = 1000


class Training:
    """One that validates 25 times, where looking takes `look_seconds`."""

    def __init__(
        self,
        path,
        step_seconds=0.1,
        look_seconds=0.01,
        traces=None,
        length=0,
        first_step=0,
        is_compiled=False,
    ):
        self.now = self.trained = 0.0
        self.first_step = first_step
        self.records = []
        self.resolutions = []
        self.step_seconds, self.look_seconds = step_seconds, look_seconds
        self.traces = traces or (
            lambda resolution: [Trace("a", "", ("step",), np.zeros(resolution, np.float16))]
        )
        self.folder = TrialFolder(path)
        self.observer = Observer(
            self.folder,
            STEPS,
            length,
            self.look,
            self.records.append,
            first_step,
            is_compiled,
            clock=lambda: self.now,
        )

    def look(self, resolution):
        self.resolutions.append(resolution)
        self.now += self.look_seconds() if callable(self.look_seconds) else self.look_seconds
        return self.traces(resolution)

    def run(self, until=STEPS):
        for step in range(STEPS // 25, until + 1, STEPS // 25):
            if step <= self.first_step:
                continue
            self.trained += self.step_seconds * STEPS / 25
            self.observer.offer(step, self.trained, is_last=step == until)
        return self

    @property
    def recorded(self):
        return [event.step for event in self.records if isinstance(event, Recorded)]

    @property
    def spent(self):
        return sum(event.seconds for event in self.records if isinstance(event, Recorded))


def test_a_quick_look_is_taken_evenly_and_after_the_last_step(tmp_path):
    training = Training(tmp_path, step_seconds=1.0).run()
    steps = training.recorded
    assert steps[0] == STEPS // 25
    assert steps[-1] == STEPS
    assert len(steps) <= MOST
    assert max(np.diff(steps)) <= STEPS / 9 + STEPS // 25
    assert [read_recording(training.folder.recording(s)).step for s in steps] == steps


def test_a_training_that_goes_on_is_not_looked_at_more_often(tmp_path):
    steps = Training(tmp_path, step_seconds=1.0, first_step=400).run().recorded
    assert steps[0] > 400 + STEPS / 9
    assert steps[-1] == STEPS


def test_the_last_look_comes_where_training_ends_early(tmp_path):
    assert Training(tmp_path, step_seconds=1.0).run(until=200).recorded[-1] == 200


@pytest.mark.parametrize("seed", range(20))
def test_no_more_than_the_share_of_time_is_spent(tmp_path, seed):
    dice = random.Random(seed)
    typical = 10 ** dice.uniform(-3, 1.5)

    def look_seconds():
        return typical * dice.uniform(0.8, 1.2)

    training = Training(tmp_path, look_seconds=look_seconds).run()
    trained = training.trained
    # Only what the last look took beyond the one before, or the first beyond a guess, is too much.
    excess = 1.2 if len(training.recorded) == 1 else 0.8 if len(training.recorded) == 2 else 0.4
    assert training.spent <= SHARE * trained + excess * typical
    if 4 * 1.2 * typical < SHARE * trained:
        assert training.recorded[-1] == STEPS


def test_what_is_too_slow_is_told_once_and_at_the_end(tmp_path):
    training = Training(tmp_path, length=100_000).run()
    assert training.recorded == training.resolutions == []
    told = training.records
    assert [event.step for event in told] == [STEPS // 25, STEPS]
    assert all(isinstance(event, NotRecorded) for event in told)
    assert "more than 3 %" in told[0].reason
    assert "100 s of training" in told[-1].reason


def test_time_for_one_is_kept_for_the_end(tmp_path):
    training = Training(tmp_path, look_seconds=1.7, length=1_450).run()  # first guess: 1.7 s
    assert training.recorded == [STEPS]
    budget = TimeBudget(100, first_seconds=2.0)
    assert "more than 3 %" in budget.refusal(10, trained=10.0, is_last=False)
    # At one second a step 100 come together, and 3 seconds for recordings.
    assert "after the last step" in budget.refusal(90, trained=90.0, is_last=False)
    assert not budget.refusal(90, trained=90.0, is_last=True)


def test_what_the_first_look_loads_is_not_counted_for_the_next():
    budget = TimeBudget(100, first_seconds=1.0)
    budget.spend(3.0)
    assert not budget.refusal(50, trained=4.6 / SHARE, is_last=True)
    assert budget.refusal(50, trained=4.4 / SHARE, is_last=True)
    budget.spend(2.0)
    assert not budget.refusal(60, trained=7.1 / SHARE, is_last=True)
    assert budget.refusal(60, trained=6.9 / SHARE, is_last=True)


def test_a_first_look_that_is_compiled_is_taken_to_need_as_long_as_the_first_updates():
    budget = TimeBudget(100, first_seconds=0.5)
    budget.expect(2.0)
    assert not budget.refusal(50, trained=2.1 / SHARE, is_last=True)
    assert budget.refusal(50, trained=1.9 / SHARE, is_last=True)
    # In the time that is kept for the last look, nothing is compiled any more.
    assert budget.refusal(50, trained=3.4 / SHARE, is_last=False)
    budget.refusal(10, trained=1.0, is_last=False)
    assert not budget.refusal(60, trained=3.6 / SHARE, is_last=False)
    # What compiling took says nothing of those that follow.
    budget.spend(2.5)
    assert not budget.refusal(70, trained=3.1 / SHARE, is_last=True)
    assert budget.refusal(70, trained=2.9 / SHARE, is_last=True)


@pytest.mark.parametrize(("is_compiled", "is_recorded"), [(False, True), (True, False)])
def test_what_the_first_updates_took_counts_where_looks_are_compiled(
    tmp_path, is_compiled, is_recorded
):
    training = Training(tmp_path, step_seconds=0.02, is_compiled=is_compiled)  # 20 s, 0.6 of them
    training.observer.began(2.0)
    assert bool(training.run().recorded) is is_recorded


def test_a_large_network_is_seen_more_coarsely(tmp_path):
    def traces(resolution):
        return [Trace("a", "", ("query", "key"), np.zeros((resolution, resolution, 100)))]

    training = Training(tmp_path, step_seconds=1.0, traces=traces).run()
    assert training.resolutions[:3] == [128, 64, 32]
    assert set(training.resolutions[3:]) == {32}
    sizes = [event.size_bytes for event in training.records]
    assert sum(sizes) <= MOST_BYTES
    assert sizes == [training.folder.recording(s).stat().st_size for s in training.recorded]


def test_a_network_too_large_for_the_coarsest_view_is_left_alone(tmp_path):
    def traces(resolution):
        return [Trace("a", "", ("step",), np.zeros(10**6))]

    training = Training(tmp_path, step_seconds=1.0, traces=traces).run()
    (told,) = training.records
    assert f"with {LEAST_RESOLUTION} places along an axis" in told.reason
    assert not training.folder.arrays.exists()


@pytest.mark.parametrize("problem", [RuntimeError("a shape\nis odd"), MemoryError(), None])
def test_whatever_goes_wrong_is_told_once_and_training_goes_on(tmp_path, problem):
    def traces(resolution):
        if problem is not None:
            raise problem
        return []

    training = Training(tmp_path, step_seconds=1.0, traces=traces).run()
    (told,) = training.records
    expected = "nothing that is recorded" if problem is None else type(problem).__name__
    assert expected in told.reason
    assert len(training.resolutions) == 1


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "arrays").write_text("in the way")
    (told,) = Training(tmp_path, step_seconds=1.0).run().records
    assert "FileExistsError" in told.reason
