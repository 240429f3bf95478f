"""What is exported is what was measured, whatever befell the trials."""

import csv
import io
import math
from datetime import datetime

import toy
from history import begun, ended, supervised, trained, view_of

from experiments.events import BaselineMeasured, Pretrained
from experiments.export import HEADER, as_csv
from experiments.status import Status

CONFIG = toy.experiment(models=["lstm", "gru"], seeds=[0, 1], budget={"steps": 8})
FIRST = CONFIG.trials()[0].name
LATER = 200.0


def exported(view):
    return list(csv.DictReader(io.StringIO(as_csv(view), newline="")))


def test_every_measurement_is_a_line():
    pretrained = [Pretrained(time=LATER + 1, step=3, values={"loss": 2.5})]
    lost = trained({1: 0.5, 2: math.nan}, "train_loss") + ended(Status.FAILED, "NaN")
    again = begun(LATER, attempt=2) + pretrained + trained({1: 0.1}, "test_mse", since=LATER + 2)
    stories = {trial.name: begun() + lost for trial in CONFIG.trials()[1:]}
    view = view_of(CONFIG, {**stories, FIRST: begun() + lost + again})
    lines = exported(view)
    assert tuple(lines[0]) == HEADER
    for trial in view.trials:
        mine = [line for line in lines if line["trial"] == trial.name]
        found = {(x["key"], int(x["step"])): float(x["value"]) for x in mine}
        known = {
            (key, int(step)): value
            for key, series in trial.series.items()
            for step, value in zip(series.step, series.value, strict=True)
        }
        assert found.keys() == known.keys()
        assert all(found[at] == known[at] or math.isnan(known[at]) for at in known)
        assert {(x["model"], x["seed"], x["role"]) for x in mine} == {
            (trial.model, str(trial.seed), "comparison")
        }
    assert {x["attempt"] for x in lines if x["trial"] == FIRST} == {"2"}
    (test,) = (x for x in lines if x["key"] == "test_mse")
    assert datetime.fromisoformat(test["time"]).timestamp() == LATER + 3
    assert float(test["seconds"]) == 3.0
    assert "nan" in {x["value"] for x in lines}


def test_baselines_stand_beside_the_trials():
    told = [
        BaselineMeasured(name="mean", seed=seed, values={"test_mse": seed / 7}) for seed in (0, 1)
    ]
    view = view_of(CONFIG, {}, [supervised(), *told])
    lines = exported(view)
    assert {line["role"] for line in lines} == {"baseline"}
    assert {line["model"] for line in lines} == {"mean"}
    assert [float(line["value"]) for line in lines] == [0.0, 1 / 7]  # to the last digit
    assert {line["step"] for line in lines} == {""}


def test_without_measurements_there_is_the_header_alone():
    assert as_csv(view_of(CONFIG, {})) == ",".join(HEADER) + "\n"
