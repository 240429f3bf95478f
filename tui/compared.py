"""What the Compare screen shows: the answer to a question about an experiment."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.by_length import ByLength, by_length
from experiments.cut import Cut
from experiments.distinctions import Distinctions, distinctions
from experiments.leaderboard import Leaderboard, leaderboard
from experiments.read_model import ExperimentView


@dataclass(frozen=True)
class Question:
    """How a person wants the models to be held against each other."""

    cut: Cut | None = None
    """The budget they are held to; `None` is the outcome, by test once all is finished."""
    target: float | None = None
    """What counts as solved in place of the task's own threshold."""


@dataclass(frozen=True)
class Compared:
    """The answer."""

    question: Question
    board: Leaderboard
    lengths: ByLength | None
    distinctions: Distinctions


def compared(view: ExperimentView, question: Question, board: Leaderboard) -> Compared:
    """The answer, made in the follower's thread; `board` is that of the outcome."""
    if question != Question():
        board = leaderboard(view, question.cut, question.target)
    return Compared(question, board, by_length(view), distinctions(view))
