"""Every claim by its letter."""

from experiments.claims.both_directions import BOTH_DIRECTIONS
from experiments.claims.cell_state import CELL_STATE
from experiments.claims.claim import Claim

CLAIMS: dict[str, Claim] = {
    claim.letter: claim
    for claim in (
        CELL_STATE,
        BOTH_DIRECTIONS,
    )
}
