"""The dashboard: one experiment, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.reactive import reactive

from experiments.trial_view import TrialView
from tui import wording
from tui.messages import ComparisonChosen, PlotsChosen, StopAsked, TrialChosen
from tui.screens.pane_screen import PaneScreen
from tui.screens.stop_all import StopAll
from tui.widgets.alert_list import AlertList
from tui.widgets.experiment_header import ExperimentHeader
from tui.widgets.key_footer import KeyFooter
from tui.widgets.leaderboard_table import LeaderboardTable, standings_title
from tui.widgets.line_plot import LinePlot
from tui.widgets.model_curves import WINDOWS, is_noisy
from tui.widgets.pane_bar import PaneBar
from tui.widgets.row_list import RowList
from tui.widgets.trial_list import TrialList
from tui.widgets.verdict_line import VerdictLine


class DashboardScreen(PaneScreen):
    """Trials, curves, standings and what went wrong."""

    PANES: ClassVar[Mapping[str, str]] = {
        "trials": "Trials",
        "plots": "Curves",
        "standings": "Leaderboard",
    }
    FOCUS: ClassVar[Mapping[str, str]] = {
        "trials": "TrialList",
        "plots": "#metric",
        "standings": "LeaderboardTable",
    }

    CHANGING = (("stop_trial", ()), ("stop_all", ()), ("next_metric", ()))

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop_trial", "Stop", id="trial.stop", tooltip="Stop the chosen trial"),
        Binding("S", "stop_all", "Stop all", id="trial.stop_all", tooltip="Stop every open trial"),
        Binding("m", "next_metric", "Metric", id="plot.metric", tooltip="Draw another measurement"),
        Binding("l", "toggle_log", "Log", id="plot.log", tooltip="Log or linear loss axis"),
        Binding(
            "c", "compare", "Compare", id="dashboard.compare",
            tooltip="Compare the models: at equal budgets, in pairs, by length, by settings",
        ),
        Binding(
            "h", "toggle_highlight", "Highlight", id="plot.highlight",
            tooltip="Bring the chosen model's curves to the front",
        ),
    ]  # fmt: skip

    highlighting: reactive[bool] = reactive(False)
    """Whether the chosen model's curves stand out."""
    metric: reactive[str | None] = reactive(None)
    """The measurement in the first plot; None is the task's metric on validation."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def compose(self) -> ComposeResult:
        """Header, trials beside plots, standings beneath, alerts, keys."""
        yield ExperimentHeader().data_bind(DashboardScreen.pulse)
        yield PaneBar(self.PANES).data_bind(DashboardScreen.pane)
        with Horizontal(id="upper"):
            with Container(id="trials", classes="pane"):
                yield TrialList()
            with Vertical(id="plots", classes="pane"):
                yield LinePlot(id="metric", x_label="step")
                with Horizontal(id="lower-plots"):
                    yield LinePlot(id="loss", x_label="step", y_scale="log")
                    yield LinePlot(id="gradient", x_label="step", y_scale="log")
                yield VerdictLine(id="short-verdict")
        with Container(id="standings", classes="pane"):
            yield LeaderboardTable()
            yield VerdictLine()
        yield AlertList()
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin with the trials, or with the curves where there is room for one pane only."""
        self.query_one(ExperimentHeader).place = self._place
        self.query_one("#trials").border_title = "Trials"
        self.pane = "plots"
        # Which of the two is displayed is known after the first layout.
        self.call_after_refresh(self._focus_first)

    def _focus_first(self) -> None:
        trials = self.query_one(TrialList)
        (trials if trials.region else self.query_one("#metric")).focus()

    def show_snapshot(self) -> None:
        """Hand the snapshot to the widgets."""
        snapshot = self.snapshot
        if snapshot is None:
            return
        self.query_one(ExperimentHeader).snapshot = snapshot
        self.query_one(TrialList).snapshot = snapshot
        self.query_one(LeaderboardTable).snapshot = snapshot
        for verdict in self.query(VerdictLine):
            verdict.snapshot = snapshot
        self.query_one(AlertList).snapshot = snapshot
        split, _, metric = snapshot.board.key.partition("_")
        said = f"{'best ' if split == 'validation' else ''}{split} {wording.words(metric)}"
        self.query_one("#trials").border_title = f"Trials, {said}"
        self.query_one("#standings").border_title = standings_title(snapshot)
        shown = {
            "metric": self.metric or snapshot.metric_key,
            "loss": "train_loss",
            "gradient": "gradient_norm",
        }
        seeds = len(snapshot.view.config.seeds)
        for plot_id, key in shown.items():
            plot = self.query_one(f"#{plot_id}", LinePlot)
            plot.curves = snapshot.curves.get(key, ())
            plot.title = _title(key, seeds)
        self.refresh_keys()

    @property
    def trial(self) -> TrialView | None:
        """The trial under the cursor."""
        name = self.query_one(TrialList).key
        return self.snapshot.view.trial(name) if self.snapshot and name else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys work only while there is something for them to act on."""
        if not self.is_mounted:
            return False
        if action == "stop_trial":
            trial = self.trial
            return trial is not None and not trial.status.is_finished and not trial.stop_rung
        if action == "stop_all":
            return bool(self._open_trials())
        if action in ("next_metric", "toggle_log", "toggle_highlight", "compare"):
            return self.snapshot is not None
        return True

    def _open_trials(self) -> tuple[str, ...]:
        if self.snapshot is None:
            return ()
        return tuple(t.name for t in self.snapshot.view.trials if not t.status.is_finished)

    @on(RowList.Highlighted)
    def _on_highlighted(self) -> None:
        self._highlight()
        self.refresh_keys()

    @on(RowList.Opened, "TrialList")
    def _on_trial_opened(self, event: RowList.Opened) -> None:
        self.post_message(TrialChosen(event.key))

    @on(RowList.Opened, "LeaderboardTable")
    def _on_model_opened(self, event: RowList.Opened) -> None:
        self.highlighting = not self.highlighting or self._model() != event.key
        self._highlight(event.key)

    def _model(self) -> str | None:
        if self.focused is self.query_one(LeaderboardTable):
            return self.query_one(LeaderboardTable).key
        return self.trial.model if self.trial else None

    def _highlight(self, model: str | None = None) -> None:
        for plot in self.query(LinePlot):
            plot.highlight = (model or self._model()) if self.highlighting else None

    def action_stop_trial(self) -> None:
        """Ask the trial under the cursor to stop."""
        if self.trial is not None:
            self.post_message(StopAsked((self.trial.name,)))

    def action_stop_all(self) -> None:
        """Ask every open trial to stop, once confirmed."""
        names = self._open_trials()

        def answered(sure: bool | None) -> None:
            if sure:
                self.post_message(StopAsked(names))

        self.app.push_screen(StopAll(len(names)), answered)

    def action_compare(self) -> None:
        """Open the Compare screen."""
        self.post_message(ComparisonChosen())

    def action_next_metric(self) -> None:
        """Draw the next measurement in the first plot."""
        keys = self.metrics()
        if self.snapshot and keys:
            shown = self.metric or self.snapshot.metric_key
            at = keys.index(shown) if shown in keys else -1
            self.action_show_metric(keys[(at + 1) % len(keys)])

    def metrics(self) -> list[str]:
        """What has been measured during training."""
        trials = self.snapshot.view.trials if self.snapshot else ()
        found = {key for trial in trials for key in trial.series}
        return sorted((key for key in found if not key.startswith("test_")), key=is_noisy)

    def action_show_metric(self, key: str) -> None:
        """Draw a measurement in the first plot."""
        self.metric = key
        self.post_message(PlotsChosen(frozenset({key})))
        self.query_one("#metric", LinePlot).y_scale = "log" if "loss" in key else "linear"
        self.show_snapshot()

    def action_toggle_log(self) -> None:
        """Switch the focused plot, or else the loss, between a log and a linear axis."""
        focused = self.focused
        plot = focused if isinstance(focused, LinePlot) else self.query_one("#loss", LinePlot)
        plot.y_scale = "linear" if plot.y_scale == "log" else "log"

    def action_toggle_highlight(self) -> None:
        """Bring the chosen model's curves to the front, or all back to the same level."""
        self.highlighting = not self.highlighting
        self._highlight()


def _title(key: str, seeds: int) -> str:
    words = wording.words(key)
    if is_noisy(key):
        return f"{words}, averaged over {100 // WINDOWS} % of the steps"
    return f"{words}, mean of {seeds} seeds with 95 % band" if seeds > 1 else words
