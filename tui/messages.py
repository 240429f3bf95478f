"""What the dashboard's parts tell each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from experiments.config import ExperimentConfig
    from experiments.history import Entry
    from experiments.recorders.recording import Recording
    from experiments.steering import Action
    from experiments.store import ExperimentFolder
    from tui.compared import Question
    from tui.plot_options import PlotOptions
    from tui.pulse import Pulse
    from tui.snapshot import Snapshot
    from tui.widgets.model_curves import CurveRequest


@dataclass
class SnapshotTaken(Message):
    """The experiment on screen has changed."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """A newer snapshot holds all that a waiting one does."""
        return isinstance(message, SnapshotTaken)


@dataclass
class PulseTaken(Message):
    """A second has passed."""

    pulse: Pulse

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, PulseTaken)


@dataclass
class ReadingFailed(Message):
    """Files cannot be read; `problem` is one sentence for a person."""

    problem: str


@dataclass
class ExperimentChosen(Message):
    """A person wants to see an experiment."""

    folder: ExperimentFolder


@dataclass
class TrialChosen(Message):
    """A person wants to see a trial of the experiment on screen."""

    trial: str


@dataclass
class CurvesWanted(Message):
    """The screen draws other curves than before."""

    request: CurveRequest


@dataclass
class OptionsChosen(Message):
    """A person wants to see plots in another way."""

    options: PlotOptions

    def can_replace(self, message: Message) -> bool:
        """Only the last word counts."""
        return isinstance(message, OptionsChosen)


@dataclass
class ComparisonChosen(Message):
    """A person wants to compare the models of the experiment on screen."""


@dataclass
class QuestionChosen(Message):
    """A person wants the models to be compared in another way, or no longer (None)."""

    question: Question | None


class ChangeAsked(Message):
    """A person wants something to change besides what is on screen.

    Base of all messages that ask for that: an app that only watches receives none of them.
    """


@dataclass
class SteeringAsked(ChangeAsked):
    """A person wants something of trials of the experiment on screen: see `steering`."""

    action: Action
    trials: tuple[str, ...]
    rate: str | None = None
    """A learning rate or a factor, where one is wished."""
    is_anew: bool = False
    """Whether a retry begins from the first step."""


@dataclass
class LaunchAsked(ChangeAsked):
    """A person wants an experiment to begin."""

    config: ExperimentConfig


@dataclass
class EstimateMade(Message):
    """What is known of how long the experiment in the form will take; one sentence."""

    said: str
    is_over: bool
    """Whether nothing more will be found."""


@dataclass
class LaunchFailed(Message):
    """An experiment could not begin."""

    problem: str


@dataclass
class ExperimentsListed(Message):
    """The experiments under the root, newest first."""

    entries: Sequence[Entry]
    now: float
    """Seconds since the epoch. Textual keeps another clock in `time`."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest list counts."""
        return isinstance(message, ExperimentsListed)


@dataclass
class StandingsRead(Message):
    """How the experiment under the cursor of the list stands."""

    snapshot: Snapshot
    """Without curves."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, StandingsRead)


@dataclass
class ReplayChosen(Message):
    """A person wants to see how an experiment came about."""

    folder: ExperimentFolder


@dataclass
class ReplayOpened(Message):
    """All that happened to an experiment has been read."""

    folder: ExperimentFolder
    start: float
    """Seconds since the epoch, as `end`."""
    end: float


@dataclass
class ReplayEnded(Message):
    """A person wants to see what is, again."""


@dataclass
class ExperimentDeleted(Message):
    """The files of an experiment are gone."""

    folder: ExperimentFolder


@dataclass
class RecordingsRead(Message):
    """What was recorded inside the network of a trial."""

    trial: str
    recordings: Mapping[int, Recording | None]
    """By step; None for one that cannot be read."""


@dataclass
class ConsoleRead(Message):
    """The end of a trial's console log."""

    lines: tuple[str, ...]

    def can_replace(self, message: Message) -> bool:
        """Each reading holds the whole tail."""
        return isinstance(message, ConsoleRead)
