import math
from dataclasses import replace

import pytest
import toy
from history import begun, ended, outcome, trained, view_of

from experiments import stats
from experiments.by_length import Bin, by_length

CONFIG = toy.experiment(
    task={"name": "reverse"}, models=["seq2seq", "seq2seq_attention"], seeds=[0, 1]
)


def view(stories):
    """Trials that are not in the stories ended without a word."""
    return view_of(CONFIG, {trial.name: story({}) for trial in CONFIG.trials()} | stories)


def story(values):
    told = [event for key, value in values.items() for event in trained({8: value}, key)]
    return [*begun(), *told, *ended()]


def test_bins_are_in_order_with_those_beyond_training_last():
    keys = ["extrapolation_exact_match_31_40", "test_exact_match_4_12", "test_exact_match_13_21"]
    found = by_length(view({"seq2seq-s0": story(dict.fromkeys(keys, 0.5))}))
    assert found.metric == "exact_match"
    assert found.bins == (Bin(False, 4, 12), Bin(False, 13, 21), Bin(True, 31, 40))


def test_intervals_are_over_the_seeds_of_each_model():
    found = by_length(
        view(
            {
                "seq2seq-s0": story({"test_exact_match_4_12": 0.2}),
                "seq2seq-s1": story({"test_exact_match_4_12": 0.4}),
                "seq2seq_attention-s0": story({"test_exact_match_4_12": 0.9}),
            }
        )
    )
    assert list(found.intervals) == ["seq2seq", "seq2seq_attention"]
    assert found.intervals["seq2seq"] == (stats.t_interval([0.2, 0.4], bounds=(0, 1)),)
    assert found.intervals["seq2seq_attention"][0].mean == 0.9
    assert found.intervals["seq2seq_attention"][0].n == 1


def test_what_only_tuned_is_left_out():
    told = view({"seq2seq-s0": story({"test_exact_match_4_12": 0.2})})
    tuned = replace(told.trials[0], config=replace(told.trials[0].config, role="tuning"))
    assert by_length(told.with_trials((tuned, *told.trials[1:]))) is None


def test_a_model_without_a_bin_has_nothing_there():
    found = by_length(view({"seq2seq-s0": story({"test_exact_match_4_12": 0.2})}))
    assert math.isnan(found.intervals["seq2seq_attention"][0].mean)


@pytest.mark.parametrize(
    "key",
    [
        "test_exact_match",
        "test_token_accuracy_4_12",
        "validation_exact_match_4_12",
        "test_exact_match_4_12_5",
    ],
)
def test_other_measures_are_no_bins(key):
    assert by_length(view({"seq2seq-s0": story({key: 0.5})})) is None


def test_nothing_is_told_before_every_trial_is_finished():
    told = {"seq2seq-s0": story({"test_exact_match_4_12": 0.5})}
    assert by_length(view(told)) is not None
    assert by_length(view(told | {"seq2seq-s1": begun()})) is None


def test_a_task_without_lengths_has_none():
    config = toy.experiment(models=["gru"], seeds=[0])
    assert by_length(outcome(config, {"gru-s0": 0.5}, key="test_mse")) is None
