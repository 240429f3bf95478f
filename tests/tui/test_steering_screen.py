"""Keys that act on a trial or on all of a model: what they ask, and what the screen says of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from staged import ROOT, STARTED, WORKER, Stage, calm, config, screen_text, staged, training, until
from textual.pilot import Pilot
from textual.widgets import Input

from experiments import steering
from experiments.control import Control, Request, asked
from experiments.events import (
    CheckpointSaved,
    RateChanged,
    Started,
    StatusChanged,
    StopRequested,
    TrialQueued,
)
from experiments.status import Status
from tui.app import KerasSeqApp
from tui.screens.ask_rate import AskRate
from tui.screens.ask_retry import AskRetry
from tui.screens.dashboard import DashboardScreen
from tui.screens.question import Question
from tui.screens.trial import TrialScreen
from tui.widgets.configuration import configuration
from tui.widgets.trial_list import TrialList

pytestmark = pytest.mark.usefixtures("frozen")

RATE = config().budget.learning_rate
PAUSE, STOP, KILL = (Control(request=r) for r in (Request.PAUSE, Request.STOP, Request.KILL))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """`gru-s2` runs; `lstm-s2` is being stopped; of `simple_rnn` one failed and two wait."""
    monkeypatch.setattr(steering, "_supervised", lambda *_: None)
    monkeypatch.setattr("experiments.backend.check_backend", lambda *_: "none")
    stage = staged()
    stage.half_way()
    return stage


def wishes(stage: Stage) -> dict[str, Control]:
    names = [trial.name for trial in stage.folder.read_config().trials()]
    found = {name: asked(stage.folder.trial(name)) for name in names}
    return {name: control for name, control in found.items() if control != Control()}


def pause(stage: Stage, *names: str) -> None:
    """Their workers say that they are paused."""
    for name in names:
        stage.write(name, [StatusChanged(time=STARTED + 70, status=Status.PAUSED)])


def chooses(app: KerasSeqApp, key: str) -> None:
    app.screen.query_one(TrialList).choose(key)


def can(app: KerasSeqApp, action: str) -> bool:
    return bool(app.screen.check_action(action, ()))


async def opened(app: KerasSeqApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: app.snapshot)
    await calm(pilot)


@pytest.mark.parametrize(
    ("line", "key", "expected", "said"),
    [
        ("gru-s2", "p", {"gru-s2": PAUSE}, "Asked gru-s2 to pause after the current step."),
        ("gru-s2", "s", {"gru-s2": STOP}, "Asked gru-s2 to stop after the current step."),
        ("gru-s2", "C", {"gru-s2": Control(checkpoints=1)}, "Asked gru-s2 to save a checkpoint."),
        ("model gru", "p", {"gru-s2": PAUSE}, "Asked gru-s2 to pause after the current step."),
        (
            "model simple_rnn",
            "p",
            {"simple_rnn-s1": PAUSE, "simple_rnn-s2": PAUSE},
            "Asked 2 trials to pause after the current step.",
        ),
        (
            "model simple_rnn",
            "s",
            {"simple_rnn-s1": STOP, "simple_rnn-s2": STOP},
            "Asked 2 trials to stop after the current step.",
        ),
    ],
)
async def test_a_key_asks_it_of_the_trial_or_the_model_under_the_cursor(
    stage: Stage, line: str, key: str, expected: dict[str, Control], said: str
) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(app, pilot)
        chooses(app, line)
        await pilot.press(key)
        await until(pilot, lambda: wishes(stage) == expected)
        await until(pilot, lambda: said in [n.message for n in app._notifications])


@pytest.mark.parametrize(
    ("line", "possible"),
    [
        ("gru-s2", {"stop_trial", "pause", "kill", "set_rate", "save"}),
        ("lstm-s2", {"kill", "set_rate", "save"}),  # it is being stopped
        ("gru-s0", set()),  # completed
        ("simple_rnn-s0", {"retry"}),  # failed
        ("simple_rnn-s1", {"stop_trial", "pause", "kill"}),  # waits
        ("model simple_rnn", {"stop_trial", "pause", "kill", "retry"}),
        ("model lstm", {"kill", "set_rate", "save"}),
    ],
)
async def test_a_key_exists_where_it_fits(stage: Stage, line: str, possible: set[str]) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        chooses(app, line)
        actions = ("stop_trial", "pause", "kill", "retry", "set_rate", "save")
        assert {action for action in actions if can(app, action)} == possible


async def test_what_is_paused_is_shown_and_gone_on_with(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        chooses(app, "gru-s2")
        await pilot.press("p")
        await until(pilot, lambda: wishes(stage) == {"gru-s2": PAUSE})
        pause(stage, "gru-s2")
        await until(pilot, lambda: "s2 ‖ paused" in screen_text(app))
        assert "62%" in screen_text(app)  # how far it has come
        await pilot.press("p")
        await until(pilot, lambda: wishes(stage) == {})


async def test_one_that_waits_for_a_person_shows_no_progress(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        stage.supervise(TrialQueued(time=STARTED + 80, trial="simple_rnn-s1", is_paused=True))
        await until(pilot, lambda: "s1 ‖ paused" in screen_text(app))
        (line,) = [text for text in screen_text(app).splitlines() if "s1 ‖ paused" in text]
        assert "%" not in line.partition("││")[0]


async def test_all_are_paused_and_gone_on_with(stage: Stage) -> None:
    names = ("gru-s2", "simple_rnn-s1", "simple_rnn-s2")
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("P")
        await until(pilot, lambda: wishes(stage) == dict.fromkeys(names, PAUSE))
        pause(stage, *names)
        await until(pilot, lambda: screen_text(app).count("‖ paused") >= len(names))
        await pilot.press("P")
        await until(pilot, lambda: wishes(stage) == {})


@pytest.mark.parametrize(("answer", "is_killed"), [("y", True), ("n", False)])
@pytest.mark.parametrize(
    ("line", "question", "names"),
    [
        ("gru-s2", "Kill gru-s2?", ["gru-s2"]),
        ("lstm-s2", "Kill lstm-s2?", ["lstm-s2"]),  # on its way to stop
        (
            "model simple_rnn",
            "Kill 2 open trials of simple_rnn?",
            ["simple_rnn-s1", "simple_rnn-s2"],
        ),
    ],
)
async def test_killing_asks_first(
    stage: Stage, line: str, question: str, names: list[str], answer: str, is_killed: bool
) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        before = wishes(stage)
        chooses(app, line)
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, Question))
        assert question in screen_text(app)
        await pilot.press(answer)
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        expected = before | dict.fromkeys(names, KILL) if is_killed else before
        await until(pilot, lambda: wishes(stage) == expected)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("c", Control(retries=1)),
        ("enter", Control(retries=1)),
        ("h", Control(retries=1, learning_rate=RATE / 2)),
        ("f", Control(retries=1, is_anew=True)),
        ("escape", None),
    ],
)
async def test_a_retry_asks_from_where(stage: Stage, key: str, expected: Control | None) -> None:
    stage.write("simple_rnn-s0", [CheckpointSaved(time=STARTED + 21, step=20, seconds=1.0, size=9)])
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        chooses(app, "simple_rnn-s0")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, AskRetry))
        await calm(pilot)
        assert "The checkpoint is after step 20 of 31." in screen_text(app)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        found = {} if expected is None else {"simple_rnn-s0": expected}
        await until(pilot, lambda: wishes(stage) == found)


async def test_a_retry_without_a_checkpoint_says_so(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        chooses(app, "model simple_rnn")
        await pilot.press("R")
        await until(pilot, lambda: "There is no checkpoint: each way" in screen_text(app))


async def test_another_learning_rate_is_typed_and_shown_before_it_is_asked(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        chooses(app, "gru-s2")
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, AskRate))
        await pilot.press(*"fast", "enter")
        await until(pilot, lambda: "expected a number above 0 such as 0.001" in screen_text(app))
        assert isinstance(app.screen, AskRate)
        app.screen.query_one(Input).value = ""
        await pilot.press(*"x0.5")
        await until(pilot, lambda: f"{RATE:g} → {RATE / 2:g}" in screen_text(app))
        assert wishes(stage) == {}
        await pilot.press("enter")
        await until(pilot, lambda: wishes(stage) == {"gru-s2": Control(learning_rate=RATE / 2)})


async def test_leaving_the_question_changes_no_rate(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        chooses(app, "gru-s2")
        await pilot.press("L", *"0.1", "escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        assert wishes(stage) == {}


@pytest.mark.parametrize(("rung", "word"), [("asked", "stopping"), ("terminated", "terminating")])
async def test_the_rung_of_the_stop_ladder_is_shown_of_a_paused_trial_too(
    stage: Stage, rung: str, word: str
) -> None:
    pause(stage, "gru-s2")
    stage.supervise(StopRequested(time=STARTED + 90, trial="gru-s2", rung=rung))
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        (line,) = [text for text in screen_text(app).splitlines() if "s2 ‖ paused" in text]
        assert word in line
        chooses(app, "gru-s2")
        assert not can(app, "stop_trial")


async def test_a_model_s_line_highlights_it_and_opens_no_trial(stage: Stage) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        trials = app.screen.query_one(TrialList)
        assert trials.key == "lstm-s0"
        await pilot.press("up", "enter")
        assert (trials.key, trials.model) == ("model lstm", "lstm")
        assert trials.names == ("lstm-s0", "lstm-s1", "lstm-s2")
        await until(pilot, lambda: app.screen.highlighting)
        assert isinstance(app.screen, DashboardScreen)


@pytest.mark.parametrize(
    ("key", "find"),
    [
        ("s", lambda c: c == STOP),
        ("p", lambda c: c == PAUSE),
        ("C", lambda c: c.checkpoints == 1),
    ],
)
async def test_the_keys_of_a_trial_s_own_screen(
    stage: Stage, key: str, find: Callable[[Control], bool]
) -> None:
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        chooses(app, "gru-s2")
        app.screen.query_one(TrialList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        await pilot.press(key)
        await until(pilot, lambda: find(wishes(stage).get("gru-s2", Control())))


async def test_a_trial_s_own_screen_tells_of_attempts_rates_and_checkpoints(stage: Stage) -> None:
    stage.write(
        "simple_rnn-s0",
        [
            CheckpointSaved(time=STARTED + 21, step=20, seconds=1.0, size=9),
            Started(time=STARTED + 80, process=WORKER, attempt=2, step=20),
            RateChanged(time=STARTED + 82, step=20, before=RATE, learning_rate=RATE / 2),
            *training("simple_rnn", 0, 31)[-2:],
        ],
    )
    app = KerasSeqApp(ROOT, "staged")
    async with app.run_test(size=(160, 60)) as pilot:
        await opened(app, pilot)
        chooses(app, "simple_rnn-s0")
        app.screen.query_one(TrialList).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        text = configuration(app.screen.trial, 80).plain
        for said in (
            f"learning rate after step 20 {RATE / 2:g}",
            "checkpoint after step 20",
            "1, from step 1 ✗ failed: the loss became nan at step 31",
            "2, from step 21 ▶ running",
        ):
            assert said in text
