"""A screen that can measure how long an experiment will take."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import get_current_worker

from experiments.config import ExperimentConfig
from experiments.errors import KerasSeqError, RequestError
from tui.messages import EstimateMade
from tui.run_preview import estimated


class EstimatingScreen(Screen[None]):
    """Base of the form; it says what is known in `#estimate`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+e", "estimate", "Estimate", id="new.estimate", priority=True,
            tooltip="Measure a few steps of each model: how long will it take? Again: no more",
        ),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._is_estimating = False
        self._estimated: ExperimentConfig | None = None

    @property
    def experiment(self) -> ExperimentConfig | None:
        """The one to estimate; None while there is none."""
        raise NotImplementedError

    def forget_estimate(self, config: ExperimentConfig | None) -> None:
        """Say nothing of what was measured for another experiment than `config`."""
        if self._estimated is not None and config != self._estimated:
            self._estimated = None
            self.workers.cancel_group(self, "estimate")
            self._estimate("")

    def action_estimate(self) -> None:
        """Measure, or measure no more."""
        if self._is_estimating:
            self.workers.cancel_group(self, "estimate")
            self._estimate("estimate: given up")
        elif self.experiment is not None:
            self._estimated = self.experiment
            self._estimate("estimate: starting", is_over=False)
            self._measure(self.experiment)

    @work(thread=True, exclusive=True, group="estimate")
    def _measure(self, config: ExperimentConfig) -> None:
        from experiments.backend import check_backend
        from experiments.estimate import estimate  # with the above 10 ms, needed by few

        worker = get_current_worker()

        def tell(text: str) -> None:
            if worker.is_cancelled:
                raise RequestError("It was given up.")
            self.post_message(EstimateMade(f"estimate: {text}", is_over=False))

        try:
            check_backend()
            said = estimated(estimate(config, tell))
        except KerasSeqError as error:
            said = f"estimate: {error}"
        if not worker.is_cancelled:
            self.post_message(EstimateMade(said, is_over=True))

    @on(EstimateMade)
    def _on_estimate(self, message: EstimateMade) -> None:
        if self._is_estimating:
            self._estimate(message.said, is_over=message.is_over)

    def _estimate(self, said: str, *, is_over: bool = True) -> None:
        self._is_estimating = not is_over
        shown = self.query_one("#estimate", Static)
        shown.update(said)
        shown.display = bool(said)
