from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from staged import STARTED, STEPS, WORKER, config, ended, training

from experiments import stats
from experiments.effort import Effort
from experiments.events import Built, Measured, Started
from experiments.read_model import ExperimentView, new_view
from experiments.smoothing import Smoother
from experiments.trial_fold import fold_trial
from tui.widgets import model_curves
from tui.widgets.model_curves import CurveMaker, CurveRequest, Member, is_noisy, smoothing_of

LOSS = frozenset({"train_loss"})
EXACT = CurveRequest(LOSS, smoothing=0.0)


def view_of(until: dict[str, int], **changes: object) -> ExperimentView:
    """An experiment whose trials were trained up to a step."""
    return grown(new_view(config(**changes)), until)


def grown(view: ExperimentView, until: dict[str, int]) -> ExperimentView:
    """The view after more training of some trials."""

    def further(trial):
        events = training(trial.model, trial.seed, until.get(trial.name, 0))
        new = [e for e in events if isinstance(e, Measured) and e.step > trial.step]
        begun = events[:2] if trial.name in until and not trial.attempt else []
        return fold_trial(trial, [*begun, *new])

    return view.with_trials(tuple(further(trial) for trial in view.trials))


def front(curves, label):
    (found,) = [curve for curve in curves if curve.label == label and not curve.thin]
    return found


def test_mean_and_interval_over_seeds_at_each_step_by_hand():
    view = view_of({"lstm-s0": 30, "lstm-s1": 30, "lstm-s2": 12})
    curve = front(CurveMaker().make(view, EXACT)["train_loss"], "lstm")
    seeds = [trial.values("train_loss") for trial in view.trials if trial.model == "lstm"]
    for at, step in ((0, 1), (11, 12), (12, 13), (29, 30)):
        values = [s.value[step - 1] for s in seeds if len(s) >= step]
        interval = stats.t_interval(values)
        assert curve.x[at] == step
        assert curve.counts[at] == len(values)
        assert curve.y[at] == pytest.approx(interval.mean)
        assert curve.low[at] == pytest.approx(max(interval.low, 0.0))
        assert curve.high[at] == pytest.approx(interval.high)


def test_the_band_is_that_of_the_smoothed_members():
    request = CurveRequest(LOSS, smoothing=0.1)
    view = view_of({"lstm-s0": 30, "lstm-s1": 30})
    curve = front(CurveMaker().make(view, request)["train_loss"], "lstm")
    seeds = [t.values("train_loss") for t in view.trials if len(t.values("train_loss"))]
    smoothed = [Smoother(0.1 * STEPS).extend(s.step, s.value) for s in seeds]
    expected = stats.t_interval([s[20] for s in smoothed], bounds=(0.0, math.inf))
    found = (curve.y[20], curve.low[20], curve.high[20])
    assert found == pytest.approx((expected.mean, expected.low, expected.high))


@pytest.mark.parametrize("x", [Effort.STEP, Effort.EXAMPLES, Effort.TIME, Effort.COMPUTE])
@pytest.mark.parametrize("smoothing", [0.0, 0.03])
def test_reading_on_is_reading_all_at_once(x, smoothing):
    request = CurveRequest(LOSS, x, smoothing, members=True)
    maker, view = CurveMaker(), view_of({"lstm-s0": 5})
    for until in ({"lstm-s0": 9, "gru-s1": 3}, {"lstm-s0": 30, "lstm-s1": 17}, {"lstm-s1": 60}):
        maker.make(view, request)
        view = grown(view, until)
    found = maker.make(view, request)["train_loss"]
    expected = CurveMaker().make(view, request)["train_loss"]
    assert [c.label for c in found] == [c.label for c in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.x, other.x)
        np.testing.assert_allclose(one.y, other.y)
        assert one.thin == other.thin


def test_on_the_clock_only_where_all_seeds_have_values():
    view = view_of({"lstm-s0": 40, "lstm-s1": 10})
    request = CurveRequest(LOSS, Effort.TIME, 0.0)
    curve = front(CurveMaker().make(view, request)["train_loss"], "lstm")
    # Half a second a step, two seconds after the process began.
    assert (curve.x[0], curve.x[-1]) == (2.5, 7.0)
    assert set(curve.counts) == {2}


def test_only_what_changed_is_made_again():
    maker, view = CurveMaker(), view_of({"lstm-s0": 10, "gru-s0": 10})
    before = maker.make(view, EXACT)["train_loss"]
    assert maker.make(view, EXACT)["train_loss"][0] is before[0]
    after = maker.make(grown(view, {"gru-s0": 20}), EXACT)["train_loss"]
    assert after[0] is before[0]
    assert after[1] is not before[1]


def test_a_new_attempt_begins_a_new_curve():
    maker, view = CurveMaker(), view_of({"lstm-s0": 30})
    maker.make(view, EXACT)
    again = [Started(time=STARTED, process=WORKER, attempt=2)]
    again.append(Built(time=STARTED, num_parameters=1, backend="", device="", threads=1))
    again.append(Measured(time=STARTED + 5, step=1, values={"train_loss": 7.0}))
    trials = tuple(
        fold_trial(trial, again) if trial.name == "lstm-s0" else trial for trial in view.trials
    )
    curve = front(maker.make(view.with_trials(trials), EXACT)["train_loss"], "lstm")
    assert (list(curve.x), list(curve.y)) == ([1], [7.0])


