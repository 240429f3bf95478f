"""A form that says what to compare, checks it while it is filled in, and starts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import tomli_w
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Collapsible, Input, Label, Select, SelectionList, Static

from experiments import config as configuration
from experiments.catalog import find_model, model_names, task_names
from experiments.config import ExperimentConfig, ModelChoice
from experiments.errors import KerasSeqError
from experiments.mismatches import mismatches
from experiments.request import DEFAULT_SEEDS, experiment_request
from experiments.store import ExperimentFolder, free_name
from tui.messages import LaunchAsked, LaunchFailed
from tui.run_preview import capacity_line, capacity_table, summary, trials_table
from tui.run_request import RunRequest
from tui.screens.document import DocumentScreen
from tui.screens.estimating_screen import EstimatingScreen
from tui.widgets.field import Field
from tui.widgets.key_footer import KeyFooter
from tui.widgets.model_choice import ModelChoice as ModelBoxes
from tui.widgets.model_section import ModelSection
from tui.widgets.settings_form import SettingsForm

PRESETS = Path(configuration.__file__).parent / "configs"


class NewExperiment(EstimatingScreen):
    """Task or preset, models, seeds, settings; what will run, and how to ask for it elsewhere.

    Args:
        copied: An experiment to begin with.
    """

    HELP = """
    # New experiment

    Tab goes from field to field; enter opens a list, space ticks a model. What is typed is checked
    at once: what is wrong is said beneath, and what would run beside. The command that does the
    same is shown there, too. What a model's settings are solved for stands in its empty fields;
    what is typed there counts as given.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-normal"), (140, "-wide")]  # noqa: RUF012

    AUTO_FOCUS = "#task"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="new.back", tooltip="Leave without starting"),
        Binding(
            "ctrl+s", "start", "Start", id="new.start", tooltip="Start training", priority=True
        ),
        Binding(
            "ctrl+t", "document", "TOML", id="new.document", priority=True,
            tooltip="The same as a file, to copy or to save",
        ),
    ]  # fmt: skip

    def __init__(self, copied: ExperimentFolder | None = None) -> None:
        super().__init__()
        self._copied = copied
        self._base: ExperimentConfig | None = None
        self._config: ExperimentConfig | None = None
        self._is_check_due = False
        self._is_starting = False
        self.shown_task = ""
        """The task or preset whose settings are shown."""

    def compose(self) -> ComposeResult:
        """The form beside its preview."""
        copied = self._copied
        copies = [(f"copy of {copied.name}", str(copied.config))] if copied else []
        options = [*copies, *_tasks()]
        name = free_name(copied.path.parent, copied.name) if copied else ""
        yield Static("[b]New experiment[/b]", id="title")
        with Container(id="form"):
            with VerticalScroll(id="fields", classes="pane") as fields:
                fields.border_title = "What to compare"
                with Horizontal(classes="field"):
                    yield Label("task")
                    yield Select(
                        options, value=options[0][1], allow_blank=False, id="task", compact=True
                    )
                yield Static(id="description", markup=False)
                yield Label("models", classes="title")
                yield ModelBoxes(id="models", compact=True)
                yield Vertical(id="match-settings")
                yield Label("seeds, places, name", classes="title")
                yield Field("seeds", "", "How many.", str(DEFAULT_SEEDS), id="seeds")
                yield Field("jobs", "", "Trials at a time.", "by cores and memory", id="jobs")
                yield Field("name", name, "", "task and time", id="name")
                yield Label("task settings", classes="title", id="task-title")
                yield Vertical(id="task-settings")
                yield Label("training", classes="title")
                yield Vertical(id="budget-settings")
                yield Label("more (enter opens)", classes="title")
                with Collapsible(title="protocol", id="protocol"):
                    yield Vertical(id="protocol-settings")
                yield Vertical(id="model-settings")
            with VerticalScroll(id="preview", classes="pane") as preview:
                preview.border_title = "What will run"
                yield Static(id="summary")
                yield Static(id="capacity")
                yield Static(id="capacity-line", markup=False)
                yield Static(id="mismatches", markup=False)
                yield Static(id="problem", markup=False)
                yield Static(id="command", markup=False)
                yield Static(id="estimate", markup=False)
                yield Button("Start (ctrl+s)", variant="success", id="start")
                yield Static(id="all-trials")
        yield KeyFooter()

    @on(Select.Changed, "#task")
    async def _on_task(self, event: Select.Changed) -> None:
        """Show the settings of the task, or of the preset."""
        try:
            self._base = base = experiment_request(str(event.value))
        except KerasSeqError as error:
            self._base = None
            self._show(None, str(error))
            return
        task, protocol = base.task.task, asdict(base.protocol)
        self.query_one("#description", Static).update(_first_line(type(task)))
        await self._fill("task", type(task), asdict(task))
        await self._fill("budget", type(base.budget), asdict(base.budget))
        match = {"match": protocol.pop("match")}
        await self._fill("match", type(base.protocol), match, section="protocol")
        await self._fill("protocol", type(base.protocol), protocol)
        self.query_one("#task-title").display = bool(asdict(task))
        await self.query_one("#model-settings").remove_children()
        boxes = self.query_one(ModelBoxes)
        labels = [choice.label for choice in base.models]
        boxes.clear_options()
        names = dict.fromkeys([*model_names(), *labels])
        boxes.add_options([(name, name, name in labels) for name in names])
        boxes.highlighted = 0
        self.query_one("#seeds", Input).placeholder = str(len(base.seeds))
        await self._show_models()
        self.shown_task = str(event.value)
        self.check()

    async def _fill(
        self, place: str, cls: type, defaults: Mapping[str, Any], section: str = ""
    ) -> None:
        found = self.query_one(f"#{place}-settings")
        await found.remove_children()
        await found.mount(SettingsForm(section or place, cls, defaults))

    async def _show_models(self) -> None:
        """A place for the settings of every model that takes part."""
        place = self.query_one("#model-settings")
        shown = {section.label: section for section in place.query(ModelSection)}
        labels = self._labels()
        for label in shown.keys() - set(labels):
            await shown[label].remove()
        for at, label in enumerate(labels):
            if label not in shown:
                await place.mount(ModelSection(self._choice(label)), before=at or None)

    def _choice(self, label: str) -> ModelChoice:
        """The model as the task or the preset has it."""
        for choice in self._base.models if self._base else ():
            if choice.label == label:
                return choice
        return ModelChoice(label, label, find_model(label)())

    def _labels(self) -> tuple[str, ...]:
        """The models that take part, in the order of the list, whatever that of choosing."""
        boxes = self.query_one(ModelBoxes)
        chosen = set(boxes.selected)
        names = [boxes.get_option_at_index(i).value for i in range(boxes.option_count)]
        return tuple(name for name in names if name in chosen)

    @on(SelectionList.SelectedChanged)
    async def _on_models(self) -> None:
        await self._show_models()
        self._check_soon()

    @on(Field.Changed)
    def _check_soon(self) -> None:
        """Check once when every field of a form that is filled has told of itself."""
        if not self._is_check_due:
            self._is_check_due = True
            self.call_after_refresh(self._check_if_due)

    def _check_if_due(self) -> None:
        if self._is_check_due:
            self.check()

    @property
    def request(self) -> RunRequest:
        """What the form says now."""
        models = self._labels()
        base = {choice.label for choice in self._base.models} if self._base else set()
        values = {key: self._field(key).value for key in ("seeds", "jobs", "name")}
        return RunRequest(
            task=str(self.query_one("#task", Select).value),
            models=None if set(models) == base else models,
            assignments=tuple(
                assignment for form in self.query(SettingsForm) for assignment in form.assignments
            ),
            **values,
        )

    @property
    def experiment(self) -> ExperimentConfig | None:
        """The one to estimate."""
        return self._config

    def _field(self, key: str) -> Field:
        return next(field for field in self.query(Field) if field.key == key)

    def check(self) -> None:
        """Say what would run, or what is wrong."""
        self._is_check_due = False
        request = self.request
        try:
            config = request.config()
        except KerasSeqError as error:
            self._show(None, str(error))
        else:
            self._show(config, "")
        self.query_one("#command", Static).update(f"same as: {request.command()}")

    def _show(self, config: ExperimentConfig | None, problem: str) -> None:
        self._config = config
        self.forget_estimate(config)
        self.query_one("#summary", Static).update(summary(config) if config else "")
        self.query_one("#summary").display = config is not None
        # One of the two is hidden by the style sheet, so their display is not set here.
        self.query_one("#capacity", Static).update(capacity_table(config) if config else "")
        self.query_one("#capacity-line", Static).update(capacity_line(config) if config else "")
        said = "\n".join(f"! {mismatch}" for mismatch in mismatches(config)) if config else ""
        self.query_one("#mismatches", Static).update(said)
        self.query_one("#mismatches").display = bool(said)
        self.query_one("#problem", Static).update(f"✗ {problem}")
        self.query_one("#problem").display = bool(problem)
        self.query_one("#all-trials", Static).update(trials_table(config) if config else "")
        self.query_one("#start", Button).disabled = config is None or self._is_starting
        for field in self.query(Field):
            field.problem = problem if is_about(problem, field.key) else ""
        models = {choice.label: choice.model for choice in config.models} if config else {}
        for section in self.query(ModelSection):
            if section.label in models:
                section.show_model(models[section.label])
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what is valid can start, or be saved."""
        if action == "start" and self._is_starting:
            return False
        return action not in ("start", "document", "estimate") or self._config is not None

    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        """Start what the form says."""
        self.check()  # a name made of the time is that of the start
        if self._config is None or self._is_starting:
            return
        self._is_starting = True
        self.query_one("#start", Button).disabled = True
        self.refresh_bindings()
        self.app.post_message(LaunchAsked(self._config))

    def action_document(self) -> None:
        """Show the same as a file."""
        self.check()
        if self._config is None:
            return
        document = self._config.document()
        name = self.request.name
        if not name:
            # A name made of the time is that of a run, not of the file.
            del document["name"]
        path = Path(f"{name or self._config.task.name.rpartition(':')[2]}.toml")
        self.app.push_screen(DocumentScreen(tomli_w.dumps(document), path))

    def launch_failed(self, message: LaunchFailed) -> None:
        """Say why nothing began; the form stays as it is."""
        self._is_starting = False
        self.check()
        self._show(self._config, message.problem)


def is_about(problem: str, key: str) -> bool:
    """Whether an error begins with the name of a setting."""
    starts = (f"{key}: ", f"{key}[", f"--{key}: ", f"Unknown value of {key} ")
    return problem.startswith(starts)


def _tasks() -> Sequence[tuple[str, str]]:
    """Tasks, then presets."""
    tasks = [(name, name) for name in task_names()]
    presets = [(f"preset {path.stem}", str(path)) for path in sorted(PRESETS.glob("*.toml"))]
    return [*tasks, *presets]


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]
