"""The part of a training's time that may be spent on looking at it."""

from __future__ import annotations

SHARE = 0.03
"""Of the time that training has taken so far."""
UNKNOWN = 3
"""How many times as much is kept for the end while nothing is known."""


class TimeBudget:
    """Says whether there is time for a recording, by what the ones before took.

    There is where all of them together take up to 3 % of the time that updates took so far, if the
    next one takes as long as the last, and where as much can still be spent after the last step.

    Args:
        steps: Updates of the training.
        first_seconds: What the first recording is taken to need.
    """

    def __init__(self, steps: int, first_seconds: float) -> None:
        self._steps = steps
        self._first_seconds = self._next_seconds = first_seconds
        self._is_compiled = False
        self._first_asked: tuple[int, float] | None = None
        self.spent = 0.0
        """Seconds."""

    def expect(self, first_seconds: float) -> None:
        """Take the first recording, which is compiled, to need so much; those after it do not."""
        self._first_seconds, self._is_compiled = first_seconds, True

    def refusal(self, step: int, trained: float, is_last: bool) -> str:
        """Why there is no time after `step` updates in `trained` seconds; empty where there is."""
        after = self.spent + (self._next_seconds if self.spent else self._first_seconds)
        in_all = trained if is_last else self._in_all(step, trained)
        if after > SHARE * trained:
            return (
                f"with it recordings would take {after:.2g} s of {trained:.0f} s of training, more "
                f"than {100 * SHARE:g} %"
            )
        # How long the first one takes is a guess.
        kept = self._next_seconds * (1 if self.spent else UNKNOWN)
        if not is_last and after + kept > SHARE * in_all:
            return "the time that is left is kept for the recording after the last step"
        return ""

    def spend(self, seconds: float) -> None:
        """Count a recording that was made."""
        if self.spent:
            self._next_seconds = seconds
        elif not self._is_compiled:
            # The first one loads what the next ones have, and takes about twice as long.
            self._next_seconds = seconds / 2
        self.spent += seconds

    def _in_all(self, step: int, trained: float) -> float:
        """The seconds that training will have taken, at the pace since this was first asked.

        The steps before hold the compilation, and say nothing of those to come.
        """
        if self._first_asked is None or step <= self._first_asked[0]:
            self._first_asked = step, trained
            return trained
        since, before = self._first_asked
        return trained + (trained - before) / (step - since) * (self._steps - step)
