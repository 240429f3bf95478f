"""One trial: its curves, its configuration, what it printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import Input
from textual.worker import get_current_worker

from experiments.errors import StoreError
from experiments.recorders.recording import Recording, read_recording
from experiments.store import ExperimentFolder
from experiments.trial_view import TrialView
from tui import wording
from tui.messages import ConsoleRead, ReadingFailed, RecordingsRead
from tui.plot_options import X_LABELS
from tui.screens.plot_screen import PlotScreen
from tui.screens.steering_screen import SteeringScreen
from tui.widgets.chart import NOTHING, WAITING
from tui.widgets.configuration import Configuration
from tui.widgets.console import Console
from tui.widgets.console_log import ConsoleLog, console_lines, read_tail
from tui.widgets.inside_view import INSIDE_BINDINGS, InsideView
from tui.widgets.key_footer import KeyFooter
from tui.widgets.line_plot import LinePlot
from tui.widgets.model_curves import raw_curve, trial_curve
from tui.widgets.palette import COLORS
from tui.widgets.pane_bar import PaneBar
from tui.widgets.time_line import TimeLine
from tui.widgets.trial_header import TrialHeader

CONSOLE_SECONDS = 0.5


class TrialScreen(SteeringScreen, PlotScreen):
    """Everything about one trial."""

    HELP = """
    # Trial

    One trial: its curves, its configuration, what it printed, what its network does inside.
    """

    FIRST = "plots"
    PANES: ClassVar[Mapping[str, str]] = {
        "plots": "Curves",
        "configuration": "Configuration",
        "console": "Console",
        "inside": "Inside",
    }
    FOCUS: ClassVar[Mapping[str, str]] = {
        "plots": "#metric",
        "configuration": "VerticalScroll",
        "console": "ConsoleLog",
        "inside": "#inside-view .shown",
    }

    CHANGING = (
        ("replay", ()),
        *SteeringScreen.CHANGING,
        ("go", (-1,)),
        ("go", (1,)),
        *(
            ("inside", (what, places))
            for what in ("view", "step", "layer", "part", "sample")
            for places in (-1, 1)
        ),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape", "back", "Back", id="trial.back",
            tooltip="Back to the dashboard",
        ),
        Binding(
            "less_than_sign", "go(-1)", "Previous", key_display="<", id="trial.previous",
            tooltip="The trial before this one",
        ),
        Binding(
            "greater_than_sign", "go(1)", "Next", key_display=">", id="trial.next",
            tooltip="The trial after this one",
        ),
        Binding("l", "toggle_log", "Log", id="plot.log", tooltip="Log or linear y axis"),
        Binding(
            "4", "show_nth_pane(4)", "Pane 4", show=False, id="pane.4", tooltip="Go to pane 4"
        ),
        Binding("slash", "search", "Search", key_display="/", id="console.search",
                tooltip="Search what the trial printed"),
        *INSIDE_BINDINGS,
    ]  # fmt: skip

    def __init__(self, folder: ExperimentFolder, trial: str) -> None:
        super().__init__()
        self._folder = folder
        self._trial_name = trial

    def compose(self) -> ComposeResult:
        """Header, configuration beside curves, console beneath, keys."""
        yield TrialHeader().data_bind(TrialScreen.pulse)
        yield TimeLine().data_bind(TrialScreen.playback)
        yield PaneBar(self.PANES).data_bind(TrialScreen.pane)
        with Horizontal(id="upper"):
            with Container(id="configuration", classes="pane") as configuration:
                configuration.border_title = "Configuration"
                yield Configuration()
            with Vertical(id="plots", classes="pane"):
                yield LinePlot(id="metric")
                yield LinePlot(id="loss")
            with Container(id="inside", classes="pane") as inside:
                inside.border_title = "Inside"
                yield InsideView(id="inside-view")
        with Container(id="console", classes="pane") as console:
            console.border_title = "Console"
            yield Console()
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin to read what it prints."""
        self._follow_console()

    @property
    def trial(self) -> TrialView | None:
        """The trial on screen."""
        return self.snapshot.view.trial(self._trial_name) if self.snapshot else None

    @property
    def chosen(self) -> Sequence[TrialView]:
        """The trial on screen."""
        return (self.trial,) if self.trial else ()

    def show_snapshot(self) -> None:
        """Hand the trial to the widgets."""
        snapshot, trial = self.snapshot, self.trial
        if snapshot is None or trial is None:
            return
        labels = [choice.label for choice in snapshot.view.config.models]
        color = labels.index(trial.model)
        header = self.query_one(TrialHeader)
        header.trial, header.color = trial, color
        metric, loss = self.query_one("#metric", LinePlot), self.query_one("#loss", LinePlot)
        key = snapshot.metric_key
        metric.title = wording.words(key)
        loss.title = "loss: every batch, averaged, and on validation"
        x, smoothing = self.options.x, self.options.smoothing
        loss.curves = (
            trial_curve(trial, "train_loss", color, "batches", x, smoothing),
            trial_curve(trial, "validation_loss", (color + 1) % COLORS, "validation", x, smoothing),
            raw_curve(trial, "train_loss", x, "batches", color),
        )
        metric.curves = (trial_curve(trial, key, color, "validation", x, smoothing),)
        for plot, shown in ((metric, key), (loss, "train_loss")):
            plot.x_label, plot.y_scale = X_LABELS[x], self.options.scale(shown)
            plot.placeholder = NOTHING if trial.status.is_finished else WAITING
        self.query_one(Configuration).trial = trial
        inside = self.query_one(InsideView)
        inside.color, inside.steps = color, trial.recorded
        inside.reason = trial.not_recorded or "nothing is recorded yet"
        self.set_class(bool(trial.recorded), "-recorded")
        self.refresh_keys()

    @work(thread=True, exclusive=True, group="console")
    def _follow_console(self) -> None:
        cancelled = get_current_worker().cancelled_event
        path, before = self._folder.trial(self._trial_name).console, None
        while True:
            try:
                content = read_tail(path)
            except OSError as error:
                self.post_message(ReadingFailed(f"Cannot read {path}: {error.strerror}."))
                return
            if content != before:
                before = content
                self.post_message(ConsoleRead(console_lines(content)))
            if cancelled.wait(CONSOLE_SECONDS):
                return

    @on(ConsoleRead)
    def _on_console_read(self, message: ConsoleRead) -> None:
        self.query_one(ConsoleLog).lines_read = message.lines
        self.query_one(Console).tell_matches()

    @on(InsideView.Wanted)
    def _on_recordings_wanted(self, message: InsideView.Wanted) -> None:
        self._read_recordings(self._trial_name, message.steps)

    @work(thread=True, group="recordings")
    def _read_recordings(self, trial: str, steps: tuple[int, ...]) -> None:
        folder = self._folder.trial(trial)
        found: dict[int, Recording | None] = {}
        for step in steps:
            try:
                found[step] = read_recording(folder.recording(step))
            except StoreError as error:
                found[step] = None
                self.post_message(ReadingFailed(str(error)))
        self.post_message(RecordingsRead(trial, found))

    @on(RecordingsRead)
    def _on_recordings_read(self, message: RecordingsRead) -> None:
        if message.trial == self._trial_name:
            inside = self.query_one(InsideView)
            inside.recordings = {**inside.recordings, **message.recordings}
            self.refresh_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys work only while there is something for them to act on."""
        if action == "go":
            return self._neighbour(int(str(parameters[0]))) is not None
        if action == "search":
            # While somebody types there, it is a letter.
            return not isinstance(self.focused, Input)
        if action == "inside":
            what, places = parameters
            inside = self.query(InsideView)
            return bool(inside) and inside.first().can_move(str(what), int(str(places)))
        return super().check_action(action, parameters)

    def _neighbour(self, places: int) -> str | None:
        trials = self.snapshot.view.trials if self.snapshot else ()
        # In the order of the dashboard's list: by model, then by seed.
        labels = [c.label for c in self.snapshot.view.config.models] if self.snapshot else []
        names = [t.name for t in sorted(trials, key=lambda t: labels.index(t.model))]
        at = names.index(self._trial_name) + places if self._trial_name in names else -1
        return names[at] if 0 <= at < len(names) else None

    def action_go(self, places: int) -> None:
        """Show a neighbour."""
        name = self._neighbour(places)
        if name is not None:
            self._trial_name = name
            self.query_one(InsideView).forget()
            self.show_snapshot()
            self._follow_console()

    def action_back(self) -> None:
        """Take the plots' cursor away, then go back to the dashboard."""
        plots = [plot for plot in self.query(LinePlot) if plot.cursor_x is not None]
        for plot in plots:
            plot.cursor_x = None
        if not plots:
            self.dismiss()

    def action_search(self) -> None:
        """Search the console."""
        self.pane = "console"
        self.query_one(Console).search()

    def action_inside(self, what: str, places: int) -> None:
        """Show another recording, view, layer, head, gate or sequence."""
        self.query_one(InsideView).move(what, places)
        self.refresh_keys()

    def action_inside_view(self, name: str) -> None:
        """Show a view by its name."""
        self.query_one(InsideView).show_view(name)
        self.refresh_keys()

    def action_toggle_log(self) -> None:
        """Switch the focused plot between a log and a linear axis, or else the loss."""
        on_metric = self.focused is self.query_one("#metric") and self.snapshot is not None
        key = self.snapshot.metric_key if on_metric and self.snapshot else "train_loss"
        self.choose(self.options.with_other_scale(key))
