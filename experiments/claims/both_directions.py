"""Claim d: a bidirectional network uses the past and the future."""

from __future__ import annotations

from typing import cast

from experiments.claims.claim import Claim, Verdict, Views, word_of
from experiments.claims.evidence import Evidence, above, below
from experiments.tasks.task import Classes

ALMOST_ALL = 0.95
"""An accuracy above which a model knows what is asked for."""
TOLERANCE = 0.01
"""How far above the ceiling chance may lift an accuracy on the test split."""


def judge(views: Views) -> Verdict:
    """Supported when all of this holds, over seeds and with 95 % intervals.

    1. Future: the bidirectional LSTM is right about the token some steps ahead more than 95 % of
       the time.
    2. Past: it is right about the token as many steps back more than 95 % of the time.

    No model that reads the past alone can exceed 1/V at the first, with V tokens in the
    vocabulary; whether the causal LSTM of equal size stays within 0.01 of it is told, as a check
    of the experiment.

    Beside it: a causal LSTM that may wait. To answer for a step twice the distance later is to
    say what was read so many steps back; where it is as good, no second direction is needed for
    the future, only patience.
    """
    ahead, back = Evidence(views["lookahead"]), Evidence(views["lookback"])
    ceiling = 1 / cast("Classes", views["lookahead"].config.task.task.target).count
    both, causal = "bidirectional_lstm", "lstm"
    conditions = (
        above("The bidirectional LSTM knows the future", ahead.values(both), ALMOST_ALL),
        above("The bidirectional LSTM knows the past", back.values(both), ALMOST_ALL),
    )
    numbers = (
        below(
            f"The causal LSTM does not exceed the ceiling of {ceiling:g}",
            ahead.values(causal),
            ceiling + TOLERANCE,
        ),
    )
    refuting = (
        above("The causal LSTM knows as much if it may wait", back.values(causal), ALMOST_ALL),
    )
    return Verdict(word_of(conditions), conditions, numbers, refuting)


BOTH_DIRECTIONS = Claim(
    letter="d",
    sentence="A bidirectional RNN uses past and future.",
    experiments=("lookahead", "lookback"),
    judge=judge,
)
