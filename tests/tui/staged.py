"""Experiments written by hand, and the screens they give as plain text."""

from __future__ import annotations

import difflib
import math
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from experiments.config import ExperimentConfig
from experiments.events import (
    BaselineMeasured,
    Built,
    Event,
    LoadSampled,
    Measured,
    Process,
    RateChosen,
    Started,
    StatusChanged,
    StopRequested,
    SupervisorEnded,
    SupervisorStarted,
    TrialEnded,
)
from experiments.journal import JournalWriter
from experiments.status import Status
from experiments.store import ExperimentFolder
from tui.pulse import Pulse

Call = Callable[..., tuple[int, str, str]]
"""Runs a command line: exit code, stdout, stderr."""
SNAPSHOTS = Path(__file__).parent / "snapshots"
CALM = 5
"""Frames without a change after which a screen is finished."""
SIZES = ((80, 24), (120, 40), (160, 50))
ROOT = Path("runs")
"""Relative, so that no picture holds the name of a temporary folder."""
STARTED = 1000.0
PULSE = Pulse(time=1100.0, cpu_percent=42.0, memory_used=6 << 30, memory_total=16 << 30)
# Whether a process on another host lives cannot be asked, so it counts as alive.
WORKER = Process(pid=7, created=STARTED, host="elsewhere")
STEPS = 100
QUALITY = {"lstm": 3.0, "gru": 4.5, "simple_rnn": 1.2}


def config(name: str = "staged", **changes: object) -> ExperimentConfig:
    """Three models with three seeds on adding."""
    document: dict[str, object] = {
        "name": name,
        "task": {"name": "adding", "length": 20},
        "models": [{"name": model} for model in QUALITY],
        "seeds": [0, 1, 2],
        "budget": {"steps": STEPS, "evaluations": 10},
    }
    protocol = {"tune": False, **changes.pop("protocol", {})}
    return ExperimentConfig.from_document({**document, "protocol": protocol, **changes})


def error(model: str, seed: int, step: int) -> float:
    """A mean squared error that falls at the model's own pace."""
    luck = random.Random(f"{model} {seed}").uniform(0.7, 1.3)
    wave = 0.01 * math.sin(step / 7 + 2 * seed)
    return 0.16 * math.exp(-QUALITY[model] * luck * step / STEPS) + 0.004 + abs(wave)


def training(model: str, seed: int, until: int) -> list[Event]:
    """A worker's journal up to a step."""
    began = STARTED + 5 * seed
    events: list[Event] = [
        Started(time=began, process=WORKER),
        Built(time=began + 2, num_parameters=12345, backend="none", device="cpu:0", threads=1),
    ]
    for step in range(1, until + 1):
        time = began + 2 + step / 2
        values = {
            "train_loss": error(model, seed, step) * (1 + 0.3 * math.sin(step)),
            "gradient_norm": 1 + math.cos(step / 9 + seed) / 2,
            "step_seconds": 0.012,
        }
        events.append(Measured(time=time, step=step, values=values))
        if step % 10 == 0:
            mse = error(model, seed, step)
            values = {"validation_mse": mse, "validation_loss": mse}
            events.append(Measured(time=time, step=step, values=values))
    return events


def completed(model: str, seed: int) -> list[Event]:
    """A journal from start to test."""
    mse = error(model, seed, STEPS) * 1.05
    events = training(model, seed, STEPS)
    time = events[-1].time + 1
    values = {"test_mse": mse, "test_loss": mse}
    return [
        *events,
        Measured(time=time, step=STEPS, values=values),
        StatusChanged(time=time, status=Status.COMPLETED),
    ]


def ended() -> list[Event]:
    """The last record of a trial that completed."""
    return [StatusChanged(time=STARTED + 25, status=Status.COMPLETED)]


