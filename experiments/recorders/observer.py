"""Records what a network does inside while it trains, within a budget of time and disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from experiments.events import Event, NotRecorded, Recorded
from experiments.recorders.recording import encode
from experiments.recorders.time_budget import TimeBudget
from experiments.recorders.trace import Trace
from experiments.store import TrialFolder, replace

if TYPE_CHECKING:
    import keras

    from experiments.tasks.task import Batch, Task

MOST = 10
"""Recordings of a trial, evenly spread over its budget of steps, the last after the last step."""
MOST_BYTES = 20_000_000
"""Of a trial; each recording may have an equal part."""
RESOLUTION = 128
"""Places along an axis: with half-blocks, what a screen can show. Halved until the file fits."""
LEAST_RESOLUTION = 16
FIRST_SECONDS = 0.25
STEP_SECONDS = 1e-3
"""What the first recording is taken to need, and in addition for each step of a sequence."""

COMPILING = 0.5
"""Of the time of the first updates, what compiling a look takes: 0.38 to 0.53, measured on JAX."""

Look = Callable[[int], Sequence[Trace]]
"""Gives the traces with so many places along an axis at most."""


class Observer:
    """Looks into a network at validations, and writes what was seen.

    A recording is due at the first validation, then when a ninth of the budget's steps have
    passed since the last one, and after the last update, none in the ninth before. It is made
    where `TimeBudget` has the time; else the journal says why not, once till the next one. What
    a recording took is told with it.

    Args:
        folder: Where to write.
        steps: Updates of the budget.
        length: Steps of a sequence.
        look: Looks into the network.
        record: Writes to the journal.
        first_step: From where training goes on.
        is_compiled: Whether the first look is compiled, as the first update is.
        clock: Seconds.
    """

    def __init__(
        self,
        folder: TrialFolder,
        steps: int,
        length: int,
        look: Look,
        record: Callable[[Event], None],
        first_step: int = 0,
        is_compiled: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._folder = folder
        self._gap = steps / (MOST - 1)
        self._look, self._record, self._clock = look, record, clock
        self._is_compiled = is_compiled
        self._budget = TimeBudget(steps, FIRST_SECONDS + STEP_SECONDS * length)
        self._due = first_step + self._gap if first_step else 0.0
        self._last_due = steps - self._gap
        self._resolution = RESOLUTION
        self._has_said_why = False
        self._is_over = False

    @classmethod
    def of(
        cls,
        model: keras.Model,
        task: Task,
        validation: Batch,
        steps: int,
        folder: TrialFolder,
        record: Callable[[Event], None],
        first_step: int = 0,
    ) -> Observer:
        """An observer of `model`, with all the recorders there are."""
        from experiments.catalog import RECORDERS
        from experiments.recorders.reading import Reading  # imports Keras

        recorders = [recorder() for recorder in RECORDERS.values()]
        reading = Reading(model, task, validation, recorders)
        length, is_compiled = task.sequence_length, reading.is_compiled
        return cls(folder, steps, length, reading.traces, record, first_step, is_compiled)

    def began(self, seconds: float) -> None:
        """Hear how long the first updates took, their compilation included."""
        if self._is_compiled:
            self._budget.expect(COMPILING * seconds)

    def offer(self, step: int, trained: float, is_last: bool) -> None:
        """Look, if it is due and there is time, at the network after `step` updates.

        `trained` is how many seconds the updates took, and nothing else.
        """
        is_due = is_last or self._due <= step <= self._last_due
        if self._is_over or not is_due:
            return
        refusal = self._budget.refusal(step, trained, is_last)
        if refusal:
            if is_last or not self._has_said_why:
                self._refuse(step, refusal)
            return
        began = self._clock()
        try:
            content = self._content(step)
            if content:
                self._folder.arrays.mkdir(exist_ok=True)
                replace(self._folder.recording(step), content)
        except Exception as error:
            # A network of somebody else's, or a full disk, must not end a training for this.
            self._is_over = True
            self._refuse(step, f"{type(error).__name__}: {error}")
            return
        seconds = self._clock() - began
        self._budget.spend(seconds)
        if content:
            self._record(Recorded(step=step, seconds=seconds, size_bytes=len(content)))
            self._due, self._has_said_why = step + self._gap, False

    def _refuse(self, step: int, reason: str) -> None:
        self._record(NotRecorded(step=step, reason=reason))
        self._has_said_why = True

    def _content(self, step: int) -> bytes:
        """What to write, as fine as it may be; nothing where there is nothing, now or later."""
        while traces := self._look(self._resolution):
            content = encode(step, traces)
            if len(content) <= MOST_BYTES / MOST:
                return content
            if self._resolution <= LEAST_RESOLUTION:
                self._refuse(
                    step,
                    f"a recording takes {len(content):,} bytes, more than {MOST_BYTES // MOST:,}, "
                    f"with {LEAST_RESOLUTION} places along an axis",
                )
                break
            self._resolution //= 2
        else:
            self._refuse(step, "this network has nothing that is recorded")
        self._is_over = True
        return b""
