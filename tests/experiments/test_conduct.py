"""What an experiment says of its protocol."""

import json

import msgspec
import pytest
import toy
from history import begun, ended, trained, view_of

from experiments import conduct
from experiments.events import (
    Built,
    DataRead,
    DependenceFound,
    Pretrained,
    RateChanged,
    RateChosen,
    Solved,
)
from experiments.protocol import NO_PROTOCOL, Protocol
from experiments.read_model import fold_experiment
from experiments.report import summary

CONFIG = toy.experiment(models=["gru", "lstm"], seeds=[0, 3])
HEARD = DependenceFound(time=103.0, steps=3, tried=(0, 1, 2), faint=(0,))


def read(split, sha256):
    return DataRead(time=103.0, split=split, sequences=16, sha256=sha256)


def finished(*events, test=0.5):
    return begun() + list(events) + trained({8: test}, "test_mse") + ended()


def view(config=CONFIG, **stories):
    named = {name.replace("_", "-"): story for name, story in stories.items()}
    others = {trial.name: finished() for trial in config.trials() if trial.name not in named}
    return view_of(config, named | others)


@pytest.mark.parametrize(
    ("protocol", "off"),
    [
        (Protocol(), ()),
        (Protocol(tune=False), ("learning rates tuned",)),
        (Protocol(match="none", lengths=False), ("equal capacity", "longer sequences")),
    ],
)
def test_what_was_switched_off_is_said(protocol, off):
    assert conduct.switched_off(protocol) == off


def test_every_item_can_be_switched_off():
    assert len(conduct.switched_off(NO_PROTOCOL)) == 5


def test_data_is_that_of_all_models_where_they_read_the_same():
    same = [read("train", "aa"), read("test", "bb")]
    found = conduct.data(
        view(gru_s0=finished(*same), lstm_s0=finished(*same), gru_s3=finished(read("test", "cc")))
    )
    assert found == {0: {"train": ("aa",), "test": ("bb",)}, 3: {"test": ("cc",)}}


def test_other_data_for_another_model_is_a_warning():
    stories = {"gru_s0": finished(read("test", "aa")), "lstm_s0": finished(read("test", "bb"))}
    assert conduct.warnings(view(**stories)) == [
        "seed 0: not all models have read the same test data"
    ]


def test_trials_on_different_backends_are_a_warning():
    others = [
        msgspec.structs.replace(event, backend="jax") if isinstance(event, Built) else event
        for event in finished()
    ]
    (warning,) = conduct.warnings(view(gru_s3=others))
    assert warning == (
        "not all trials ran on the same backend: gru-s0, lstm-s0, lstm-s3 on none; gru-s3 on jax"
    )
    assert summary(view())["backend"] == "none"


def test_a_learning_rate_that_a_person_changed_is_a_warning():
    change = RateChanged(time=104.0, step=3, before=0.001, learning_rate=0.0005)
    found = view(gru_s3=finished(change))
    assert conduct.warnings(found) == [
        "gru-s3: a person changed its learning rate from 0.001 to 0.0005 after step 3"
    ]
    trials = {(t["model"], t["seed"]): t for t in summary(found)["trials"]}
    changes = {key: t["learning_rate_changes"] for key, t in trials.items()}
    assert changes.pop(("gru", 3)) == [{"step": 3, "learning_rate": 0.0005}]
    assert set(map(str, changes.values())) == {"[]"}
    assert {t["attempts"] for t in trials.values()} == {1}


def test_a_decoder_that_looks_ahead_is_a_warning():
    config = toy.experiment(models=["seq2seq"], seeds=[0], task={"name": "reverse"})
    causal, ahead = (
        view(
            config, seq2seq_s0=finished(DependenceFound(is_causal=known, steps=3, tried=(0, 1, 2)))
        )
        for known in (True, False)
    )
    assert conduct.warnings(causal) == []
    assert conduct.warnings(ahead) == ["seq2seq: its decoder is shown the tokens it has to predict"]


def before(step):
    return Pretrained(time=103.0, step=step, values={"loss": 0.7})


def test_pretraining_is_told_of_the_models_that_had_it():
    assert conduct.pretrainings(view()) == {}
    found = view(gru_s0=finished(before(30), before(60)), gru_s3=finished(before(20)))
    assert conduct.pretrainings(found) == {"gru": 60}  # the other is still at it


def test_the_report_holds_all_of_it():
    config = toy.experiment(models=["gru"], seeds=[0], protocol={"tune": True})
    stories = {
        trial.name: [*begun(), before(50), *trained({3: 0.1}, "validation_mse"), *ended()]
        for trial in config.trials()
    }
    stories["gru-s0"] = finished(before(50), HEARD, read("test", "bb"), Solved(time=104.0, step=5))
    values = dict.fromkeys(("0.0001", "0.000316", "0.001"), 0.1) | {"0.00316": float("nan")}
    chosen = RateChosen(time=110.0, model="gru", learning_rate=0.000316, values=values)
    document = summary(fold_experiment(view_of(config, stories), [chosen]))
    json.dumps(document, allow_nan=False)
    (trial,) = document["trials"]  # none that only tuned
    assert (trial["learning_rate"], trial["solved_at"], trial["steps"]) == (0.000316, 5, 8)
    (tuning,) = document["tuning"]
    assert (tuning["model"], tuning["learning_rate"], tuning["is_edge"]) == ("gru", 0.000316, False)
    assert tuning["values"]["0.00316"] is None
    assert (tuning["updates"], tuning["seconds"]) == (4 * (50 + 3), 4 * 20)
    assert document["pretraining"] == [{"model": "gru", "updates": 50}]
    assert trial["pretraining_steps"] == 50
    assert [trial["name"] for trial in tuning["trials"]] == [f"gru-lr{rate}" for rate in values]
    (dependence,) = document["causality"]
    assert dependence["words"] == "all steps, step 1 faintly"
    assert document["data"] == [{"seed": 0, "split": "test", "sha256": ["bb"]}]
    assert document["protocol"]["tune"] is True
    assert document["switched_off"] == []