def test_a_seed_that_was_not_finite_is_marked_in_the_mean():
    view = view_of({"lstm-s0": 30, "lstm-s1": 20})
    bad = [Measured(time=STARTED + 50, step=21, values={"train_loss": math.nan})]
    trials = tuple(
        fold_trial(trial, bad) if trial.name == "lstm-s1" else trial for trial in view.trials
    )
    curve = front(CurveMaker().make(view.with_trials(trials), EXACT)["train_loss"], "lstm")
    assert list(curve.marks) == [21]
    assert np.isfinite(curve.y).all()
    assert list(curve.finite.above) == [21]


def test_members_stand_behind_their_mean_and_a_single_run_before_its_values():
    view = view_of({"lstm-s0": 30})
    alone = CurveMaker().make(view, CurveRequest(LOSS))["train_loss"]
    assert [curve.thin for curve in alone] == [False, True]
    np.testing.assert_array_equal(alone[1].y, view.trials[0].values("train_loss").value)
    view = grown(view, {"lstm-s1": 30, "gru-s0": 5})
    request = CurveRequest(LOSS, members=True)
    curves = CurveMaker().make(view, request)["train_loss"]
    assert [(c.label, c.thin) for c in curves] == [
        ("lstm", False),
        ("gru", False),
        ("lstm", True),
        ("lstm", True),
    ]
    assert len(CurveMaker().make(view, CurveRequest(LOSS))["train_loss"]) == 2


def test_colours_are_those_of_the_models_whatever_is_drawn():
    view = view_of({"simple_rnn-s0": 10, "gru-s1": 10, "gru-s2": 10})
    request = CurveRequest(frozenset({"train_loss", "gradient_norm"}), members=True)
    drawn = [c for curves in CurveMaker().make(view, request).values() for c in curves]
    assert {(c.label, c.color) for c in drawn} == {("gru", 1), ("simple_rnn", 2)}


def test_steps_per_second_are_made_of_the_seconds_of_a_step():
    request = CurveRequest(frozenset({"steps_per_second"}), smoothing=0.0)
    (curve, *_) = CurveMaker().make(view_of({"lstm-s0": 3}), request)["steps_per_second"]
    np.testing.assert_allclose(curve.y, 1 / 0.012)


def test_long_curves_are_thinned_alike_for_all_seeds(monkeypatch):
    monkeypatch.setattr(model_curves, "MOST_POINTS", 16)
    maker, view = CurveMaker(), view_of({"lstm-s0": 7, "lstm-s1": 3})
    for until in (20, 50, 100):
        curve = front(maker.make(view, EXACT)["train_loss"], "lstm")
        assert curve.x.size <= 2 * 16
        view = grown(view, {"lstm-s0": until, "lstm-s1": until // 3})
    curve = front(maker.make(view, EXACT)["train_loss"], "lstm")
    assert list(curve.x) == list(range(1, 101, 8))
    assert list(curve.counts) == [2] * 5 + [1] * 8
    whole = {name: view.trial(name).values("train_loss").value for name in ("lstm-s0", "lstm-s1")}
    expected = [(whole["lstm-s0"][i] + whole["lstm-s1"][i]) / 2 for i in range(0, 33, 8)]
    np.testing.assert_allclose(curve.y[:5], expected)


def test_what_was_thinned_is_not_kept(monkeypatch):
    monkeypatch.setattr(model_curves, "MOST_POINTS", 16)
    trial = view_of({"lstm-s0": 100}).trial("lstm-s0")
    member = Member(trial, "train_loss", Effort.STEP, 0.0)
    member.update(trial)
    assert list(member.x) == list(range(1, 101, 8))
    assert member.x.base is None
    assert member.y.base is None


def test_finished_once_every_seed_is():
    view = view_of({"lstm-s0": 10}, models=[{"name": "lstm"}], seeds=[0])
    assert not CurveMaker().make(view, EXACT)["train_loss"][0].finished
    done = view.with_trials(tuple(fold_trial(trial, ended()) for trial in view.trials))
    assert CurveMaker().make(done, EXACT)["train_loss"][0].finished


def test_only_what_is_noisy_is_averaged_unasked():
    assert is_noisy("train_loss")
    assert is_noisy("steps_per_second")
    for key in ("validation_loss", "learning_rate", "memory_bytes"):
        assert not is_noisy(key)
        assert smoothing_of(key, None) == 0.0
        assert smoothing_of(key, 0.1) == 0.1


def test_other_requests_leave_nothing_behind():
    maker, view = CurveMaker(), view_of({"lstm-s0": 10})
    made = maker.make(view, EXACT)
    other = replace(EXACT, keys=frozenset({"gradient_norm"}))
    assert set(maker.make(view, other)) == {"gradient_norm"}
    assert maker.make(view, EXACT)["train_loss"][0] is not made["train_loss"][0]
