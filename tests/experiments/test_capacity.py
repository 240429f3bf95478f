"""Widths at which architectures have as much to learn with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import toy
from hypothesis import given
from hypothesis import strategies as st

from experiments.capacity import TOLERANCE, matched
from experiments.catalog import MODELS, TASKS, models_for
from experiments.config import ExperimentConfig
from experiments.errors import RequestError
from experiments.mismatches import costs, mismatches
from experiments.models.cost import Cost, cell
from experiments.models.gru import GRU
from experiments.models.lstm import LSTM
from experiments.models.self_attention import SelfAttention
from experiments.models.simple_rnn import SimpleRNN
from experiments.models.transformer import Transformer
from experiments.read_model import new_view
from experiments.report import summary
from experiments.request import experiment_request
from experiments.tasks.adding import Adding
from experiments.tasks.task import Task

QUANTITIES = {"parameters": "num_parameters", "flops": "flops"}


@dataclass(frozen=True)
class Blocks(toy.Linear):
    """Says what it costs: a square of its width, in steps of seven."""

    name: ClassVar[str] = "blocks"
    widths: ClassVar[tuple[str, ...]] = ("width",)

    width: int = 7

    def width_step(self, name: str) -> int:
        return 7

    def cost(self, task: Task) -> Cost:
        return Cost(num_parameters=self.width**2, flops=self.width)


@dataclass(frozen=True)
class Constant(Blocks):
    """Has a width of which its cost does not know."""

    def cost(self, task: Task) -> Cost:
        return Cost(num_parameters=5)


@dataclass(frozen=True)
class Broken(Blocks):
    """Cannot say what it costs."""

    def cost(self, task: Task) -> Any:
        raise ZeroDivisionError("no\nlayers")


@dataclass(frozen=True)
class Counting(Blocks):
    """Takes a number for a cost."""

    def cost(self, task: Task) -> Any:
        return 17


def asked(*models: object, task: str = "adding", match: str = "parameters") -> ExperimentConfig:
    return toy.experiment(
        task={"name": task},
        models=[{"name": model} if isinstance(model, str) else model for model in models],
        protocol={"match": match},
    )


def here(model: type) -> str:
    return f"{__name__}:{model.__name__}"


def test_the_layers_of_the_three_recurrent_architectures_have_equal_weights() -> None:
    """At two inputs 64 units of an LSTM are 74 of a GRU and 129 of a plain network."""

    def best(target: int, **form: int) -> int:
        counts = {h: cell(2, h, 1, **form).num_parameters for h in range(1, 300)}
        return min(counts, key=lambda h: abs(counts[h] - target))

    lstm = cell(2, 64, 1, gates=4).num_parameters
    assert (best(lstm, gates=3, biases=2), best(lstm)) == (74, 129)
    found = matched(Adding(), [LSTM(), GRU(), SimpleRNN()], [(), (), ()], "parameters")
    assert [model.units for model in found] == [64, 74, 129]


@pytest.mark.parametrize("match", QUANTITIES)
@pytest.mark.parametrize("task", TASKS)
def test_every_model_of_every_task_is_within_two_percent(task: str, match: str) -> None:
    config = experiment_request(task, protocol={"match": match})
    assert [choice.label for choice in config.models] == models_for(config.task.task)
    amounts = {label: getattr(cost, QUANTITIES[match]) for label, cost in costs(config).items()}
    reference = amounts.get("lstm", amounts[config.models[0].label])
    assert len(amounts) == len(config.models)
    for amount in amounts.values():
        assert amount == pytest.approx(reference, rel=TOLERANCE)
    assert mismatches(config) == []


@given(
    units=st.integers(1, 10**6),
    layers=st.integers(1, 5),
    name=st.sampled_from([name for name, model in MODELS.items() if model().serves(Adding())]),
    quantity=st.sampled_from(list(QUANTITIES)),
)
def test_no_other_width_is_nearer(units: int, layers: int, name: str, quantity: Any) -> None:
    task, reference = Adding(), LSTM(units=units)
    _, found = matched(task, [reference, MODELS[name](num_layers=layers)], [(), ()], quantity)

    def distance(model: Any) -> int:
        target, amount = (getattr(m.cost(task), QUANTITIES[quantity]) for m in (reference, model))
        return abs(target - amount)

    last = found.widths[-1]
    step = found.width_step(last)
    for width in (getattr(found, last) - step, getattr(found, last) + step):
        if width > 0 and (len(found.widths) == 1 or not close(distance(found), reference, task)):
            assert distance(replace(found, **{last: width})) >= distance(found)


def close(distance: int, reference: Any, task: Task) -> bool:
    """Whether the coarse width alone came near enough, so that nothing finer was tried."""
    cost = reference.cost(task)
    return distance <= TOLERANCE * max(cost.num_parameters, cost.flops)


def test_the_reference_is_the_lstm_wherever_it_stands() -> None:
    first, second = asked("gru", "lstm"), asked("lstm", "gru")
    assert [choice.label for choice in first.models] == ["gru", "lstm"]
    assert first.models == second.models[::-1]
    assert second.models[0].model == LSTM()


def test_without_an_lstm_the_first_model_is_the_reference() -> None:
    gru, rnn = (choice.model for choice in asked("gru", "simple_rnn").models)
    assert gru == GRU()
    assert rnn.cost(Adding()).num_parameters == pytest.approx(
        gru.cost(Adding()).num_parameters, rel=TOLERANCE
    )


def test_a_width_that_is_given_stays() -> None:
    config = asked(
        "lstm",
        {"name": "gru", "units": 9},
        {"name": "transformer", "intermediate_dim": 20},
        {"name": "simple_rnn", "num_layers": 2},
    )
    _, gru, transformer, rnn = (choice.model for choice in config.models)
    assert gru == GRU(units=9)
    assert transformer == Transformer(intermediate_dim=20)
    assert rnn.num_layers == 2
    assert rnn.units < 129
    assert [sentence.partition(" has ")[0] for sentence in mismatches(config)] == [
        "gru",
        "transformer",
    ]


def test_a_reference_that_is_given_a_width_moves_the_others() -> None:
    wide = asked({"name": "lstm", "units": 256}, "gru", "transformer", "self_attention")
    assert mismatches(wide) == []
    assert wide.models[0].model.units == 256
    assert wide.models[1].model.units > 256


def test_finer_widths_keep_the_proportion_or_fill_the_gap() -> None:
    task = Adding()
    target = LSTM(units=200)
    _, blocks, heads = matched(task, [target, Transformer(), SelfAttention()], [()] * 3, "flops")
    assert blocks.hidden_dim % blocks.num_heads == 0
    assert 1 < blocks.intermediate_dim / blocks.hidden_dim < 3
    assert abs(heads.num_heads * heads.key_dim - heads.hidden_dim) <= heads.num_heads


def test_nothing_is_matched_where_nobody_asks() -> None:
    config = asked("lstm", "gru", "transformer", match="none")
    assert [choice.model for choice in config.models] == [LSTM(), GRU(), Transformer()]


def test_what_is_written_says_how_wide_it_was_and_is_not_solved_again() -> None:
    config = asked("lstm", "gru")
    written = config.document()
    assert [entry["units"] for entry in written["models"]] == [64, 74]
    written["models"][0]["units"] = 10
    again = ExperimentConfig.from_document(written)
    assert [choice.model.units for choice in again.models] == [10, 74]


def test_a_mismatch_is_said_with_both_numbers() -> None:
    config = asked("lstm", {"name": "gru", "units": 64}, {"name": "gru", "label": "b", "units": 99})
    lstm, small, large = (cost.num_parameters for cost in costs(config).values())
    assert mismatches(config) == [
        f"gru has {small:,} parameters, 23.8 % fewer than lstm with {lstm:,}",
        f"b has {large:,} parameters, 78.3 % more than lstm with {lstm:,}",
    ]
    assert (lstm - small) / lstm == pytest.approx(0.238, abs=5e-4)
    assert (large - lstm) / lstm == pytest.approx(0.783, abs=5e-4)


@pytest.mark.parametrize("match", ["parameters", "none"])
def test_unequal_parameters_are_said_though_nothing_was_matched(match: str) -> None:
    config = asked("lstm", {"name": "lstm", "label": "wide", "units": 65}, match=match)
    [sentence] = mismatches(config)
    assert sentence.startswith("wide has 17,746 parameters, 3.07 % more than lstm")


def test_the_report_says_it_too() -> None:
    config = asked("lstm", {"name": "gru", "units": 64})
    assert summary(new_view(config))["warnings"] == mismatches(config) != []


def test_unequal_flops_are_said_where_flops_are_matched() -> None:
    config = asked("lstm", {"name": "gru", "units": 90}, match="flops")
    [sentence] = mismatches(config)
    assert "training FLOPs for each sequence, " in sentence


def test_a_model_of_others_takes_part_with_the_nearest_of_its_widths() -> None:
    config = asked({"name": "lstm", "units": 21}, here(Blocks), task="toy:Sums")
    lstm, blocks = costs(config).values()
    assert blocks.num_parameters == min(
        ((7 * k) ** 2 for k in range(1, 20)), key=lambda n: abs(n - lstm.num_parameters)
    )
    assert mismatches(config)[0].startswith("Blocks has 1,764 parameters")


def test_a_model_of_others_that_says_nothing_takes_part_as_it_is() -> None:
    config = asked("lstm", "toy:Linear", "gru", task="toy:Sums")
    assert config.models[1].model == toy.Linear()
    assert costs(config).keys() == {"lstm", "gru"}
    assert mismatches(config) == []


@pytest.mark.parametrize("place", [0, 1])
def test_a_model_of_others_that_does_not_say_its_flops_is_not_measured_by_them(place: int) -> None:
    models = ["gru", "simple_rnn"]
    models.insert(place, here(Constant))
    config = asked(*models, task="toy:Sums", match="flops")
    assert config.models[place].model == Constant()
    gru, rnn = (cost.flops for label, cost in costs(config).items() if label != "Constant")
    assert rnn == pytest.approx(gru, rel=TOLERANCE)
    assert mismatches(config) == []


def test_models_that_say_nothing_can_be_alone() -> None:
    config = asked("toy:Linear", {"name": "toy:Linear", "label": "b"}, task="toy:Sums")
    assert (costs(config), mismatches(config)) == ({}, [])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Constant, "blocks: its capacity cannot be matched, because what it says it costs does"),
        (Broken, "models.Broken: its cost of the task failed with ZeroDivisionError: no layers."),
        (Counting, "models.Counting: its cost must be a Cost, or None where it is not known."),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_cost_that_is_wrong_is_refused_in_one_line(model: type, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        asked("lstm", here(model), task="toy:Sums")
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_an_unknown_match_is_refused_with_the_nearest() -> None:
    with pytest.raises(RequestError, match=r"protocol.match 'flop'. Did you mean 'flops'\?"):
        experiment_request("adding", protocol={"match": "flop"})
