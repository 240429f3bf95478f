"""The dashboard: one experiment, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.reactive import reactive
from textual.widget import Widget

from experiments.read_model import ExperimentView
from experiments.status import Status
from experiments.steering import Action, meant
from experiments.trial_view import TrialView
from tui import wording
from tui.messages import ComparisonChosen, CurvesWanted, TrialChosen
from tui.plot_options import X_LABELS, plot_title, seeds_words, smoothing_words
from tui.screens.plot_screen import PlotScreen
from tui.screens.steering_screen import SteeringScreen
from tui.screens.stop_all import StopAll
from tui.snapshot import Snapshot
from tui.widgets.alert_list import AlertList
from tui.widgets.chart import NOTHING, TUNING, WAITING
from tui.widgets.experiment_header import ExperimentHeader
from tui.widgets.key_footer import KeyFooter
from tui.widgets.leaderboard_table import LeaderboardTable, standings_title
from tui.widgets.line_plot import LinePlot
from tui.widgets.model_curves import CurveRequest, is_noisy
from tui.widgets.pane_bar import PaneBar
from tui.widgets.plot_grid import PlotGrid
from tui.widgets.reading_line import ReadingLine
from tui.widgets.row_list import RowList
from tui.widgets.time_line import TimeLine
from tui.widgets.titled import entitle
from tui.widgets.trial_list import TrialList
from tui.widgets.verdict_line import VerdictLine


class DashboardScreen(SteeringScreen, PlotScreen):
    """Trials, curves, standings and what went wrong."""

    HELP = """
    # Dashboard

    One experiment, live: trials, curves, standings, and what went wrong.
    """

    FIRST = "plots"
    PANES: ClassVar[Mapping[str, str]] = {
        "trials": "Trials",
        "plots": "Curves",
        "standings": "Leaderboard",
    }
    FOCUS: ClassVar[Mapping[str, str]] = {
        "trials": "TrialList",
        "plots": "#plot-1",
        "standings": "LeaderboardTable",
    }

    CHANGING = (
        ("replay", ()),
        *SteeringScreen.CHANGING,
        ("stop_all", ()),
        ("pause_all", ()),
        ("next_metric", ()),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("S", "stop_all", "Stop all", id="trial.stop_all", tooltip="Stop every open trial"),
        Binding(
            "P", "pause_all", "Pause all", id="trial.pause_all",
            tooltip="Pause every open trial, or go on with all that are paused",
        ),
        Binding(
            "m", "next_metric", "Metric", id="plot.metric",
            tooltip="Another measurement in the focused plot",
        ),
        Binding("l", "toggle_log", "Log", id="plot.log", tooltip="Log or linear y axis"),
        Binding(
            "g", "next_count", "Grid", show=False, id="plot.grid",
            tooltip="Another number of plots, as far as they fit",
        ),
        Binding(
            "i", "toggle_members", "Seeds", show=False, id="plot.members",
            tooltip="Draw each seed behind the mean",
        ),
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

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self._wanted = CurveRequest()
        self._read: LinePlot | None = None

    def compose(self) -> ComposeResult:
        """Header, trials beside plots, standings beneath, alerts, keys."""
        header = ExperimentHeader().data_bind(DashboardScreen.pulse)
        header.set_reactive(ExperimentHeader.place, self._place)
        yield header
        yield TimeLine().data_bind(DashboardScreen.playback)
        yield PaneBar(self.PANES).data_bind(DashboardScreen.pane)
        with Horizontal(id="upper"):
            with Container(id="trials", classes="pane") as trials:
                trials.border_title = "Trials"
                yield TrialList()
            with Vertical(id="plots", classes="pane"):
                yield PlotGrid()
                yield ReadingLine()
                yield VerdictLine(id="short-verdict")
        with Container(id="standings", classes="pane"):
            yield LeaderboardTable()
            yield VerdictLine()
        yield AlertList()
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin with the trials, or with the curves where there is room for one pane only."""
        # How much room there is is known after the first layout.
        self.call_after_refresh(self._focus_first)

    def _focus_first(self) -> None:
        pane = "plots" if self.has_class("-narrow") else "trials"
        self.set_focus(self.query_one(self.FOCUS[pane]))

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
        entitle(self.query_one("#trials"), f"Trials, {said}")
        entitle(self.query_one("#standings"), standings_title(snapshot))
        self._show_plots(snapshot)
        self.refresh_keys()

    def _show_plots(self, snapshot: Snapshot) -> None:
        grid, options, request = self.query_one(PlotGrid), self.options, snapshot.request
        grid.wanted = options.count
        keys = options.keys(snapshot.view.config)[: grid.shown]
        for plot, key in zip(grid.plots, keys, strict=True):
            plot.curves = snapshot.curves.get(key, ())
            plot.title = plot_title(wording.words(key), key, request.smoothing)
            plot.x_label = X_LABELS[request.x]
            plot.y_scale = options.scale(key)
            plot.placeholder = _empty(snapshot.view)
        mean = seeds_words(len(snapshot.view.config.seeds))
        said = (mean, f"x: {request.x}", smoothing_words(request.smoothing))
        self.query_one(ReadingLine).status = ", ".join(filter(None, said))
        self._show_reading()
        wanted = CurveRequest(frozenset(keys), options.x, options.smoothing, options.members)
        if wanted != self._wanted:
            self._wanted = wanted
            self.post_message(CurvesWanted(wanted))

    @on(PlotGrid.Rearranged)
    def _on_rearranged(self) -> None:
        if self.snapshot is not None:
            self._show_plots(self.snapshot)

    @on(LinePlot.CursorMoved)
    def _on_cursor_read(self, event: LinePlot.CursorMoved) -> None:
        self._read = event.plot
        self._show_reading()

    def _show_reading(self) -> None:
        plot = self._read
        frame = plot.frame if plot is not None else None
        if plot is None or frame is None or plot.cursor_x is None:
            if self.query_one(ReadingLine).read is not None:
                self.query_one(ReadingLine).read = None
        else:
            self.query_one(ReadingLine).read = (plot.chart, frame, plot.cursor_x)

    @property
    def trial(self) -> TrialView | None:
        """The trial under the cursor, if it is on one."""
        name = self.query_one(TrialList).key
        return self.snapshot.view.trial(name) if self.snapshot and name else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys work only while there is something for them to act on."""
        if not self.is_mounted:
            return False
        if action == "stop_all":
            return bool(self._all(Action.STOP))
        if action == "pause_all":
            return bool(self._all(Action.PAUSE) or self._paused())
        if action in ("next_metric", "toggle_log", "toggle_highlight", "next_x", "compare"):
            return self.snapshot is not None
        if action == "next_count":
            return len(self.query_one(PlotGrid).counts) > 1
        return super().check_action(action, parameters)

    @property
    def chosen(self) -> Sequence[TrialView]:
        """The trial under the cursor, or all of the model under it."""
        names = self.query_one(TrialList).names
        return [t for t in self.snapshot.view.trials if t.name in names] if self.snapshot else []

    def _all(self, action: Action) -> list[TrialView]:
        return meant(action, self.snapshot.view) if self.snapshot else []

    def _paused(self) -> list[TrialView]:
        return [trial for trial in self._all(Action.RESUME) if trial.status is Status.PAUSED]

    @on(RowList.Highlighted)
    def _on_highlighted(self) -> None:
        self._highlight()
        self.refresh_keys()

    @on(RowList.Opened, "TrialList")
    def _on_trial_opened(self, event: RowList.Opened) -> None:
        if self.trial is not None:
            self.post_message(TrialChosen(event.key))
        else:
            self._toggle_highlight(self.query_one(TrialList).model)

    @on(RowList.Opened, "AlertList")
    def _on_alert_opened(self, event: RowList.Opened) -> None:
        if trial := self.query_one(AlertList).trial_of(event.key):
            self.post_message(TrialChosen(trial))

    @on(RowList.Opened, "LeaderboardTable")
    def _on_model_opened(self, event: RowList.Opened) -> None:
        self._toggle_highlight(event.key)

    def _toggle_highlight(self, model: str | None) -> None:
        self.highlighting = not self.highlighting or self._model() != model
        self._highlight(model)

    def _model(self) -> str | None:
        if self.focused is self.query_one(LeaderboardTable):
            return self.query_one(LeaderboardTable).key
        return self.query_one(TrialList).model

    def _highlight(self, model: str | None = None) -> None:
        for plot in self.query(LinePlot):
            plot.highlight = (model or self._model()) if self.highlighting else None

    def action_stop_all(self) -> None:
        """Ask every open trial to stop, once confirmed."""
        trials = self._all(Action.STOP)

        def answered(sure: bool | None) -> None:
            if sure:
                self.ask(Action.STOP, trials)

        self.app.push_screen(StopAll(len(trials)), answered)

    def action_pause_all(self) -> None:
        """Pause every open trial, or go on with all that are paused."""
        self.pause_or_resume(self._paused(), self._all(Action.PAUSE))

    def action_compare(self) -> None:
        """Open the Compare screen."""
        self.post_message(ComparisonChosen())

    def _plot_index(self) -> int:
        """The plot that keys act on: the focused one, or else the first."""
        plots: Sequence[Widget] = self.query_one(PlotGrid).plots
        return plots.index(self.focused) if self.focused in plots else 0

    def _plotted(self) -> str:
        """Its measurement."""
        if self.snapshot is None:
            return ""
        return self.options.keys(self.snapshot.view.config)[self._plot_index()]

    def action_next_metric(self) -> None:
        """Draw the next measurement in the focused plot, or else the first."""
        keys, shown = self.metrics(), self._plotted()
        if keys:
            at = keys.index(shown) if shown in keys else -1
            self.action_show_metric(keys[(at + 1) % len(keys)])

    def metrics(self) -> list[str]:
        """What has been measured during training."""
        trials = self.snapshot.view.trials if self.snapshot else ()
        found = {key for trial in trials for key in trial.series}
        if "step_seconds" in found:
            found.add("steps_per_second")
        drawn = (key for key in found if not key.startswith("test_"))
        return sorted(drawn, key=lambda key: (is_noisy(key), key))

    def action_show_metric(self, key: str) -> None:
        """Draw a measurement in the focused plot, or else the first."""
        self.choose(self.options.with_key(self._plot_index(), key))

    def action_toggle_log(self) -> None:
        """Switch the focused plot, or else the first, between a log and a linear axis."""
        self.choose(self.options.with_other_scale(self._plotted()))

    def action_next_count(self) -> None:
        """Show another number of plots."""
        self.choose(
            replace(self.options, count=self.query_one(PlotGrid).next_count(self.options.count))
        )

    def action_toggle_members(self) -> None:
        """Draw each seed behind the mean, or the mean alone."""
        self.choose(replace(self.options, members=not self.options.members))

    def action_toggle_highlight(self) -> None:
        """Bring the chosen model's curves to the front, or all back to the same level."""
        self.highlighting = not self.highlighting
        self._highlight()


def _empty(view: ExperimentView) -> str:
    """Why a plot has no curves."""
    if view.is_finished:
        return NOTHING
    is_tuning = any(not trial.status.is_finished for trial in view.tuning_trials)
    return TUNING if is_tuning else WAITING
