"""From words on a command line to a configuration."""

import dataclasses
from pathlib import Path

import pytest

import experiments
from experiments.catalog import model_names
from experiments.errors import RequestError
from experiments.protocol import Protocol
from experiments.request import DEFAULT_SEEDS, experiment_request

PRESETS = sorted((Path(experiments.__file__).parent / "configs").glob("*.toml"))


def test_a_task_alone_gets_every_model_that_serves_it_and_its_own_budget() -> None:
    config = experiment_request("digits")
    decoders_and_readers_of_tokens = {"seq2seq", "seq2seq_attention", "bert"}
    chosen = {model.label for model in config.models}
    assert chosen == set(model_names()) - decoders_and_readers_of_tokens
    assert config.seeds == tuple(range(DEFAULT_SEEDS))
    assert config.budget == config.task.task.budget
    assert config.name.startswith("digits-")


def test_options_lie_over_the_defaults() -> None:
    config = experiment_request(
        "adding",
        models="lstm, gru",
        seeds=2,
        steps=7,
        jobs=1,
        name="mine",
        assignments=["task.length=9", "budget.batch_size=4", "models.gru.units=5"],
    )
    assert [model.label for model in config.models] == ["lstm", "gru"]
    assert (config.seeds, config.budget.steps, config.jobs) == ((0, 1), 7, 1)
    assert config.task.document()["length"] == 9
    assert config.budget.batch_size == 4
    assert config.models[1].document()["units"] == 5
    assert config.name == "mine"


def test_what_is_matched_can_be_asked_for_by_itself() -> None:
    by_default, flops, time, none = (
        experiment_request("digits", models="lstm,transformer", protocol={"match": match})
        for match in (None, "flops", "time", "none")
    )
    assert [config.protocol.match for config in (by_default, flops, time, none)] == [
        "parameters",
        "flops",
        "time",
        "none",
    ]
    assert time.untimed == ("transformer",)
    assert by_default.models != flops.models
    by_set = experiment_request(
        "digits", protocol={"match": "none"}, assignments=["protocol.match=flops"]
    )
    assert by_set.protocol.match == "flops"


def test_a_file_says_what_the_options_do_not(tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    file.write_text(
        'seeds = [3, 5]\nmodels = ["lstm", {name = "lstm", label = "wide", units = 99}]\n'
        '[task]\nname = "adding"\nlength = 50\n[budget]\nsteps = 11\n'
    )
    config = experiment_request(str(file), steps=12, assignments=["models.wide.units=98"])
    assert config.seeds == (3, 5)
    assert [model.label for model in config.models] == ["lstm", "wide"]
    assert config.models[1].document()["units"] == 98
    assert config.budget.steps == 12
    assert config.name.startswith("long-")


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_every_preset_is_valid(preset: Path) -> None:
    assert experiment_request(str(preset)).name.startswith(preset.stem)


@pytest.mark.parametrize("seeds", [-1, 0, 10**9])
def test_seeds_out_of_bounds_are_refused(seeds: int) -> None:
    with pytest.raises(RequestError, match=rf"--seeds: expected 1 to 1000. Received: {seeds}."):
        experiment_request("adding", seeds=seeds)


def test_steps_on_a_budget_that_is_no_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "odd.toml"
    file.write_text('budget = 3\n[task]\nname = "adding"\n')
    with pytest.raises(RequestError, match="budget"):
        experiment_request(str(file), steps=3)


@pytest.mark.parametrize("item", ["tune", "stop_early", "lengths", "causality"])
def test_items_of_the_protocol_are_switched_and_stay_as_they_are_otherwise(item):
    asked = experiment_request("digits", models="gru", protocol={item: False, "match": None})
    assert asked.protocol == dataclasses.replace(Protocol(), **{item: False})
    # The command line is laid over a file.
    on = experiment_request("digits", models="gru", protocol={item: True}).protocol
    assert on == Protocol()
