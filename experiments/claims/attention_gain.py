"""Claim e: attention mends what a fixed vector forgets, the more the longer the sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from experiments.by_length import Bin
from experiments.claims.claim import Claim, Verdict, Views, word_of
from experiments.claims.evidence import LEARNED, Evidence, Seeds, above, below, better

PLAIN, ATTENTIVE = "seq2seq", "seq2seq_attention"
MOST = 0.5
"""A share of sequences above which most are right."""


def judge(views: Views) -> Verdict:
    """Supported when all of this holds on `reverse`, over seeds and with 95 % intervals.

    1. Without attention fewer sequences are right the longer they are: the slope of exact match
       over length is below zero.
    2. With attention more sequences are right.
    3. The gain grows with length: the slope of the difference over length is above zero.

    Exact match is that of greedy decoding, in bins of the lengths of training; a slope is per ten
    letters, by least squares over the middles of the bins, for each seed. Seeds whose encoder-
    decoder with attention has less than half of the sequences right say nothing of slopes, because
    what is never right cannot become worse.

    Beside it: longer sequences than those of training, and SCAN, split by length. Where most
    answers there are wrong with attention too, it mends forgetting, and does not teach a network
    to go beyond what it was shown.
    """
    found = Evidence(views["reverse"])
    plain, attentive = found.values(PLAIN), found.values(ATTENTIVE)
    learned = [seed for seed, value in attentive.items() if value >= LEARNED and seed in plain]
    bins = found.bins()
    shown = {part: key for part, key in bins.items() if not part.is_extrapolation}
    without = _slopes(found, PLAIN, shown, learned)
    with_attention = _slopes(found, ATTENTIVE, shown, learned)
    conditions = (
        below("Slope of exact match without attention is negative", without, 0),
        better("With attention more sequences are right", attentive, plain),
        above(
            "Slope of the gain is positive",
            {seed: with_attention[seed] - without[seed] for seed in without},
            0,
        ),
    )
    numbers = tuple(
        found.mean(
            f"Exact match of {model}, {part.low} to {part.high} letters"
            f"{', longer than in training' if part.is_extrapolation else ''}",
            model,
            key,
        )
        for part, key in bins.items()
        for model in (PLAIN, ATTENTIVE)
    )
    scan = Evidence(views["scan_length"])
    refuting = (
        above(
            "SCAN, longer than in training: with attention most are right",
            scan.values(ATTENTIVE),
            MOST,
        ),
        scan.mean("SCAN, longer than in training: without attention", PLAIN),
    )
    return Verdict(word_of(conditions), conditions, numbers, refuting)


def _slopes(found: Evidence, model: str, bins: Mapping[Bin, str], seeds: Iterable[int]) -> Seeds:
    """For each of `seeds`, the slope of the metric over ten letters."""
    middles = [(part.low + part.high) / 20 for part in bins]
    values = [found.values(model, key) for key in bins.values()]
    if len(values) < 2:
        return {}
    return {
        seed: float(np.polyfit(middles, [by_seed[seed] for by_seed in values], 1)[0])
        for seed in seeds
    }


ATTENTION_GAIN = Claim(
    letter="e",
    sentence=(
        "An RNN encoder-decoder forgets long sentences; attention mends it, and the gain grows "
        "with length."
    ),
    experiments=("reverse", "scan_length"),
    judge=judge,
)
