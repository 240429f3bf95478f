"""Which model is better: standings at equal budgets, pairs, what differs, accuracy by length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.reactive import reactive

from experiments.by_length import ByLength
from experiments.capacity import reference
from experiments.config import ExperimentConfig
from experiments.cut import Cut, Reading, Unit
from tui import wording
from tui.compared import Compared, Question
from tui.formatting import number
from tui.messages import QuestionChosen
from tui.screens.ask_number import Answer, AskNumber
from tui.screens.pane_screen import PaneScreen
from tui.widgets.distinction_list import DistinctionList
from tui.widgets.experiment_header import ExperimentHeader
from tui.widgets.key_footer import KeyFooter
from tui.widgets.leaderboard_table import LeaderboardTable, standings_title
from tui.widgets.length_curves import length_curves, longest_in_training
from tui.widgets.line_plot import LinePlot
from tui.widgets.pair_matrix import PairMatrix
from tui.widgets.pane_bar import PaneBar
from tui.widgets.row_list import RowList
from tui.widgets.titled import entitle
from tui.widgets.verdict_line import VerdictLine

BUDGETS: tuple[Unit | None, ...] = (None, *get_args(Unit))
READINGS: tuple[Reading, ...] = get_args(Reading)
BY_VALIDATION = "by validation alone: choosing by test would flatter whoever is chosen"


class CompareScreen(PaneScreen):
    """The models of an experiment beside each other, live."""

    HELP = """
    # Compare

    Which model is better, at equal steps, time or compute; by how much, and whether there are
    enough seeds to tell.
    """

    FIRST = "ranking"
    PANES: ClassVar[Mapping[str, str]] = {
        "ranking": "Leaderboard",
        "pairs": "Pairs",
        "lengths": "Lengths",
        "differs": "Differs",
    }
    FOCUS: ClassVar[Mapping[str, str]] = {
        "ranking": "LeaderboardTable",
        "pairs": "PairMatrix",
        "lengths": "#by-length",
        "differs": "DistinctionList",
    }

    CHANGING = (("set_baseline", ()), ("set_limit", ()))

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,c", "back", "Back", id="compare.back", tooltip="Back to the dashboard"),
        Binding(
            "a", "next_budget", "At equal", id="compare.budget",
            tooltip="Compare outcomes, or at equal steps, equal time, equal compute",
        ),
        Binding(
            "u", "set_limit", "Up to", id="compare.limit",
            tooltip="Set the budget to compare at, in place of the largest that all have reached",
        ),
        Binding(
            "o", "next_reading", "Best/last", id="compare.reading",
            tooltip="Read the best validation, the last one, or the mean of the last three",
        ),
        Binding(
            "b", "set_baseline", "Baseline", id="compare.baseline",
            tooltip="Compare the others with the chosen model",
        ),
        Binding(
            "t", "set_target", "Target", id="compare.target",
            tooltip="Set the value that counts as solved",
        ),
        Binding(
            "full_stop", "toggle_seeds", "Seeds", key_display=".", id="compare.seeds",
            tooltip="A dot for every seed, or the intervals alone",
        ),
        Binding(
            "4", "show_nth_pane(4)", "Pane 4", show=False, id="pane.4", tooltip="Go to pane 4"
        ),
    ]  # fmt: skip

    budget: reactive[Unit | None] = reactive(None)
    """What the models are held to equal amounts of; None is the outcome."""
    reading: reactive[Reading] = reactive[Reading]("best")
    """Which validation counts."""
    target: reactive[float | None] = reactive(None)
    """The value of the task's metric that a person calls solved."""
    baseline: reactive[str | None] = reactive(None)
    """The model to compare with; None is the LSTM, or the first model where there is none."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self._limits: dict[Unit, float | None] = {}
        """The budgets that a person set."""
        self._lengths: ByLength | None = None

    def compose(self) -> ComposeResult:
        """Header, standings; pairs, lengths and what differs beside each other; the verdict."""
        header = ExperimentHeader().data_bind(CompareScreen.pulse)
        header.set_reactive(ExperimentHeader.place, self._place)
        yield header
        yield PaneBar(self.PANES).data_bind(CompareScreen.pane)
        with Container(id="ranking", classes="pane"):
            table = LeaderboardTable()
            table.set_reactive(LeaderboardTable.seeds, "hidden")
            yield table
        with Horizontal(id="details"):
            with Container(id="pairs", classes="pane") as pairs:
                pairs.border_title = "Pairs, a row beside a column"
                yield PairMatrix()
            with Container(id="lengths", classes="pane"):
                yield LinePlot(id="by-length", x_label="length")
            with Container(id="differs", classes="pane"):
                yield DistinctionList()
        yield VerdictLine()
        yield KeyFooter()

    def on_mount(self) -> None:
        """Have the models compared."""
        self._ask()

    @property
    def question(self) -> Question:
        """How the models are to be compared."""
        if self.budget is None and self.reading == "best":
            return Question(None, self.target)
        limit = self._limits.get(self.budget) if self.budget else None
        return Question(Cut(self.budget, limit, self.reading), self.target)

    def _ask(self) -> None:
        self.post_message(QuestionChosen(self.question))

    def show_snapshot(self) -> None:
        """Hand the answer to the widgets."""
        if self.snapshot is None or self.snapshot.compared is None:
            return
        found = self.snapshot.compared
        snapshot = replace(self.snapshot, board=found.board)
        self.query_one(ExperimentHeader).snapshot = snapshot
        table = self.query_one(LeaderboardTable)
        table.baseline = self.baseline or _reference(snapshot.view.config)
        table.snapshot = snapshot
        self.query_one(PairMatrix).snapshot = snapshot
        self.query_one(VerdictLine).snapshot = snapshot
        self.query_one(DistinctionList).distinctions = found.distinctions
        entitle(self.query_one("#ranking"), standings_title(snapshot), self._subtitle(found))
        amount, total = len(found.distinctions.differing), found.distinctions.total
        entitle(self.query_one("#differs"), f"What differs, {amount} of {total} settings")
        self._show_lengths(found.lengths)
        self.refresh_keys()

    def _subtitle(self, found: Compared) -> str:
        """What decides, and what counts as solved where a person said it."""
        said = []
        if found.question.target is not None:
            metric = self.snapshot.view.config.task.task.metric if self.snapshot else None
            sign = ">=" if metric and metric.higher_is_better else "<="
            said.append(f"solved: {sign} {number(found.question.target)}")
        if found.board.cut is not None:
            said.append(BY_VALIDATION)
        return "; ".join(said)

    def _show_lengths(self, found: ByLength | None) -> None:
        plot = self.query_one("#by-length", LinePlot)
        is_finished = self.snapshot is not None and self.snapshot.view.is_finished
        plot.placeholder = (
            "tests tell nothing by length" if is_finished else "tested once every trial is finished"
        )
        if found == self._lengths:
            return
        self._lengths = found
        plot.curves = length_curves(found) if found else ()
        plot.title = f"test {wording.words(found.metric)}, mean with 95 % band" if found else ""
        plot.x_rule = longest_in_training(found) if found else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys work only while there is something for them to act on."""
        if not self.is_mounted:
            return False
        if action == "set_baseline":
            return self._chosen() is not None
        if action == "set_limit":
            return self.budget is not None
        return True

    def _chosen(self) -> str | None:
        """The model under the cursor of the focused list, or else of the leaderboard."""
        focused = self.focused
        lists = [focused] if isinstance(focused, PairMatrix) else []
        keys = [one.key for one in (*lists, self.query_one(LeaderboardTable))]
        models = [c.label for c in self.snapshot.view.config.models] if self.snapshot else []
        return next((key for key in keys if key in models), None)

    @on(RowList.Highlighted)
    def _on_highlighted(self) -> None:
        self.refresh_keys()

    @on(RowList.Opened)
    def _on_opened(self, event: RowList.Opened) -> None:
        """Bring the model's curve to the front, or all back to the same level."""
        plot = self.query_one("#by-length", LinePlot)
        plot.highlight = None if plot.highlight == event.key else event.key

    def action_back(self) -> None:
        """Take the plot's cursor away, then go back to the dashboard."""
        plot = self.query_one("#by-length", LinePlot)
        if plot.cursor_x is not None:
            plot.cursor_x = None
            return
        self.app.post_message(QuestionChosen(None))
        self.dismiss()

    def action_next_budget(self) -> None:
        """Hold the models to the next kind of budget."""
        self.budget = BUDGETS[(BUDGETS.index(self.budget) + 1) % len(BUDGETS)]
        self.refresh_keys()
        self._ask()

    def action_next_reading(self) -> None:
        """Read the curves in the next way."""
        self.reading = READINGS[(READINGS.index(self.reading) + 1) % len(READINGS)]
        self._ask()

    def action_set_limit(self) -> None:
        """Ask for the budget."""
        unit = self.budget
        if unit is None:
            return

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                (self._limits[unit],) = answer
                self._ask()

        question = f"Compare at how many {wording.UNITS[unit]}?"
        otherwise = "Empty: the largest budget that all trials have reached."
        limit = self._limits.get(unit)
        self.app.push_screen(AskNumber(question, otherwise, limit, is_positive=True), answered)

    def action_set_target(self) -> None:
        """Ask for the value that counts as solved."""
        if self.snapshot is None:
            return
        task = self.snapshot.view.config.task.task

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                (self.target,) = answer
                self._ask()

        question = f"Which validation {wording.words(task.metric.name)} counts as solved?"
        own = "none is agreed" if task.solved is None else f"its own, {number(task.solved)}"
        otherwise = f"Empty: what the task says ({own})."
        self.app.push_screen(AskNumber(question, otherwise, self.target), answered)

    def action_set_baseline(self) -> None:
        """Compare the others with the chosen model."""
        chosen = self._chosen()
        if chosen is not None:
            self.baseline = chosen
            self.show_snapshot()

    def action_toggle_seeds(self) -> None:
        """Show or hide the seeds."""
        table = self.query_one(LeaderboardTable)
        table.seeds = "hidden" if table.seeds == "shown" else "shown"


def _reference(config: ExperimentConfig) -> str | None:
    """The model that capacity is matched to."""
    standard = reference([choice.model for choice in config.models])
    return next((c.label for c in config.models if c.model is standard), None)
