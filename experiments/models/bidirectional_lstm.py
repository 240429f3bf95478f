"""The bidirectional long short-term memory."""

from dataclasses import dataclass
from typing import ClassVar

from experiments.budget import Positive
from experiments.models.lstm import LSTM


@dataclass(frozen=True)
class BidirectionalLSTM(LSTM):
    """Two LSTMs side by side, one reading forward, one backward."""

    name: ClassVar[str] = "bidirectional_lstm"
    directions: ClassVar[int] = 2

    units: Positive = 45
    """Width of the state in each direction."""
