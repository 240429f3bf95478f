"""Makes an app show an experiment as it stood: its screens see what had happened by a time."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer

from experiments.read_model import ExperimentView
from experiments.replay import Replay
from experiments.store import ExperimentFolder
from tui.messages import ReplayOpened
from tui.playback import Playback
from tui.read_only import GuardedApp
from tui.screens.key_screen import KeyScreen
from tui.widgets.time_line import TimeLine

TICK_SECONDS = 0.1


class ReplayReader:
    """Reads an experiment as `ExperimentReader` does, but as it stood at `time`."""

    def __init__(self, folder: ExperimentFolder, post: Callable[[Message], object]) -> None:
        self.folder = folder
        self.time: float | None = None
        """The screen's thread replaces it; None is the end."""
        self._post = post
        self._replay: Replay | None = None

    def read(self) -> ExperimentView:
        """The view at `time`; raises `KerasSeqError`."""
        if self._replay is None:
            self._replay = Replay(self.folder)
            self._post(ReplayOpened(self.folder, self._replay.start, self._replay.end))
        return self._replay.at(self._replay.end if self.time is None else self.time)


class ReplayingApp(GuardedApp):
    """An app with a replay, if there is one. Meanwhile its screens change no experiment."""

    playback: reactive[Playback | None] = reactive(None)
    """The time that is shown; None is now."""

    def __init__(self, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        self._replay_reader: ReplayReader | None = None
        self._ticking: Timer | None = None

    @property
    def watches_only(self) -> bool:
        """What an experiment's screens show in a replay is over."""
        return (self._replay_reader is not None and self.shows_one) or super().watches_only

    @property
    def shows_one(self) -> bool:
        """Whether the screen is of one experiment."""
        return isinstance(self.screen, KeyScreen) and self.screen.SHOWS_ONE

    def new_replay(self, folder: ExperimentFolder) -> ReplayReader:
        """What to read from; the time line follows once that was read."""
        self.end_replay()
        self._replay_reader = ReplayReader(folder, self.post_message)
        return self._replay_reader

    def end_replay(self) -> None:
        """From now on, show what is."""
        self.playback = self._replay_reader = None

    @on(ReplayOpened)
    def _on_replay_opened(self, message: ReplayOpened) -> None:
        reader = self._replay_reader
        if reader is not None and message.folder == reader.folder and self.playback is None:
            self.playback = Playback(message.start, message.end, message.end)

    @on(TimeLine.Moved)
    def _on_moved(self, message: TimeLine.Moved) -> None:
        if self.playback is not None:
            self.playback = message.change(self.playback)

    def _tick(self) -> None:
        if self.playback is not None:
            self.playback = self.playback.advanced(TICK_SECONDS)

    def watch_playback(self, before: Playback | None, after: Playback | None) -> None:
        """The reader's thread shows what had happened by then; a clock runs only while playing."""
        if self._replay_reader is not None and after is not None:
            self._replay_reader.time = after.time
        is_playing = after is not None and after.is_playing
        if is_playing and self._ticking is None:
            self._ticking = self.set_interval(TICK_SECONDS, self._tick)
        elif not is_playing and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        if (before is None) != (after is None):
            self.screen.refresh_bindings()
