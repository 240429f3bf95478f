"""Makes an app carry out what is asked of experiments: to steer trials, and to begin another."""

from __future__ import annotations

import subprocess
from functools import cached_property
from pathlib import Path

from textual import on, work
from textual.app import App
from textual.reactive import reactive
from textual.worker import get_current_worker

from experiments.errors import KerasSeqError, RequestError
from tui import messages
from tui.snapshot import Snapshot
from tui.steering import carry_out


class SteeringApp(App[str | None]):
    """An app with an experiment on screen, if any, and others under `root`.

    What takes long is done in threads of their own; what came of it is said.
    """

    root: Path
    # What is bound to it draws itself; the screen as a whole need not.
    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)
    """The experiment on screen."""

    @cached_property
    def _supervisors(self) -> list[subprocess.Popen[bytes]]:
        # Kept, so that a supervisor that has ended is noticed and does not linger.
        return []

    @on(messages.SteeringAsked)
    def _on_steering(self, message: messages.SteeringAsked) -> None:
        if self.snapshot is not None:
            self._steer(message, self.snapshot)

    @work(thread=True, group="control")
    def _steer(self, message: messages.SteeringAsked, snapshot: Snapshot) -> None:
        try:
            said, supervisor = carry_out(message, snapshot.folder, snapshot.view)
        except KerasSeqError as error:
            self.notify(str(error), severity="error", timeout=20, markup=False)
            return
        if supervisor is not None:
            self._supervisors.append(supervisor)
        self.notify(said, markup=False)

    @on(messages.LaunchAsked)
    def _on_launch(self, message: messages.LaunchAsked) -> None:
        self._launch(message)

    @work(thread=True, group="control")
    def _launch(self, message: messages.LaunchAsked) -> None:
        from experiments.backend import check_backend
        from experiments.launch import launch  # with the above 10 ms, needed by few

        worker = get_current_worker()

        def tell(text: str) -> None:
            # Whoever leaves while steps are timed leaves before anything has begun.
            if worker.is_cancelled:
                raise RequestError("Nothing was started.")
            self.notify(text, markup=False)

        try:
            check_backend()
            launched = launch(self.root, message.config, tell)
        except KerasSeqError as error:
            self.post_message(messages.LaunchFailed(str(error)))
            return
        self._supervisors.append(launched.supervisor)
        self.post_message(messages.ExperimentChosen(launched.folder))
