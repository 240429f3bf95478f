from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from queue import Queue

import pytest
from staged import ROOT, SIZES, check_snapshot, screen_text, staged, until
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select, Static
from textual.worker import get_current_worker

from experiments import backend, launch
from experiments import estimate as estimating
from experiments.budget import Budget
from experiments.config import ExperimentConfig
from experiments.errors import RequestError, StoreError
from experiments.estimate import Estimate
from experiments.launch import Launched
from experiments.models.gru import GRU
from experiments.request import experiment_request
from experiments.store import ExperimentFolder
from experiments.tasks.adding import Adding
from experiments.tell import Tell
from tui.app import KerasSeqApp
from tui.messages import LaunchAsked, LaunchFailed
from tui.screens import new_experiment
from tui.screens.dashboard import DashboardScreen
from tui.screens.document import DocumentScreen
from tui.screens.new_experiment import NewExperiment
from tui.screens.question import Question
from tui.widgets.field import Field
from tui.widgets.model_choice import ModelChoice
from tui.widgets.model_section import ModelSection
from tui.widgets.settings_form import field_docs

pytestmark = pytest.mark.usefixtures("frozen")


async def open_form(app: KerasSeqApp, pilot: Pilot[None], task: str) -> NewExperiment:
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, NewExperiment))
    app.screen.query_one("#task", Select).value = task
    screen = app.screen
    assert isinstance(screen, NewExperiment)
    await until(pilot, lambda: screen.shown_task == task)
    return screen


@pytest.mark.parametrize("size", [*SIZES, (240, 70)])
async def test_form(size: tuple[int, int]) -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=size) as pilot:
        await open_form(app, pilot, "adding")
        await check_snapshot(pilot, "new-experiment")


async def test_the_command_asks_for_the_same() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        models = screen.query_one(ModelChoice)
        models.deselect_all()
        models.select("gru")
        models.select("lstm")
        screen.query_one("#seeds", Input).value = "2"
        screen.query_one("#jobs", Input).value = "3"
        screen.query_one("#name", Input).value = "mine"
        screen.query_one("#task-length", Input).value = "50"
        screen.query_one("#budget-steps", Input).value = "400"
        await pilot.pause()
        assert screen.request.command() == (
            "keras-seq run adding --models lstm,gru --seeds 2 --jobs 3 --name mine "
            "--set task.length=50 --set budget.steps=400"
        )
        assert screen.request.config() == experiment_request(
            "adding",
            models="lstm,gru",
            seeds=2,
            jobs=3,
            name="mine",
            assignments=["task.length=50", "budget.steps=400"],
        )
        await until(pilot, lambda: "2 models x 2 seeds = 4 trials" in screen_text(app))


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("#task-length", "0", "task.length"),
        ("#task-length", "many", "task.length"),
        ("#seeds", "-1", "seeds"),
        ("#seeds", "x", "seeds: expected int"),
        ("#name", "a/b", "name"),
        ("#budget-steps", "", "budget.steps"),
    ],
)
async def test_what_is_wrong_is_said_beside(field: str, value: str, problem: str) -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        screen.query_one(field, Input).value = value
        await until(pilot, lambda: "✗" in screen_text(app))
        assert problem in screen_text(app)
        (marked,) = (one for one in screen.query(Field) if one.problem)
        assert marked.query_one(field, Input).value == value
        assert problem in marked.problem
        assert marked.query_one(".field-problem").display
        assert screen.query_one("#start", Button).disabled
        assert screen.check_action("start", ()) is False


async def test_no_model_is_refused() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        screen.query_one(ModelChoice).deselect_all()
        await until(pilot, lambda: "✗ models" in screen_text(app))


async def test_ticks_are_seen_without_colour() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_form(app, pilot, "adding")
        assert "[✓] lstm" in screen_text(app)
        await pilot.click(ModelChoice, offset=(6, 1))
        await until(pilot, lambda: "[ ] lstm" in screen_text(app))


