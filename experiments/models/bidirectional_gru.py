"""The bidirectional gated recurrent unit."""

from dataclasses import dataclass
from typing import ClassVar

from experiments.budget import Positive
from experiments.models.gru import GRU


@dataclass(frozen=True)
class BidirectionalGRU(GRU):
    """Two GRUs side by side, one reading forward, one backward."""

    name: ClassVar[str] = "bidirectional_gru"
    directions: ClassVar[int] = 2

    units: Positive = 51
    """Width of the state in each direction."""