class Stage:
    """An experiment in the making."""

    def __init__(self, folder: ExperimentFolder) -> None:
        self.folder = folder

    def write(self, trial: str, events: list[Event]) -> None:
        """Append to a trial's journal."""
        self._append(self.folder.trial(trial).journal, events)

    def supervise(self, *events: Event) -> None:
        """Append to the supervisor's journal."""
        self._append(self.folder.journal, list(events))

    def damage(self, trial: str) -> None:
        """Add a line that is no record."""
        with self.folder.trial(trial).journal.open("a") as journal:
            journal.write("{half a rec\n")

    @staticmethod
    def _append(path: Path, events: list[Event]) -> None:
        writer = JournalWriter(path)
        for event in events:
            writer.append(event)
        writer.close()

    def begin(self) -> None:
        """A supervisor is at work and has measured the null baselines."""
        self.supervise(
            SupervisorStarted(time=STARTED, process=WORKER, jobs=2, threads=1),
            *(
                BaselineMeasured(time=STARTED, name=name, seed=seed, values={"test_mse": value})
                for seed in (0, 1, 2)
                for name, value in (("constant", 0.1667), ("one marker", 0.0833))
            ),
        )

    def half_way(self) -> None:
        """Some trials finished, some run, one failed, one is being stopped, one line is bad."""
        self.begin()
        for model in ("gru", "lstm"):
            for seed in (0, 1):
                self.write(f"{model}-s{seed}", completed(model, seed))
        self.write("gru-s2", training("gru", 2, 62))
        self.write("lstm-s2", training("lstm", 2, 40))
        self.supervise(
            LoadSampled(time=STARTED + 55, trial="gru-s2", cores=0.98, memory_bytes=600 << 20),
            StopRequested(time=STARTED + 60, trial="lstm-s2", rung="asked"),
        )
        self.write(
            "simple_rnn-s0",
            [
                *training("simple_rnn", 0, 30),
                Measured(time=STARTED + 20, step=31, values={"train_loss": math.nan}),
                StatusChanged(
                    time=STARTED + 20,
                    status=Status.FAILED,
                    reason="the loss became nan at step 31; a lower learning rate may help",
                ),
            ],
        )
        self.damage("gru-s1")

    def tune(self) -> None:
        """Learning rates are tried: two of `lstm`, of which one is chosen; one of `gru` works."""
        self.begin()
        for rate, seed in (("0.001", 0), ("0.003", 1)):
            self.write(f"lstm-lr{rate}", [*training("lstm", seed, 40), *ended()])
        self.write("gru-lr0.001", training("gru", 0, 20))
        values = {"0.001": 0.02, "0.003": 0.01}
        chosen = RateChosen(
            time=STARTED + 30, model="lstm", learning_rate=0.003, values=values, is_edge=True
        )
        self.supervise(chosen)
        self.write("lstm-s0", training("lstm", 0, 30))

    def finish(self) -> None:
        """Every trial completed."""
        self.begin()
        for trial in self.folder.read_config().trials():
            self.write(trial.name, completed(trial.model.label, trial.seed))
        self.supervise(SupervisorEnded(time=STARTED + 90))

    def kill(self, trial: str) -> None:
        """The supervisor found a process gone."""
        self.supervise(
            TrialEnded(
                time=STARTED + 50, trial=trial, status=Status.FAILED, reason="killed by SIGKILL"
            )
        )


def staged(name: str = "staged", **changes: object) -> Stage:
    """A new experiment under the root of which nothing has happened yet."""
    return Stage(ExperimentFolder.create(ROOT, config(name, **changes), {}))


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Let the app go on until something holds; the test's own time limit ends a hopeless wait."""
    while not condition():
        assert pilot.app.is_running, "the app has ended"
        await pilot.pause()
    await pilot.pause()


def screen_text(app: App[None]) -> str:
    """What is on the screen, as plain text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


async def calm(pilot: Pilot[None]) -> str:
    """The screen once it no longer changes: footers and scrollbars come after the data."""
    shown: list[str] = []
    while len(shown) < CALM or len(set(shown[-CALM:])) > 1:
        await pilot.pause()
        shown.append(screen_text(pilot.app))
    return shown[-1]


async def check_snapshot(pilot: Pilot[None], name: str) -> None:
    """Compare the screen with the stored one; UPDATE_SNAPSHOTS=1 stores it anew."""
    app = pilot.app
    path = SNAPSHOTS / f"{name}-{app.size.width}x{app.size.height}.txt"
    text = await calm(pilot)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
        return
    if not path.exists():
        pytest.fail(f"{path} is missing. Look at the screen, then set UPDATE_SNAPSHOTS=1.")
    stored = path.read_text(encoding="utf-8")
    difference = difflib.unified_diff(
        stored.splitlines(), text.splitlines(), "stored", "now", lineterm=""
    )
    assert text == stored, "\n".join(difference)
