"""Claim b: peepholes help in some scenarios."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.claims.claim import Claim, Finding, Verdict, Views, Word
from experiments.claims.evidence import Evidence, better, mean, mean_of

TASKS = {"measure": "measuring delays", "generate": "generating spikes"}
TINY = (1, 2, 4)
"""Units of a tiny state."""
SIZES = {"tiny": tuple(f"_{units}" for units in TINY), "ordinary": ("",)}
"""What follows the names of the models of each size."""


def judge(views: Views) -> Verdict:
    """Supported when peepholes help somewhere and harm nowhere, with 95 % intervals over seeds.

    There are four scenarios: measuring the time between spikes and generating spikes in time,
    with tiny states (the mean over 1, 2 and 4 units) and with ordinary ones (equal parameters). At
    equal width peepholes are three more parameters for each unit; tiny states have no other width
    of equal size, so there the widths are equal.

    Peepholes help where the peephole LSTM gains more than the LSTM, and harm where it is the other
    way round; intervals are widened for four comparisons. A gain is the share of the way from the
    best null baseline to a perfect score. Not supported: in every scenario they help by less than
    0.05, or harm. Mixed: they help somewhere and harm elsewhere.

    Beside it: digits, where nothing depends on precise times.
    """
    helps: list[Finding] = []
    harms: list[Finding] = []
    numbers: list[Finding] = []
    count = len(TASKS) * len(SIZES)
    for task, words in TASKS.items():
        for size, suffixes in SIZES.items():
            found = Evidence(views[f"timing_{task}_{size}"])
            peephole = mean_of([found.gains(f"peephole_lstm{suffix}") for suffix in suffixes])
            lstm = mean_of([found.gains(f"lstm{suffix}") for suffix in suffixes])
            where = f"{words}, {size} state"
            helps.append(better(f"{where}: peepholes help", peephole, lstm, comparisons=count))
            harms.append(better(f"{where}: peepholes harm", lstm, peephole, comparisons=count))
            numbers += [
                mean(f"{where}: gain with peepholes", peephole),
                mean(f"{where}: gain without", lstm),
            ]
    digits = Evidence(views["digits"], "majority")
    elsewhere = better(
        "digits: peepholes help there too", digits.gains("peephole_lstm"), digits.gains("lstm")
    )
    return Verdict(_word(helps, harms), tuple(helps), (*harms, *numbers), (elsewhere,))


def _word(helps: Sequence[Finding], harms: Sequence[Finding]) -> Word:
    does_harm = any(finding.side == "for" for finding in harms)
    if any(finding.side == "for" for finding in helps):
        return "mixed" if does_harm else "supported"
    return "underpowered" if any(f.side == "open" for f in helps) else "not supported"


PEEPHOLES = Claim(
    letter="b",
    sentence="Peepholes let the gates see the cell state and help in some scenarios.",
    experiments=(*(f"timing_{task}_{size}" for task in TASKS for size in SIZES), "digits"),
    judge=judge,
)
