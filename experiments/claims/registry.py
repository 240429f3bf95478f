"""Every claim by its letter."""

from experiments.claims.attention_gain import ATTENTION_GAIN
from experiments.claims.both_directions import BOTH_DIRECTIONS
from experiments.claims.cell_state import CELL_STATE
from experiments.claims.claim import Claim
from experiments.claims.fewer_gates import FEWER_GATES
from experiments.claims.peepholes import PEEPHOLES
from experiments.claims.whole_input import WHOLE_INPUT

CLAIMS: dict[str, Claim] = {
    claim.letter: claim
    for claim in (
        CELL_STATE,
        PEEPHOLES,
        FEWER_GATES,
        BOTH_DIRECTIONS,
        ATTENTION_GAIN,
        WHOLE_INPUT,
    )
}