async def test_start(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = []

    def launched(root: Path, config: ExperimentConfig, tell: Tell) -> Launched:
        tell("gru 74: 0.8 ms a step")
        folder = ExperimentFolder.create(root, config, {})
        processes.append(subprocess.Popen([sys.executable, "-c", "pass"]))
        return Launched(folder, processes[0])

    monkeypatch.setattr(backend, "check_backend", lambda *_: "none")
    monkeypatch.setattr(launch, "launch", launched)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        screen.query_one("#name", Input).value = "mine"
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.snapshot)
        assert isinstance(app.screen, DashboardScreen)
        assert app.snapshot is not None
        assert app.snapshot.view.name == "mine"
        assert len(app.screen_stack) == 2
    assert processes[0].wait() == 0


async def test_what_was_typed_last_starts_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form is checked when it rests, but nobody waits for that who is sure of it."""
    asked: list[ExperimentConfig] = []
    monkeypatch.setattr(KerasSeqApp, "post_message", noted(asked))
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        screen.query_one("#name", Input).value = "mine"
        screen.action_start()
        await pilot.pause()
        await pilot.press("ctrl+s")
        assert [config.name for config in asked] == ["mine"]
        # What is wrong does not start, seen already or not.
        screen.launch_failed(LaunchFailed("no place"))
        screen.query_one("#name", Input).value = "a/b"
        screen.action_start()
        assert len(asked) == 1
        assert "name" in str(screen.query_one("#problem", Static).content)


def noted(asked: list[ExperimentConfig]) -> Callable[[KerasSeqApp, Message], bool]:
    """`post_message` of an app in which what shall start is noted and does not start."""
    post = KerasSeqApp.post_message

    def post_message(app: KerasSeqApp, message: Message) -> bool:
        if isinstance(message, LaunchAsked):
            asked.append(message.config)
            return True
        return post(app, message)

    return post_message


async def test_a_form_that_is_filled_is_checked_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks: list[str] = []
    check = NewExperiment.check

    def counted(screen: NewExperiment) -> None:
        checks.append(screen.shown_task)
        check(screen)

    monkeypatch.setattr(NewExperiment, "check", counted)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        await until(pilot, lambda: screen.experiment)
        checks.clear()
        screen.query_one("#task", Select).value = "reverse"
        await until(pilot, lambda: screen.shown_task == "reverse")
        await pilot.pause()
        assert len(screen.query(Field)) > 4 * len(checks) > 0


async def test_whoever_leaves_while_steps_are_timed_starts_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused: Queue[str] = Queue()

    def launched(root: Path, config: ExperimentConfig, tell: Tell) -> Launched:
        tell("gru 74: 0.8 ms a step")
        assert get_current_worker().cancelled_event.wait(timeout=30)
        try:
            tell("gru 64: 0.7 ms a step")
        except RequestError as error:
            refused.put(str(error))
            raise
        raise AssertionError("it goes on")

    monkeypatch.setattr(backend, "check_backend", lambda *_: "none")
    monkeypatch.setattr(launch, "launch", launched)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await open_form(app, pilot, "adding")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "gru 74: 0.8 ms a step" in screen_text(app))
    assert refused.get(timeout=30) == "Nothing was started."


async def test_a_failed_start_keeps_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(root: Path, config: ExperimentConfig, tell: Tell) -> Launched:
        raise StoreError("Cannot use runs: No space left on device.")

    monkeypatch.setattr(backend, "check_backend", lambda *_: "none")
    monkeypatch.setattr(launch, "launch", refuse)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "✗ Cannot use runs: No space left" in screen_text(app))
        assert app.screen is screen
        assert not screen.query_one("#start", Button).disabled


async def test_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preset = tmp_path / "small.toml"
    preset.write_text(
        'seeds = [0, 1]\n[task]\nname = "adding"\nlength = 30\n'
        '[[models]]\nname = "lstm"\nlabel = "lstm-8"\nunits = 8\n'
    )
    monkeypatch.setattr(new_experiment, "PRESETS", tmp_path)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await open_form(app, pilot, str(preset))
        assert screen.query_one("#task-length", Input).value == "30"
        assert screen.query_one(ModelChoice).selected == ["lstm-8"]
        config = screen.request.config()
        assert [model.label for model in config.models] == ["lstm-8"]
        assert config.seeds == (0, 1)


async def test_solved_widths_and_what_they_leave_unequal_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = tmp_path / "unequal.toml"
    preset.write_text(
        'models = ["lstm", "gru", {name = "gru", label = "small", units = 9}]\n'
        '[task]\nname = "adding"\n'
    )
    monkeypatch.setattr(new_experiment, "PRESETS", tmp_path)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await open_form(app, pilot, str(preset))
        shown = [line.split() for line in screen_text(app).splitlines()]
        for label, units, parameters in (
            ("lstm", "64", "17,217"), ("gru", "74", "17,391"), ("small", "9", "361"),
        ):  # fmt: skip
            assert any(line[-4:-1] == [label, units, parameters] for line in shown)
        assert "! small has 361 parameters, 97.9 % fewer than lstm" in screen_text(app)
        screen.query_one("#seeds", Input).value = "none"
        await until(pilot, lambda: "17,391" not in screen_text(app))
        assert "! small" not in screen_text(app)


def test_docs_come_from_the_dataclass() -> None:
    assert field_docs(Adding)["length"] == "Steps of a sequence."
    assert field_docs(Budget)["steps"] == "Weight updates."
    assert field_docs(int) == {}


async def test_a_mended_field_is_no_longer_marked() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        length = screen.query_one("#task-length", Input)
        length.value = "0"
        await until(pilot, lambda: any(field.problem for field in screen.query(Field)))
        length.value = "7"
        await until(pilot, lambda: not any(field.problem for field in screen.query(Field)))
        assert screen.check_action("start", ()) is True


async def test_settings_of_protocol_and_of_a_model() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await open_form(app, pilot, "adding")
        screen.query_one("#protocol-tune", Select).value = "false"
        section = next(one for one in screen.query(ModelSection) if one.label == "gru")
        section.collapsed = False
        await until(pilot, lambda: section.query(Field))
        units = next(one for one in section.query(Field) if one.key == "models.gru.units")
        # What is solved stands where nothing is typed.
        assert units.value == ""
        assert units.query_one(Input).placeholder == "74"
        screen.query_one("#protocol-match", Select).value = "none"
        await until(pilot, lambda: units.query_one(Input).placeholder == str(GRU().units))
        units.query_one(Input).value = "9"
        await pilot.pause()
        config = screen.request.config()
        (gru,) = (choice.model for choice in config.models if choice.label == "gru")
        assert getattr(gru, "units", None) == 9
        assert not config.protocol.tune
        assert (
            "--set protocol.match=none --set protocol.tune=false --set models.gru.units=9"
            in screen.request.command()
        )
        units.query_one(Input).value = "0"
        await until(pilot, lambda: "models.gru.units: expected int >= 1" in units.problem)


async def test_deselected_models_have_no_settings() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_form(app, pilot, "adding")
        screen.query_one(ModelChoice).deselect("gru")
        labels = lambda: [one.label for one in screen.query(ModelSection)]  # noqa: E731
        await until(pilot, lambda: "gru" not in labels())
        screen.query_one(ModelChoice).select("gru")
        await until(pilot, lambda: "gru" in labels())
        assert labels() == [choice.label for choice in screen.request.config().models]


async def test_a_clone_begins_as_its_original() -> None:
    models = [{"name": "lstm", "label": "small", "units": 8}, {"name": "gru", "units": 9}]
    stage = staged("mine", models=models, seeds=[3, 5])
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.screen.check_action("clone", ()))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, NewExperiment))
        screen = app.screen
        assert isinstance(screen, NewExperiment)
        await until(pilot, lambda: screen.shown_task)
        config = screen.request.config()
        assert config.document() == {**stage.folder.read_config().document(), "name": "mine-r2"}
        # Without one of its models the other keeps its settings.
        screen.query_one(ModelChoice).deselect("gru")
        await pilot.pause()
        (small,) = screen.request.config().models
        assert (small.label, getattr(small.model, "units", None)) == ("small", 8)


async def open_document(app: KerasSeqApp, pilot: Pilot[None]) -> NewExperiment:
    screen = await open_form(app, pilot, "adding")
    await until(pilot, lambda: screen.check_action("document", ()))
    await pilot.press("ctrl+t")
    await until(pilot, lambda: isinstance(app.screen, DocumentScreen))
    return screen


async def test_the_file_asks_for_the_same() -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_document(app, pilot)
        await pilot.press("ctrl+y")
        assert 'name = "adding"' in app.clipboard
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is screen)
        saved = Path("adding.toml")
        assert saved.read_text() == app.clipboard
        again = experiment_request(str(saved), name="x")
        assert again == dataclasses.replace(screen.request.config(), name="x")


async def test_a_file_is_overwritten_only_when_that_is_meant() -> None:
    saved = Path("adding.toml")
    saved.write_text("mine")
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_document(app, pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, DocumentScreen))
        assert saved.read_text() == "mine"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.screen is screen)
        assert saved.read_text() != "mine"


@pytest.mark.parametrize("path", [".", "missing/mine.toml"])
async def test_a_file_that_cannot_be_written_is_said(path: str) -> None:
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_document(app, pilot)
        app.screen.query_one("#path", Input).value = path
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "✗" in screen_text(app))
        assert isinstance(app.screen, DocumentScreen)


async def test_an_estimate_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Estimate(seconds=754.0, jobs=4, updates=33, memory_bytes=2**29)

    def measured(config: ExperimentConfig, tell: Tell) -> Estimate:
        tell("gru: compiling and measuring")
        return found

    monkeypatch.setattr(backend, "check_backend", lambda *_: "none")
    monkeypatch.setattr(estimating, "estimate", measured)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await open_form(app, pilot, "adding")
        shown = screen.query_one("#estimate", Static)
        await pilot.press("ctrl+e")
        await until(pilot, lambda: "about 12:34 of training, 4 at a time" in str(shown.render()))
        assert "an estimate from 33 steps" in str(shown.render())
        screen.query_one("#task-length", Input).value = "7"
        await until(pilot, lambda: not shown.display)


async def test_an_estimate_is_given_up_by_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: Queue[str] = Queue()

    def measured(config: ExperimentConfig, tell: Tell) -> Estimate:
        tell("gru: compiling and measuring")
        assert get_current_worker().cancelled_event.wait(timeout=30)
        try:
            tell("lstm: compiling and measuring")
        except RequestError as error:
            refused.put(str(error))
            raise
        raise AssertionError("it goes on")

    monkeypatch.setattr(backend, "check_backend", lambda *_: "none")
    monkeypatch.setattr(estimating, "estimate", measured)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        screen = await open_form(app, pilot, "adding")
        shown = screen.query_one("#estimate", Static)
        await pilot.press("ctrl+e")
        await until(pilot, lambda: "gru: compiling" in str(shown.render()))
        await pilot.press("ctrl+e")
        await until(pilot, lambda: "given up" in str(shown.render()))
        assert refused.get(timeout=30) == "It was given up."
        assert "given up" in str(shown.render())


async def test_an_estimate_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise RequestError("No backend is installed.")

    monkeypatch.setattr(backend, "check_backend", refuse)
    app = KerasSeqApp(ROOT)
    async with app.run_test(size=(160, 50)) as pilot:
        await open_form(app, pilot, "adding")
        await pilot.press("ctrl+e")
        await until(pilot, lambda: "estimate: No backend is installed." in screen_text(app))
