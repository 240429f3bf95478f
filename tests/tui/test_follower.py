from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from staged import PULSE, ROOT, completed, staged, training

from experiments.history import History
from experiments.leaderboard import leaderboard
from experiments.store import ExperimentFolder
from tui import follower as follower_module
from tui.follower import Follower, follow
from tui.lister import Lister
from tui.messages import ExperimentsListed, PulseTaken, ReadingFailed, SnapshotTaken
from tui.widgets.model_curves import CurveRequest

pytestmark = pytest.mark.usefixtures("frozen")


class Posted(list):
    """Messages of a thread that ends once there are `count`."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self.cancelled = threading.Event()

    def post(self, message: object) -> None:
        self.append(message)
        if len(self) >= self._count:
            self.cancelled.set()


def test_nothing_new_is_no_snapshot() -> None:
    stage = staged()
    follower = Follower(stage.folder)
    first = follower.poll()
    assert first is not None
    assert follower.poll() is None
    stage.begin()
    assert follower.poll() is not None
    assert follower.poll() is None


def test_curves_stay_the_same_while_their_points_do() -> None:
    stage = staged()
    stage.begin()
    stage.write("lstm-s0", completed("lstm", 0))
    follower = Follower(stage.folder)
    before = follower.poll()
    stage.write("gru-s0", training("gru", 0, 50))
    after = follower.poll()
    assert before is not None
    assert after is not None
    assert after.curves["train_loss"][0] is before.curves["train_loss"][0]
    assert [curve.label for curve in after.curves["train_loss"]] == ["lstm", "gru"]


def test_other_measurements_on_request() -> None:
    stage = staged()
    stage.write("lstm-s0", completed("lstm", 0))
    follower = Follower(stage.folder)
    follower.poll()
    follower.request = CurveRequest(frozenset({"step_seconds"}))
    snapshot = follower.poll()
    assert snapshot is not None
    (front, raw) = snapshot.curves["step_seconds"]
    assert (front.thin, raw.thin) == (False, True)
    assert set(snapshot.curves) == {"step_seconds"}


def test_a_problem_is_said_once() -> None:
    posted = Posted(3)
    folder = ExperimentFolder(ROOT / "nothing")
    follow(Follower(folder), posted.post, posted.cancelled)
    kinds = [type(message) for message in posted]
    assert kinds.count(ReadingFailed) == 1
    assert kinds.count(PulseTaken) == 2


def test_snapshot_and_pulse() -> None:
    posted = Posted(2)
    follow(Follower(staged().folder), posted.post, posted.cancelled)
    assert {type(message) for message in posted} == {SnapshotTaken, PulseTaken}
    assert next(m.pulse for m in posted if isinstance(m, PulseTaken)) == PULSE


def test_newer_messages_replace_older_ones() -> None:
    stage = staged()
    snapshot = Follower(stage.folder).poll()
    assert snapshot is not None
    assert SnapshotTaken(snapshot).can_replace(SnapshotTaken(snapshot))
    assert not SnapshotTaken(snapshot).can_replace(PulseTaken(PULSE))
    assert ExperimentsListed((), 0.0).can_replace(ExperimentsListed((), 1.0))


def test_a_list_is_posted_again_only_when_it_has_changed() -> None:
    stage = staged()
    lister = Lister(History(ROOT))
    first = lister.poll()
    assert first is not None
    assert [entry.digest for entry in first.entries] == [None]
    second = lister.poll()
    assert second is not None
    assert [entry.digest.status for entry in second.entries if entry.digest] == ["queued"]
    assert lister.poll() is None
    stage.begin()
    third = lister.poll()
    assert third is not None
    assert third.entries[0] is not second.entries[0]


@pytest.mark.parametrize("module", ["tui.app", "tui.screens.new_experiment"])
def test_nothing_heavy_is_imported(module: str) -> None:
    heavy = ("keras", "tensorflow", "jax", "torch", "scipy", "sklearn", "matplotlib", "typer")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_list_is_shown_without_what_other_screens_need() -> None:
    """Each would delay the first paint."""
    code = "import sys, tui.command_line, tui.session; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = done.stdout.split()
    packages = ("tui.screens", "tui.commands", "experiments.tasks", "experiments.models")
    needed = {
        "tui.screens.experiments", "tui.screens.key_screen", "tui.screens.question",
        "tui.screens.too_small", "experiments.tasks.task", "experiments.models.cost",
        "experiments.models.model",
    }  # fmt: skip
    assert {name for name in found if name.startswith(tuple(f"{p}." for p in packages))} == needed
    assert not {"tui.follower", "scipy", "sklearn", "keras"}.intersection(found)


def test_standings_are_made_anew_when_what_they_tell_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower_module, "BOARD_SECONDS", float("inf"))
    stage = staged()
    stage.begin()
    stage.write("lstm-s0", training("lstm", 0, 15))
    follower = Follower(stage.folder)
    before = follower.poll()
    assert before is not None
    batches = [event for event in training("lstm", 0, 19) if getattr(event, "step", 0) > 15]
    stage.write("lstm-s0", batches)
    same = follower.poll()
    assert same is not None
    assert same.view is not before.view
    assert same.board is before.board
    stage.write("lstm-s0", training("lstm", 0, 20)[-1:])
    after = follower.poll()
    assert after is not None
    assert after.board.standings == leaderboard(after.view).standings
    assert after.board.standings != before.board.standings


def test_after_a_while_standings_are_made_anew_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "BOARD_SECONDS", 0.0)
    stage = staged()
    stage.write("lstm-s0", training("lstm", 0, 15))
    follower = Follower(stage.folder)
    before = follower.poll()
    stage.write("lstm-s0", training("lstm", 0, 16)[-1:])
    after = follower.poll()
    assert before is not None
    assert after is not None
    assert after.board is not before.board


class Waits:
    """An event that is never set until it was waited for some times; it keeps for how long."""

    def __init__(self, count: int) -> None:
        self.seconds: list[float] = []
        self._count = count

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) >= self._count


def test_what_costs_more_is_polled_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "MOST_SHARE", 0.05)
    monkeypatch.setattr(follower_module, "POLL_SECONDS", 0.25)
    spent = iter([0.0, 0.005, 0.025, 1.025])
    clock = SimpleNamespace(
        time=lambda: 0.0, monotonic=lambda: 0.0, process_time=lambda: next(spent)
    )
    monkeypatch.setattr(follower_module, "time", clock)
    waits = Waits(3)
    follow(Follower(staged().folder), lambda message: None, waits)
    # 5 ms are below a twentieth of the usual pause; 20 ms are one of 0.4 s; a second is too much.
    assert waits.seconds == pytest.approx([0.25, 0.4, 1.0])
