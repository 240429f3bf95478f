"""A form that says what to compare, checks it while it is filled in, and starts it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.table import Table
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Input, Label, Select, SelectionList, Static

from experiments import config as configuration
from experiments.capacity import costs, mismatches
from experiments.catalog import model_names, task_names
from experiments.config import ExperimentConfig
from experiments.errors import KerasSeqError, RequestError
from experiments.request import DEFAULT_SEEDS, experiment_request
from tui import wording
from tui.formatting import UNKNOWN, count
from tui.messages import LaunchAsked, LaunchFailed
from tui.widgets.key_footer import KeyFooter
from tui.widgets.model_choice import ModelChoice
from tui.widgets.row_list import MUTED
from tui.widgets.settings_form import SettingsForm

PRESETS = Path(configuration.__file__).parent / "configs"


@dataclass(frozen=True)
class Request:
    """What the form says, in the words of the command line."""

    task: str
    models: tuple[str, ...] | None
    """None leaves the choice to the preset."""
    seeds: str
    name: str
    jobs: str
    assignments: tuple[str, ...]

    def config(self) -> ExperimentConfig:
        """The experiment; raises `RequestError`."""
        return experiment_request(
            self.task,
            models=None if self.models is None else ",".join(self.models),
            seeds=_integer("seeds", self.seeds),
            assignments=self.assignments,
            jobs=_integer("jobs", self.jobs),
            name=self.name or None,
        )

    def command(self) -> str:
        """The command that does the same."""
        words = ["keras-seq", "run", self.task]
        if self.models is not None:
            words += ["--models", ",".join(self.models)]
        if self.seeds:
            words += ["--seeds", self.seeds]
        if self.jobs:
            words += ["--jobs", self.jobs]
        if self.name:
            words += ["--name", self.name]
        for assignment in self.assignments:
            words += ["--set", assignment]
        return shlex.join(words)


def _integer(what: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise RequestError(f"{what}: expected int. Received: {text!r}.") from None


class NewExperiment(Screen[None]):
    """Task or preset, models, seeds, settings; the command that does the same; start."""

    HELP = """
    # New experiment

    Tab goes from field to field; enter opens a list, space ticks a model. What is typed is checked
    at once, and what would run, or what is wrong, is said beside. The command that does the same
    is shown there, too.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-normal"), (140, "-wide")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="new.back", tooltip="Leave without starting"),
        Binding(
            "ctrl+s", "start", "Start", id="new.start", tooltip="Start training", priority=True
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._preset_models: tuple[str, ...] = ()
        self._config: ExperimentConfig | None = None
        self.shown_task = ""
        """The task or preset whose settings are shown."""

    def compose(self) -> ComposeResult:
        """The form beside its preview."""
        yield Static("[b]New experiment[/b]", id="title")
        with Container(id="form"):
            with VerticalScroll(id="fields", classes="pane"):
                with Horizontal(classes="field"):
                    yield Label("task")
                    yield Select(_tasks(), allow_blank=False, id="task", compact=True)
                yield Static(id="description", markup=False)
                with Horizontal(id="choices"):
                    with Vertical():
                        yield Label("models", classes="title")
                        yield ModelChoice(id="models", compact=True)
                    with Vertical(id="numbers"):
                        yield Label("seeds, places, name", classes="title")
                        for key, default in (
                            ("seeds", str(DEFAULT_SEEDS)),
                            ("jobs", "by cores and memory"),
                            ("name", "task and time"),
                        ):
                            with Horizontal(classes="field"):
                                yield Label(key)
                                yield Input(id=key, placeholder=default, compact=True)
                yield Label("task settings", classes="title", id="task-title")
                yield Vertical(id="task-settings")
                yield Label("training", classes="title")
                yield Vertical(id="budget-settings")
            with Vertical(id="preview", classes="pane"):
                yield Static(id="summary")
                yield Static(id="capacity")
                yield Static(id="capacity-line", markup=False)
                yield Static(id="mismatches", markup=False)
                yield Static(id="problem")
                yield Static(id="command", markup=False)
                yield Button("Start (ctrl+s)", variant="success", id="start")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Titles of the panes."""
        self.query_one("#fields").border_title = "What to compare"
        self.query_one("#preview").border_title = "What will run"
        self.query_one("#task").focus()

    @on(Select.Changed, "#task")
    async def _on_task(self, event: Select.Changed) -> None:
        """Show the settings of the task, or of the preset."""
        try:
            base = experiment_request(str(event.value))
        except KerasSeqError as error:
            self._show(None, str(error))
            return
        self._preset_models = tuple(choice.label for choice in base.models)
        models = self.query_one(ModelChoice)
        models.clear_options()
        names = list(dict.fromkeys([*model_names(), *self._preset_models]))
        models.add_options([(name, name, name in self._preset_models) for name in names])
        models.highlighted = 0
        self.query_one("#seeds", Input).placeholder = str(len(base.seeds))
        task = base.task.task
        self.query_one("#description", Static).update(_first_line(type(task)))
        await self._fill("task", type(task), asdict(task))
        await self._fill("budget", type(base.budget), asdict(base.budget))
        self.query_one("#task-title").display = bool(asdict(task))
        self.shown_task = str(event.value)
        self.check()

    async def _fill(self, section: str, cls: type, defaults: dict[str, Any]) -> None:
        place = self.query_one(f"#{section}-settings")
        await place.remove_children()
        await place.mount(SettingsForm(section, cls, defaults))

    @on(Input.Changed)
    @on(SelectionList.SelectedChanged)
    def _on_changed(self) -> None:
        self.check()

    @property
    def request(self) -> Request:
        """What the form says now."""
        chosen = self.query_one(ModelChoice).selected
        # In the order of the list, whatever the order of choosing.
        names = [name for name in (*model_names(), *self._preset_models) if name in chosen]
        models = tuple(dict.fromkeys(names))
        same = set(models) == set(self._preset_models)
        return Request(
            task=str(self.query_one("#task", Select).value),
            models=None if same else models,
            seeds=self.query_one("#seeds", Input).value.strip(),
            name=self.query_one("#name", Input).value.strip(),
            jobs=self.query_one("#jobs", Input).value.strip(),
            assignments=tuple(
                assignment for form in self.query(SettingsForm) for assignment in form.assignments
            ),
        )

    def check(self) -> None:
        """Say what would run, or what is wrong."""
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
        if config is not None:
            models, seeds = len(config.models), len(config.seeds)
            tuning = sum(trial.role == "tuning" for trial in config.trials())
            before = f", after {tuning} that tune" if tuning else ""
            self.query_one("#summary", Static).update(
                f"{wording.plural(models, 'model')} x {wording.plural(seeds, 'seed')} = "
                f"[b]{wording.plural(models * seeds, 'trial')}[/b] "
                f"of {config.budget.steps} steps on [b]{config.task.name}[/b]{before}"
            )
        self.query_one("#summary").display = config is not None
        # One of the two is hidden by the style sheet, so their display is not set here.
        self.query_one("#capacity", Static).update(capacity_table(config) if config else "")
        self.query_one("#capacity-line", Static).update(capacity_line(config) if config else "")
        said = "\n".join(f"! {mismatch}" for mismatch in mismatches(config)) if config else ""
        self.query_one("#mismatches", Static).update(said)
        self.query_one("#mismatches").display = bool(said)
        self.query_one("#problem", Static).update(f"✗ {problem}")
        self.query_one("#problem").display = bool(problem)
        self.query_one("#start", Button).disabled = config is None
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what is valid can start."""
        return action != "start" or self._config is not None

    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        """Start what the form says."""
        if self._config is None:
            return
        # Asked again, because a name made of the time is that of the start.
        config, self._config = self.request.config(), None
        self.query_one("#start", Button).disabled = True
        self.app.post_message(LaunchAsked(config))

    def launch_failed(self, message: LaunchFailed) -> None:
        """Say why nothing began; the form stays as it is."""
        self.check()
        self._show(self._config, message.problem)


def capacity_table(config: ExperimentConfig) -> Table:
    """How wide each model is, as given or as solved, and how many parameters it has by that."""
    known = costs(config)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
    table.add_row("model", "width", "parameters", style=MUTED)
    for choice in config.models:
        cost = known.get(choice.label)
        parameters = count(cost.num_parameters if cost else None)
        table.add_row(choice.label, _widths(choice) or UNKNOWN, parameters)
    return table


def capacity_line(config: ExperimentConfig) -> str:
    """The same where there is no room for a table: all widths, and the range of parameters."""
    widths = ", ".join(f"{choice.label} {_widths(choice)}".rstrip() for choice in config.models)
    counts = [cost.num_parameters for cost in costs(config).values()]
    return f"{widths}: {min(counts):,} to {max(counts):,} parameters" if counts else widths


def _widths(choice: configuration.ModelChoice) -> str:
    return "x".join(str(getattr(choice.model, name)) for name in choice.model.widths)


def _tasks() -> Sequence[tuple[str, str]]:
    """Tasks, then presets."""
    tasks = [(name, name) for name in task_names()]
    presets = [(f"preset {path.stem}", str(path)) for path in sorted(PRESETS.glob("*.toml"))]
    return [*tasks, *presets]


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]
