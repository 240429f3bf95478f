from dataclasses import asdict

import toy
from history import supervised, view_of

from experiments.distinctions import distinctions
from experiments.events import RateChosen


def found_in(view):
    told = distinctions(view)
    return {row.key: dict(row.values) for row in told.differing}


def test_only_what_differs_is_told():
    config = toy.experiment(
        models=[{"name": "gru", "units": 8}, {"name": "lstm", "units": 8, "num_layers": 2}],
    )
    assert found_in(view_of(config, {})) == {
        "num_layers": {"gru": 1, "lstm": 2},
    }


def test_a_setting_that_a_model_lacks_differs():
    config = toy.experiment(
        models=[{"name": "gru", "units": 8}, {"name": "toy:Linear", "bias": True}]
    )
    found = found_in(view_of(config, {}))
    assert found["units"] == {"gru": 8}
    assert found["bias"] == {"Linear": True}
    assert "steps" not in found


def test_every_row_differs_and_every_other_setting_is_the_same():
    """Brute force: each setting of each model, looked up one by one."""
    models = [{"name": "gru"}, {"name": "lstm"}, {"name": "gru", "label": "wide", "units": 99}]
    config = toy.experiment(models=models)
    told = distinctions(view_of(config, {}))
    settings = {choice.label: asdict(choice.model) for choice in config.models}
    keys = {key for fields in settings.values() for key in fields}
    missing = object()
    expected = {k for k in keys if len({s.get(k, missing) for s in settings.values()}) > 1}
    # Both are GRUs or LSTMs, and one is called by another name.
    assert {row.key for row in told.differing} == {"model", *expected}
    shared = (config.task.task, config.protocol, config.budget)
    assert told.total == 1 + len(keys) + sum(len(asdict(part)) for part in shared)


def test_a_label_does_not_hide_which_model_it_is():
    models = [{"name": "gru"}, {"name": "gru", "label": "other", "num_layers": 2}]
    found = found_in(view_of(toy.experiment(models=models), {}))
    assert found["num_layers"] == {"gru": 1, "other": 2}
    assert "model" not in found
    models = [{"name": "gru", "label": "one"}, {"name": "lstm", "label": "other"}]
    found = found_in(view_of(toy.experiment(models=models), {}))
    assert found["model"] == {"one": "gru", "other": "lstm"}


def test_widths_are_those_that_were_solved():
    config = toy.experiment(models=["gru", "lstm"])
    widths = {choice.label: choice.model.units for choice in config.models}
    assert widths["gru"] != widths["lstm"]
    assert found_in(view_of(config, {}))["units"] == widths


def test_learning_rates_are_those_that_were_chosen():
    config = toy.experiment(models=["gru", "lstm"])
    chosen = RateChosen(time=95.0, model="gru", learning_rate=0.3, values={}, is_edge=False)
    rates = found_in(view_of(config, {}, [supervised(), chosen]))["learning_rate"]
    assert rates == {"gru": 0.3, "lstm": config.budget.learning_rate}


def test_one_model_differs_from_nothing():
    config = toy.experiment(models=["gru"])
    assert distinctions(view_of(config, {})).differing == ()
