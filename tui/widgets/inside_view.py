"""What a trial's network does inside: matrices and curves of what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widgets import Static

from experiments.recorders.recording import Recording
from tui.widgets.heat_map import HeatMap
from tui.widgets.inside import HEATS, VIEWS, Choice, Inside, views
from tui.widgets.line_plot import LinePlot

KEYS = {"layer": ("[", "]"), "part": ("{", "}"), "sample": ("(", ")"), "step": (",", ".")}
"""What goes to the one before and the one after."""

INSIDE_BINDINGS: list[BindingType] = [
    Binding("w", "inside('view', 1)", "View", id="inside.view",
            tooltip="Another view of what the network does inside"),
    *(
        Binding(key, f"inside('{what}', {places})", display, show=False, key_display=display,
                id=f"inside.{what}_{name}", tooltip=tooltip)
        for what, name, places, key, display, tooltip in (
            ("step", "before", -1, "comma", ",", "The recording before this one"),
            ("step", "after", 1, "full_stop", ".", "The recording after this one"),
            ("layer", "before", -1, "left_square_bracket", "[", "The layer before this one"),
            ("layer", "after", 1, "right_square_bracket", "]", "The layer after this one"),
            ("part", "before", -1, "left_curly_bracket", "{", "The head, or gate, before"),
            ("part", "after", 1, "right_curly_bracket", "}", "The head, or gate, after"),
            ("sample", "before", -1, "left_parenthesis", "(", "The sequence before this one"),
            ("sample", "after", 1, "right_parenthesis", ")", "The sequence after this one"),
        )
    ),
]  # fmt: skip
"""For the screen of an `InsideView`, whatever has the focus there."""


class InsideView(Vertical):
    """One view of one recording, with what else there is to choose.

    It asks for the recordings it needs with `Wanted`, and shows them once they are in
    `recordings`.
    """

    DEFAULT_CSS = """
    InsideView {
        #views, #chosen { height: auto; }
        #chosen { color: $foreground 75%; }
        HeatMap, LinePlot { display: none; }
        HeatMap.shown, LinePlot.shown { display: block; }
    }
    """

    steps: reactive[tuple[int, ...]] = reactive(())
    """The steps with a recording, in order."""
    recordings: reactive[Mapping[int, Recording | None]] = reactive({})
    """Those that were read, by step; None for one that cannot be read."""
    reason: reactive[str] = reactive("")
    """Why there is none, where there is none."""
    choice: reactive[Choice] = reactive(Choice())
    """What is shown of it."""
    back: reactive[int] = reactive(0)
    """How many recordings before the newest one is shown; the newest comes by itself."""
    color: reactive[int] = reactive(0)
    """The palette index of the trial's model."""

    class Wanted(Message):
        """Recordings are to be read."""

        def __init__(self, steps: tuple[int, ...]) -> None:
            super().__init__()
            self.steps = steps

    def compose(self) -> ComposeResult:
        """The names of the views, what is chosen, and a map or a plot."""
        yield Static(id="views")
        yield Static(id="chosen")
        yield HeatMap()
        yield LinePlot(x_label="position")

    @property
    def step(self) -> int | None:
        """The step whose recording is shown."""
        return self.steps[max(len(self.steps) - 1 - self.back, 0)] if self.steps else None

    @property
    def inside(self) -> Inside | None:
        """What is shown; None before it was read."""
        recording = None if self.step is None else self.recordings.get(self.step)
        return Inside(recording, self.choice) if recording and views(recording) else None

    def watch_steps(self) -> None:
        """Ask for what is needed: the one to show, and the first one to compare with."""
        if self.step is not None:
            wanted = dict.fromkeys((self.step, self.steps[0]))
            missing = tuple(step for step in wanted if step not in self.recordings)
            if missing:
                self.post_message(self.Wanted(missing))
        self.show()

    watch_back = watch_steps

    def watch_recordings(self) -> None:
        """Show what was read."""
        self.show()

    watch_choice = watch_reason = watch_color = watch_recordings

    def on_mount(self) -> None:
        """Say what is missing."""
        self.show()

    def show(self) -> None:
        """Hand what is chosen to the map or the plot."""
        if not self.is_mounted:
            return
        inside, step = self.inside, self.step
        is_heat = inside is None or inside.view in HEATS
        heat_map, plot = self.query_one(HeatMap), self.query_one(LinePlot)
        heat_map.set_class(is_heat, "shown")
        plot.set_class(not is_heat, "shown")
        if inside is None or step is None:
            heat_map.heat, heat_map.title = None, ""
            heat_map.placeholder = self._missing()
            self.query_one("#views", Static).update("")
            self.query_one("#chosen", Static).update("")
            return
        if is_heat:
            heat_map.heat, heat_map.title = inside.heat(), inside.title
        else:
            plot.title = inside.title
            plot.y_scale = "log" if inside.view == "gradient_norm" else "linear"
            plot.curves = inside.curves(self.recordings.get(self.steps[0]), step, self.color)
        self.query_one("#views", Static).update(self._names(inside))
        self.query_one("#chosen", Static).update(self._chosen(inside, step))

    def _missing(self) -> str:
        """Why there is nothing to see."""
        if self.step is None:
            return self.reason
        if self.step not in self.recordings:
            return "reading ..."
        return f"the recording after step {self.step} cannot be read"

    def _names(self, inside: Inside) -> Content:
        parts = []
        for name in inside.views:
            style = "bold reverse" if name == inside.view else "not bold"
            link = f"[@click=screen.inside_view('{name}')]"
            parts.append(f"{link}[{style}] {VIEWS[name]} [/][/]")
        return Content.from_markup(" ".join(parts))

    def _chosen(self, inside: Inside, step: int) -> Content:
        """Which of how many is shown, between the keys that go to others; so does a click there."""
        names = {"part": inside.part_axis, "step": f"step {step}"}
        sizes = {**inside.sizes(), "step": (self.steps.index(step), len(self.steps))}
        parts = []
        for name, (at, size) in sizes.items():
            said = Content(f"{names.get(name, name)} {at + 1}/{size}")
            if size > 1:
                before, after = KEYS[name]
                said = _link(before, name, -1) + said + _link(after, name, 1)
            parts.append(said)
        return Content("  ").join(parts)

    def forget(self) -> None:
        """Another trial comes: what was read is not its own; what is chosen stays."""
        self.set_reactive(InsideView.recordings, {})
        self.set_reactive(InsideView.back, 0)
        self.steps = ()

    def show_view(self, name: str) -> None:
        """Show the view of that name."""
        self.choice = replace(self.choice, view=name)

    def can_move(self, what: str, places: int) -> bool:
        """Whether there is another of the `layer`, `part`, `sample`, `step` or `view`."""
        inside = self.inside
        if what == "step":
            return 0 <= len(self.steps) - 1 - self.back + places < len(self.steps)
        if inside is None:
            return False
        if what == "view":
            return len(inside.views) > 1
        at, size = inside.sizes().get(what, (0, 1))
        return 0 <= at + places < size

    def move(self, what: str, places: int) -> None:
        """Go to another one, if there is one."""
        inside = self.inside
        if not self.can_move(what, places):
            return
        if what == "step":
            self.back -= places
        elif inside is not None and what == "view":
            at = inside.views.index(inside.view) + places
            name = inside.views[at % len(inside.views)]
            self.show_view(name)
        elif inside is not None:
            number = inside.sizes()[what][0] + places
            self.choice = replace(self.choice, numbers={**self.choice.numbers, what: number})


def _link(key: str, what: str, places: int) -> Content:
    """A key on which a click does what the key does."""
    return Content.styled(key, Style.from_meta({"@click": f"screen.inside('{what}', {places})"}))
