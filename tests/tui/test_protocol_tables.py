"""What is printed of the protocol, from a real experiment's folder without its processes."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from staged import STARTED, completed, ended, staged, training

from experiments.events import (
    DataRead,
    DependenceFound,
    Pretrained,
    RateChosen,
    StatusChanged,
    StepsTimed,
)
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.status import Status
from tui.protocol_tables import dependence_table, protocol_lines, tuning_table

pytestmark = pytest.mark.usefixtures("frozen")


def tuned() -> ExperimentView:
    stage = staged(
        models=[{"name": "lstm"}],
        seeds=[0, 1],
        protocol={"tune": True, "lengths": False, "rate_factors": [0.1, 1.0]},
        budget={"steps": 100, "learning_rate": 0.01},
    )
    stage.begin()
    for rate in ("0.001", "0.01"):
        stage.write(f"lstm-lr{rate}", [*training("lstm", 0, 40), *ended()])
    values = {"0.001": 0.25, "0.01": float("nan")}
    stage.supervise(RateChosen(time=STARTED + 30, model="lstm", learning_rate=0.001, values=values))
    found = DependenceFound(time=STARTED + 40, steps=20, tried=(0, 10, 19), unread=(0,))
    for seed in (0, 1):
        read = DataRead(time=STARTED + 40, split="test", sequences=9, sha256=f"{seed}abc")
        stage.write(f"lstm-s{seed}", [*completed("lstm", seed)[:-1], read, found, *ended()])
    return ExperimentReader(stage.folder).read()


def printed(table: object) -> str:
    out = Console(file=io.StringIO(), width=100)
    out.print(table)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_rates_their_validation_and_what_they_cost() -> None:
    text = printed(tuning_table(Console(width=100), tuned()))
    cells = [line.replace("│", " ").split() for line in text.splitlines() if "lstm" in line]
    assert cells == [["lstm", "0.250", "-", "0.001", "80", "0:50"]]
    assert "best validation mse in 40 steps with seed 4294967295" in " ".join(text.split())


def test_rates_that_were_pruned_are_marked() -> None:
    stage = staged(
        models=[{"name": "lstm"}],
        protocol={"tune": True, "prune": True, "rate_factors": [0.1, 1.0]},
        budget={"steps": 100, "learning_rate": 0.01},
    )
    stage.begin()
    stage.write("lstm-lr0.001", [*training("lstm", 0, 40), *ended()])
    stage.write(
        "lstm-lr0.01",
        [*training("lstm", 0, 20), StatusChanged(time=STARTED + 25, status=Status.PRUNED)],
    )
    values = {"0.001": 0.25, "0.01": float("nan")}
    stage.supervise(RateChosen(time=STARTED + 30, model="lstm", learning_rate=0.001, values=values))
    text = printed(tuning_table(Console(width=100), ExperimentReader(stage.folder).read()))
    cells = [line.replace("│", " ").split() for line in text.splitlines() if "lstm" in line]
    assert [row[:4] for row in cells] == [["lstm", "0.250", "✂", "0.001"]]
    assert "✂ pruned" in " ".join(text.split())


def test_what_is_read_and_what_was_off() -> None:
    view = tuned()
    assert "nothing of step 1 " in printed(dependence_table(Console(width=100), view))
    assert protocol_lines(view) == [
        "switched off: longer sequences",
        "backend: none",
        "test data by seed, SHA-256: 0abc of 0, 1abc of 1",
    ]


def test_how_long_steps_took_is_told_with_the_machine() -> None:
    stage = staged(models=[{"name": "lstm"}], protocol={"match": "time"})
    timed = StepsTimed(
        time=STARTED - 1,
        seconds={"lstm": 0.0123},
        threads=2,
        backend="jax",
        device="cpu:0",
        host="here",
    )
    stage.supervise(timed)
    assert (
        "a training step, timed alone before the trials: lstm 12.3 ms "
        "(2 threads, jax on cpu:0 of here)"
    ) in protocol_lines(ExperimentReader(stage.folder).read())


def test_what_was_pretrained_is_told() -> None:
    stage = staged(models=[{"name": "lstm"}])
    stage.begin()
    before = Pretrained(time=STARTED + 1, step=2000, values={"loss": 0.7})
    stage.write("lstm-s0", [*training("lstm", 0, 1), before])
    assert (
        "pretrained without labels, beyond the steps of training: lstm 2,000 updates"
    ) in protocol_lines(ExperimentReader(stage.folder).read())


def test_where_nothing_is_known_nothing_is_said() -> None:
    stage = staged()
    stage.begin()
    view = ExperimentReader(stage.folder).read()
    assert tuning_table(Console(), view) is None
    assert dependence_table(Console(), view) is None
    assert protocol_lines(view) == ["switched off: learning rates tuned"]


def test_one_test_split_for_all_seeds_is_told_once() -> None:
    stage = staged(models=[{"name": "lstm"}], protocol={"tune": True})
    stage.begin()
    for seed in (0, 1, 2):
        read = DataRead(time=STARTED + 1, split="test", sequences=9, sha256="abc")
        stage.write(f"lstm-s{seed}", [*training("lstm", seed, 1), read])
    lines = protocol_lines(ExperimentReader(stage.folder).read())
    assert lines == ["backend: none", "test data by seed, SHA-256: abc of 0 1 2"]
